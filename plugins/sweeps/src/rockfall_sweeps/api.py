"""`rockfall_sweeps.sweep`, and the study that it gives."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from rockfall import RockfallError, UsageError, open_source
from rockfall.kit.files import writing
from rockfall.kit.interrupt import Interrupt
from rockfall.verbs import runs_folder
from rockfall_sweeps.driver import Driver, Tell
from rockfall_sweeps.places import make_place
from rockfall_sweeps.request import FILE, Request
from rockfall_sweeps.settings import make_request
from rockfall_sweeps.study import Study
from rockfall_sweeps.travel import check_url
from rockfall_sweeps.winner import measure_winner

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TRIALS = 20
"""In all, where neither their number nor a time is said."""


def sweep(
    model: str,
    source: str | Path | None = None,
    *,
    space: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    preset: str | None = None,
    metric: str | None = None,
    trials: int | None = None,
    seconds: float | None = None,
    seeds: int = 1,
    seed: int = 0,
    sampler: str = "tpe",
    pruner: str = "median",
    jobs: int = 1,
    on: str = "local",
    name: str = "",
    out: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int = 1,
    deterministic: bool = False,
    storage: str = "",
    remote: str = "",
    checkpoint_every: float = 30.0,
    place_options: Mapping[str, Any] | None = None,
    tell: Tell | None = None,
    **settings: Any,
) -> Study:
    """Find good settings of a model by trying them; called again, it goes on where it was.

    space: setting → where to look for it, as it would be typed: `"1e-4..1e-2:log"`, `"64,128"`.
        Without it, the model's own.
    config, settings: of all trials alike.
    metric: a figure, or what is logged; `-` before it for the lowest. By default the model's own.
    trials: in all, earlier ones included, 20 by default; seconds: after which none is begun.
    seeds: runs of each setting, which is judged by their mean.
    jobs: trials at once. on: `local`, `ray` or `slurm`; place_options: of that place.
    name: of its folder in `out`, the folder of runs; by default by model and source.
    storage: the URL of a database instead of the journal file. remote: the URL of a folder to which
        checkpoints travel, where nodes share no folder.
    tell: called with what happens, a kind and its data.

    Raises UsageError or ConfigError before anything runs if the request can't be met, Interrupted
    after Ctrl-C, RockfallError if another process drives the sweep.
    """
    texts = {**(config or {}), **settings, **(space or {})}
    request, distributions = make_request(
        model,
        None if source is None else str(source),
        {key: value if isinstance(value, str) else to_text(value) for key, value in texts.items()},
        source_options or {},
        metric=metric,
        preset=preset,
        seeds=_at_least_one("seeds", seeds),
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        device=device,
        precision=precision,
        threads=threads,
        deterministic=deterministic,
        storage=storage,
    )
    if trials is None and seconds is None:
        trials = TRIALS
    if name and not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: use letters, digits, '.', '_' and '-'")
    folder = (Path(out) if out else runs_folder()) / (name or _name(request))
    begun = (folder / FILE).exists()
    if begun:
        request.require_same(Request.read(folder), folder)
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is no sweep: choose another --name")
    if not begun:
        open_source(request.source, request.source_options)  # a mistake in its name is found here
    if remote:
        check_url(remote)
    place = make_place(on, _at_least_one("jobs", jobs), folder, place_options or {})
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with alone(folder), Interrupt().raised():
        if not begun:
            request.write(folder)
        driver = Driver(
            folder.absolute(),
            request,
            distributions,
            place,
            tell or (lambda kind, data: None),
            trials=trials,
            seconds=seconds,
            checkpoint_every=checkpoint_every,
            remote=f"{remote.rstrip('/')}/{folder.name}" if remote else "",
        )
        driver.go()
        study = Study(folder.absolute(), request, driver.study)
        if study.best is not None:
            measure_winner(study)
    return study


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a sweep for this process. Raises RockfallError if another one drives it."""
    lock = filelock.FileLock(folder / ".lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RockfallError(f"another process drives the sweep {folder.name}") from None
    except OSError as error:
        raise RockfallError(f"can't write to {folder}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def to_text(value: Any) -> str:
    """A value as somebody would type it."""
    if isinstance(value, tuple | list):
        return ",".join(map(to_text, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _name(request: Request) -> str:
    source = Path(request.source).stem.lower().replace(":", "-")
    return f"sweep-{request.model.rpartition(':')[2]}-{source}".replace(" ", "-")


def _at_least_one(what: str, number: int) -> int:
    if number < 1:
        raise UsageError(f"{what} must be 1 or more, not {number}")
    return number
