"""Train, resume, open and evaluate: the Python API under the verbs of the same names."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rockfall.building import build_config, build_model, of_a_file
from rockfall.capabilities import capabilities_of
from rockfall.completing import complete, computing_as, repaired, report_finished, source_again
from rockfall.config import split_preset
from rockfall.errors import (
    CheckpointError,
    Interrupted,
    RockfallError,
    UsageError,
)
from rockfall.evaluation import evaluate_model
from rockfall.kinds import require_kind
from rockfall.kit.blame import code_of
from rockfall.kit.devices import choose_computing, choose_device, choose_threads
from rockfall.kit.files import check_new_file
from rockfall.kit.measurements import Measurements
from rockfall.kit.places import Place
from rockfall.kit.randomness import fork_rng
from rockfall.kit.regular import own_folder
from rockfall.lengthening import lengthen
from rockfall.model_pictures import write_pictures
from rockfall.parallel import require_parallel, run_in
from rockfall.registry import CORE, registry
from rockfall.run.directory import (
    Named,
    Record,
    RunDirectory,
    find_run,
    runs_folder,
)
from rockfall.run.events import Listener
from rockfall.run.run import Run
from rockfall.sources.opening import open_source, preset_that_suits

MOST_THREADS = 1024
"""With many more, OpenMP ends the process."""


def train(
    model: str,
    source: str | Path | None = None,
    *,
    source_options: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    deterministic: bool = False,
    name: str = "",
    out: str | Path | None = None,
    listeners: Sequence[Listener] | None = None,
    checkpoint_every: float = 30.0,
    measured_on: str = "test",
    promised: Named | None = None,
    devices: int | None = None,
    **settings: Any,
) -> Run:
    """Fit a model to a source and return the run; `run.model` is ready for use.

    model, source: names as in `rockfall list`; the source may be a Gymnasium id or a path, and
        defaults to the model's own.
    config, settings: the model's settings, over those of the preset named like the source.
    deterministic: on CUDA too, the same figures every time, from slower algorithms.
    listeners: called with every `Event`; by default progress is shown on the terminal or notebook.
    checkpoint_every: seconds between two checkpoints.
    measured_on: `validation` to choose settings by the figures, which are of the test examples, or
        episodes, otherwise.
    promised: called with the run's directory before it is a run, and what its `run.json` will be;
        see `rockfall.verbs.promising`.
    devices: how many processes of it learn together, each on its own; this is one of them, which
        the command line, torchrun or srun started. See `rockfall.parallel`.

    Raises UsageError before anything is written if the request can't be met, Interrupted after
    Ctrl-C (the run can be resumed), Diverged if a metric stops being finite.
    """
    place = Place.find(devices)
    place.check_name(name)
    device = place.device(device)
    entry = registry().models.find(model)
    named = str(source or entry.spec.default_source)
    _check_numbers(seed, threads, checkpoint_every)
    if measured_on not in ("test", "validation"):
        raise UsageError(f"measured_on must be test or validation, not {measured_on!r}")
    capabilities_of(entry.spec)  # one that is not installed should not be missed after the training
    kind = entry.spec.load()
    with code_of(entry.spec.whose):
        computing_with = choose_computing(device, precision, kind, entry.spec.devices)
    # A mistake should be found before a source is opened, which may be to download it.
    known = registry().source(named)
    if known:
        require_kind(entry.spec, known.spec.name, known.spec.kinds)
    source_name = known.spec.name if known else named
    values = {**(config or {}), **settings}
    presets: dict[str, dict[str, Any]] = getattr(kind, "presets", {})
    if preset is None and not known and named not in presets:
        suited = preset_that_suits(named)
        preset = suited if suited in presets else None
    of_preset = split_preset(presets.get(source_name if preset is None else preset, {}))[1]
    source_options = {**of_preset, **(source_options or {})}
    built = build_config(kind, entry.spec.name, source_name, preset, values)
    opened = open_source(named, source_options)
    in_the_way = getattr(opened, "in_the_way", "")
    require_kind(entry.spec, opened.info.name, opened.info.kinds, in_the_way)
    # A Gymnasium id may be that of an environment that has a name, and the name a preset.
    if opened.info.name in presets.keys() - {source_name}:
        built = build_config(kind, entry.spec.name, opened.info.name, preset, values)
    elif preset is None and source_name not in presets and hasattr(kind, "preset_for"):
        with code_of(entry.spec.whose):
            preset = kind.preset_for(opened.info)
        built = build_config(kind, entry.spec.name, source_name, preset or None, values)
    record = Record(
        model=entry.full_name,
        source=named if known else opened.info.name,
        source_options={**source_options, **getattr(opened, "chosen", {})},
        preset=preset or "",
        config=built.model_dump(mode="json"),
        info=opened.info.to_json(),
        seed=seed,
        deterministic=deterministic,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=_versions(entry.owner),
        measured_on=measured_on,
        threads=threads or 1,
        devices=place.size,
        **computing_with,
    )
    heard = [] if place.rank else _listeners(listeners)
    fitted = build_model(record, built)
    with code_of(entry.spec.whose):  # what the config decides
        computing_with = choose_computing(device, precision, fitted, entry.spec.devices)
    record = replace(record, threads=choose_threads(threads, fitted), **computing_with)
    stem = f"{entry.spec.name}-{Path(opened.info.name).stem}".lower().replace(":", "-")
    stem = "-".join(stem.split())
    folder = Path(out) if out else runs_folder()
    if place.size > 1:
        require_parallel(fitted, entry.spec.name)
    with place.joined() as world:
        begun = place.restarted and (folder / name / "run.json").exists()
        if place.restarted and world.broadcast(begun):
            return resume(
                folder / name,
                devices=devices,
                listeners=listeners,
                checkpoint_every=checkpoint_every,
            )
        directory = None
        if not place.rank:
            directory = RunDirectory.create(folder, name, stem, record, promised)
        run = run_in(
            world, directory, record, fitted, listeners=heard, checkpoint_every=checkpoint_every
        )
        try:
            return complete(run, opened)
        except RockfallError as error:
            # Refused before its first step, so that there is nothing to go on with.
            if directory and not run.seconds and not isinstance(error, Interrupted):
                directory.remove()
            raise


def resume(
    name: str | Path,
    *,
    device: str = "",
    out: str | Path | None = None,
    listeners: Sequence[Listener] | None = None,
    checkpoint_every: float = 30.0,
    devices: int | None = None,
    **settings: Any,
) -> Run:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    settings: more of what makes the training longer, `steps=2_000_000`, with which one that has
        finished goes on, too; see `rockfall.lengthening`.
    device: another one than it began on, on which it goes on, but no longer bit for bit.
    devices: how many processes go on with it together, as for `train`. With another number than it
        began with, a run on a dataset goes on, but no longer bit for bit, and one in an environment
        is refused.
    One that has finished is opened and reported as if it had just done so, and such of its pictures
    as are missing are drawn. Raises RockfallError if another process is training it, UsageError if
    its device is not here.
    """
    place = Place.find(devices)
    directory = find_run(name, Path(out) if out else None)
    with place.joined() as world:
        if settings and not place.rank:
            lengthen(directory, settings)
        world.broadcast(None)  # the others wait for that
        if (result := directory.result()) is not None and not result.get("stopped"):
            run = _opened(directory, "last", _listeners(listeners))
            if not place.rank:
                report_finished(run, repaired(run, result))
            return run
        record = directory.record()
        begun_on = record.device
        record = replace(record, device=_device(record, place.device(device or begun_on)))
        heard = [] if place.rank else _listeners(listeners)
        built = build_model(record)
        if place.size > 1:
            require_parallel(built, record.model_name)
        recorded = None if place.rank else directory
        run = run_in(
            world, recorded, record, built, listeners=heard, checkpoint_every=checkpoint_every
        )
        if record.device != begun_on:
            run.warn(
                f"begun on {begun_on}, it goes on on {record.device}: its figures will be alike, "
                "but not bit for bit"
            )
        return complete(run, source_again(run, whole=True))


def open_run(name: str | Path, *, checkpoint: str = "last", out: str | Path | None = None) -> Run:
    """A run as it was left, its model loaded on the best device there is, without its data."""
    return _opened(find_run(name, Path(out) if out else None), checkpoint, _listeners(None))


def _opened(directory: RunDirectory, checkpoint: str, listeners: Sequence[Listener]) -> Run:
    record = directory.record()
    record = replace(record, device=_device(record))
    with fork_rng():
        run = Run(directory, record, build_model(record), listeners=listeners)
    if not directory.has_checkpoint(checkpoint):
        finished = directory.has_result()
        how = "" if finished else f" yet: `rockfall resume {directory.address}`"
        raise RockfallError(f"run {directory.name} has no checkpoint {checkpoint}{how}")
    run.step = run.load_weights(checkpoint)
    return run


def _device(record: Record, name: str = "auto") -> str:
    return str(choose_device(name, registry().models.find(record.model).spec.devices))


def evaluate(
    run: Run,
    *,
    seed: int = 0,
    limit: int | None = None,
    source_options: Mapping[str, Any] | None = None,
) -> Measurements:
    """What is measured of a finished run, measured anew, each beside its baselines.

    source_options: over those that the run has of its source.
    Raises RockfallError if its source can't be opened, or is of another shape by now, and
    CheckpointError if its model can't be measured, such as with weights that overflow.
    """
    source = source_again(run, source_options).to(run.device)
    refusal = CheckpointError(f"{run.name} can't be measured as its checkpoint has it")
    with computing_as(run), of_a_file(refusal):
        return evaluate_model(run.model, run.record.model, source, seed=seed, limit=limit)


def draw(run: Run) -> list[Path]:
    """Write the pictures of a run's model anew; returns their paths.

    Raises RockfallError if its source can't be opened or is of another shape by now, or at the end
    if not all could be drawn.
    """
    folder = own_folder(run.directory.pictures, make=True)
    check_new_file(folder / "any.png", ".png")  # whether it may be written, before much is drawn
    source = source_again(run).to(run.device)
    with computing_as(run):
        return list(write_pictures(run.model, run.record.model, source, folder))


def _check_numbers(seed: int, threads: int | None, checkpoint_every: float) -> None:
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UsageError(f"seed must be a whole number from 0 to 2^63 − 1, not {seed!r}")
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"threads must be from 1 to {MOST_THREADS}, not {threads}")
    if not checkpoint_every >= 0:
        raise UsageError(f"checkpoint_every must be 0 seconds or more, not {checkpoint_every}")


def _versions(owner: str) -> dict[str, str]:
    installed = {plugin.distribution: plugin.version for plugin in registry().plugins}
    return {
        CORE: installed[CORE],
        owner: installed.get(owner, "?"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _listeners(listeners: Sequence[Listener] | None) -> Sequence[Listener]:
    if listeners is not None:
        return listeners
    from rockfall.progress import default_listener

    return [default_listener()]
