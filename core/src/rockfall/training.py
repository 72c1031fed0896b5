"""Train, resume, open and evaluate: the Python API under the verbs of the same names."""

from __future__ import annotations

import contextlib
import datetime
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rockfall.capabilities import capabilities_of
from rockfall.config import Config, split_preset
from rockfall.errors import (
    CheckpointError,
    Interrupted,
    PluginError,
    RockfallError,
    UsageError,
    did_you_mean,
    is_out_of_memory,
)
from rockfall.evaluation import evaluate_model
from rockfall.kinds import require_kind
from rockfall.kit.blame import code_of, explained
from rockfall.kit.devices import choose_computing, choose_device, choose_threads, computing
from rockfall.kit.files import check_new_file, unfinished, write_json
from rockfall.kit.measurements import Measurements
from rockfall.kit.modules import parameters
from rockfall.kit.randomness import fork_rng, seed_everything, set_random_state
from rockfall.kit.regular import own_folder
from rockfall.model import Model
from rockfall.model_pictures import pictures_in, snapshots_of, write_pictures
from rockfall.registry import CORE, registry
from rockfall.run.directory import (
    Named,
    Record,
    RunDirectory,
    RunningElsewhere,
    find_run,
    runs_folder,
)
from rockfall.run.events import Listener
from rockfall.run.run import Run
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source, preset_that_suits
from rockfall.sources.source import Source
from rockfall.sources.unseen import AllSeen, unseen

MOST_THREADS = 1024
"""With many more, OpenMP ends the process."""
LATER = ("preparation", "digests", "observation_space", "action_space")
"""Of a source's description, what follows from the rest, and is not in the runs of version 0.1."""
CLEARED = "cleared away what a killed process had not finished writing: {}"


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
    promised: Named | None = None,
    **settings: Any,
) -> Run:
    """Fit a model to a source and return the run; `run.model` is ready for use.

    model, source: names as in `rockfall list`; the source may be a Gymnasium id or a path, and
        defaults to the model's own.
    config, settings: the model's settings, over those of the preset named like the source.
    deterministic: on CUDA too, the same figures every time, from slower algorithms.
    listeners: called with every `Event`; by default progress is shown on the terminal or notebook.
    checkpoint_every: seconds between two checkpoints.
    promised: called with the run's directory before it is a run, and what its `run.json` will be;
        see `rockfall.verbs.promising`.

    Raises UsageError before anything is written if the request can't be met, Interrupted after
    Ctrl-C (the run can be resumed), Diverged if a metric stops being finite.
    """
    entry = registry().models.find(model)
    named = str(source or entry.spec.default_source)
    _check_numbers(seed, threads, checkpoint_every)
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
    if preset is None and not known and (suited := preset_that_suits(named)) in presets:
        preset = suited
    of_preset = split_preset(presets.get(source_name if preset is None else preset, {}))[1]
    source_options = {**of_preset, **(source_options or {})}
    built = build_config(kind, entry.spec.name, source_name, preset, values)
    opened = open_source(named, source_options)
    require_kind(entry.spec, opened.info.name, opened.info.kinds)
    # A Gymnasium id may be that of an environment that has a name, and the name a preset.
    if opened.info.name in presets.keys() - {source_name}:
        built = build_config(kind, entry.spec.name, opened.info.name, preset, values)
    record = Record(
        model=entry.full_name,
        source=named if known else opened.info.name,
        source_options=source_options,
        preset=preset or "",
        config=built.model_dump(mode="json"),
        info=opened.info.to_json(),
        seed=seed,
        deterministic=deterministic,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=_versions(entry.owner),
        threads=threads or 1,
        **computing_with,
    )
    heard = _listeners(listeners)
    fitted = build_model(record, built)
    with code_of(entry.spec.whose):  # what the config decides
        computing_with = choose_computing(device, precision, fitted, entry.spec.devices)
    record = replace(record, threads=choose_threads(threads, fitted), **computing_with)
    stem = f"{entry.spec.name}-{Path(opened.info.name).stem}".lower().replace(":", "-")
    stem = "-".join(stem.split())
    directory = RunDirectory.create(
        Path(out) if out else runs_folder(), name, stem, record, promised
    )
    run = Run(directory, record, fitted, listeners=heard, checkpoint_every=checkpoint_every)
    try:
        return complete(run, opened)
    except RockfallError as error:
        # Refused before its first step, so that there is nothing to go on with.
        if not run.seconds and not isinstance(error, Interrupted):
            directory.remove()
        raise


def resume(
    name: str | Path,
    *,
    device: str = "",
    out: str | Path | None = None,
    listeners: Sequence[Listener] | None = None,
    checkpoint_every: float = 30.0,
) -> Run:
    """Go on with a run from its last checkpoint, exactly as if it had never stopped.

    device: another one than it began on, on which it goes on, but no longer bit for bit.
    One that has finished is opened and reported as if it had just done so, and such of its pictures
    as are missing are drawn. Raises RockfallError if another process is training it, UsageError if
    its device is not here.
    """
    directory = find_run(name, Path(out) if out else None)
    if (result := directory.result()) is not None:
        run = _opened(directory, "last", _listeners(listeners))
        _report_finished(run, _repaired(run, result))
        return run
    record = directory.record()
    begun_on = record.device
    record = replace(record, device=_device(record, device or begun_on))
    heard = _listeners(listeners)
    built = build_model(record)
    run = Run(directory, record, built, listeners=heard, checkpoint_every=checkpoint_every)
    if record.device != begun_on:
        run.warn(
            f"begun on {begun_on}, it goes on on {record.device}: its figures will be alike, but "
            "not bit for bit"
        )
    return complete(run, _source_again(run, whole=True))


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


def _computing(run: Run) -> AbstractContextManager[None]:
    """As the run computes: what is measured and drawn of it again is what it was."""
    record = run.record
    return computing(record.threads, record.matmul_precision, record.deterministic)


def evaluate(run: Run, *, seed: int = 0, limit: int | None = None) -> Measurements:
    """What is measured of a finished run, measured anew, each beside its baselines.

    Raises RockfallError if its source can't be opened, or is of another shape by now, and
    CheckpointError if its model can't be measured, such as with weights that overflow.
    """
    source = _source_again(run).to(run.device)
    refusal = CheckpointError(f"{run.name} can't be measured as its checkpoint has it")
    with _computing(run), _of_a_file(refusal):
        return evaluate_model(run.model, run.record.model, source, seed=seed, limit=limit)


def draw(run: Run) -> list[Path]:
    """Write the pictures of a run's model anew; returns their paths.

    Raises RockfallError if its source can't be opened or is of another shape by now, or at the end
    if not all could be drawn.
    """
    folder = own_folder(run.directory.pictures, make=True)
    check_new_file(folder / "any.png", ".png")  # whether it may be written, before much is drawn
    source = _source_again(run).to(run.device)
    with _computing(run):
        return list(write_pictures(run.model, run.record.model, source, folder))


def _repaired(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    """Draw what is missing of a finished run's pictures, and clear away what a killed process left;
    returns its result.
    """
    missing = missing_pictures(run.directory, result)
    if missing == [] and not unfinished(run.directory.path):
        return result
    try:
        with run.directory.lock(wait=1.0), run.interrupt.raised():
            _tidy(run)
            if missing != []:
                run.warn(
                    f"drawing the pictures that are missing: {', '.join(missing)}"
                    if missing
                    else "it was stopped before all its pictures were drawn: drawing them"
                )
                return _draw(run, None, result)
    except RunningElsewhere:
        raise
    except RockfallError as error:  # a folder that can't be written, in which it is seen as it is
        run.warn(str(error))
    return result


def missing_pictures(directory: RunDirectory, result: Mapping[str, Any]) -> list[str] | None:
    """Names of the files that a finished run has lost; None if it is not known to have had all."""
    if (drawn := result.get("pictures")) is None:
        return None
    return [name for name in drawn if not (directory.pictures / Path(name).name).exists()]


def _tidy(run: Run) -> None:
    """Only for who holds the run's lock."""
    if left := run.directory.tidy():
        run.warn(CLEARED.format(", ".join(path.name for path in left)))


def complete(run: Run, source: Source) -> Run:
    """Fit from wherever the run is, evaluate, write `result.json`, and draw."""
    with run.directory.lock(wait=1.0), run.interrupt.raised():
        _tidy(run)
        resumed = run.resume()
        result: dict[str, Any] | None = None
        try:
            run.observers.emit(
                "started",
                run=run.name,
                model=run.record.model,
                source=run.record.source,
                device=run.record.device,
                resumed=run.step if resumed else None,
            )
            run.observers.started(run)
            _warn_of(source, run)
            with _computing(run):
                source = source.to(run.device)
                _fit(run, source, resumed)
                run.observers.emit("evaluating", what=run.record.source)
                measured = _unseen(run, source)
                result = {
                    "figures": evaluate_model(run.model, run.record.model, measured)
                    if measured
                    else {},
                    "parameters": parameters(run.model),
                    "steps": run.step,
                    "examples": run.examples,
                    "seconds": round(run.seconds, 2),
                    **({} if measured else {"pictures": []}),
                }
                # Before the pictures, which can be drawn again in less time than it took to learn.
                write_json(run.directory.result_file, result)
                if measured:
                    result = _draw(run, measured, result)
        except (KeyboardInterrupt, Interrupted) as error:
            stopped = error if isinstance(error, Interrupted) else _stopped_at_once(run)
            run.observers.emit("interrupted", run=run.name, step=run.step, message=str(stopped))
            raise stopped from None
        except BaseException as error:
            run.observers.emit("failed", run=run.name, step=run.step, message=str(error))
            raise
        finally:
            run.observers.finished(run, result)
        _report_finished(run, result)
    return run


def _unseen(run: Run, source: Source) -> Source | None:
    """What a trained model is measured on; None, saying so, if it was trained on all of it."""
    try:
        left = unseen(source, run.record.info)
    except AllSeen as error:
        run.warn(str(error))
        return None
    _warn_of(left, run, told=getattr(source, "warnings", ()))
    return left


def _report_finished(run: Run, result: dict[str, Any]) -> None:
    of_the_model, _ = pictures_in(run.directory.pictures)
    run.observers.emit(
        "finished",
        run=run.name,
        address=run.address,
        model=run.record.model,
        kinds=list(run.record.info["kinds"]),
        seconds=result["seconds"],
        result=result,
        pictures=[str(path) for path in of_the_model],
    )


def _fit(run: Run, source: Source, resumed: bool) -> None:
    if run.finished:  # it was killed between its last checkpoint and its result
        return
    run.leave_snapshots(snapshots_of(run.model, run.record.model, source))
    with run.interruptible(), code_of(_whose(run)):
        # Whatever was opened, imported or told since the model was initialised: an import may draw,
        # and does so once a process.
        set_random_state(run.generators)
        refusal = CheckpointError(f"{run.name} can't go on from its checkpoint, step {run.step}")
        with _of_a_file(refusal if resumed else None):
            run.model.fit(source, run)
        run.finish()


@contextlib.contextmanager
def _of_a_file(refusal: RockfallError | None) -> Iterator[None]:
    """Inside, code gets what a file says, which may make it fail anyhow: that is refused in one
    line, `refusal` with the reason. None: it is not of a file, and errors stay what they are.
    """
    try:
        yield
    except Exception as error:
        if refusal is None or isinstance(error, RockfallError) or is_out_of_memory(error):
            raise
        raise type(refusal)(f"{refusal}: {explained(error)}") from error


def _whose(run: Run) -> str:
    entry = registry().models.get(run.record.model)
    return entry.spec.whose if entry else run.record.model


def _draw(run: Run, source: Source | None, result: dict[str, Any]) -> dict[str, Any]:
    """Leave the pictures of the trained model, and in its result their names; returns the result.

    What can't be drawn is no reason to fail. source: None to open it again.
    """
    drawn: list[str] = []
    try:
        source = source or _source_again(run).to(run.device)
        with _computing(run):
            folder = own_folder(run.directory.pictures, make=True)
            for path in write_pictures(run.model, run.record.model, source, folder):
                drawn.append(path.name)
                run.observers.emit("picture", path=str(path))
    except RockfallError as error:
        run.warn(f"{error}; `rockfall show {run.address}` draws again")
        if not drawn:
            return result
    result = {**result, "pictures": drawn}
    try:
        write_json(run.directory.result_file, result)
    except RockfallError as error:
        run.warn(str(error))
    return result


def _stopped_at_once(run: Run) -> Interrupted:
    """What to say of a second Ctrl-C, or of one while the model was measured or drawn."""
    if run.result is not None:
        again = f"`rockfall show {run.address}`"
        return Interrupted(f"stopped; {run.name} is trained, and {again} draws what is missing")
    again = f"`rockfall resume {run.address}`"
    return Interrupted(f"stopped; {again} goes on from the last checkpoint")


def build_config(
    kind: Any, model: str, source: str, preset: str | None, values: Mapping[str, Any]
) -> Config:
    """Defaults, then the given preset or the one named like the source, then `values`."""
    if not hasattr(kind, "Config"):
        raise PluginError(f"{model} has no Config, which every model has: {kind!r:.60}")
    presets: dict[str, dict[str, Any]] = getattr(kind, "presets", {})
    if preset is not None and preset not in presets:
        hint = did_you_mean(preset, presets) or f": {', '.join(presets) or 'it has none'}"
        raise UsageError(f"{model} has no preset {preset}{hint}")
    base = presets.get(source if preset is None else preset, {})
    with code_of(f"the Config of {model}"):
        built: Config = kind.Config.build(model, split_preset(base)[0], values)
    return built


def build_model(record: Record, config: Config | None = None) -> Model:
    """The model of a record, on its device, initialised from its seed.

    config: its settings, where they have been validated already.
    """
    name = record.model_name
    spec = registry().models.find(record.model).spec
    kind = spec.load()
    refusal = RockfallError(f"{name} can't be built of what run.json says")
    of_a_file = _of_a_file(refusal if config is None else None)
    config = config or build_config(kind, name, "", None, record.config)
    with of_a_file, code_of(spec.whose):
        try:
            seed_everything(record.seed)
            built = kind(config, SourceInfo.from_json(record.info))
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    for needed in ("fit", "state_dict", "load_state_dict"):
        if not callable(getattr(built, needed, None)):
            raise PluginError(f"{spec.whose} has no {needed}(), which every model has")
    if isinstance(built, torch.nn.Module):
        built.to(record.device)
    model: Model = built
    return model


def _source_again(run: Run, *, whole: bool = False) -> Source:
    """The source of a run; says so if it has changed since. Raises RockfallError if its model can't
    take it any more.

    whole: to train on, and not to measure on alone.
    """
    source = run.record.open_source(whole=whole)
    changed = _differences(SourceInfo.from_json(run.record.info), source.info)
    message = f"{run.record.source} has changed since this run began: other {', '.join(changed)}"
    if "shape" in changed:
        raise RockfallError(message)
    if changed:
        run.warn(message)
    if not whole:
        _warn_of(source, run)
    return source


def _warn_of(source: Source, run: Run, told: Sequence[str] = ()) -> None:
    """Pass on what a source warns of, but for what was told already."""
    for each in getattr(source, "warnings", ()):
        if each not in told:
            run.warn(each)


def _differences(then: SourceInfo, now: SourceInfo) -> list[str]:
    """Which parts of two descriptions differ, after a trip through JSON."""
    before, after = (json.loads(json.dumps(info.to_json())) for info in (then, now))
    return [name for name in before if name not in LATER and before[name] != after[name]]


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
