"""From wherever a run is to its end: the model is fitted, measured, and drawn.

What a killed process left undone of a finished run is done here, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rockfall.building import of_a_file
from rockfall.errors import CheckpointError, Interrupted, RockfallError
from rockfall.evaluation import evaluate_model
from rockfall.kit.blame import code_of
from rockfall.kit.devices import computing
from rockfall.kit.files import unfinished, write_json
from rockfall.kit.modules import parameters
from rockfall.kit.randomness import set_random_state
from rockfall.kit.regular import own_folder
from rockfall.model_pictures import pictures_in, snapshots_of, write_pictures
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory, RunningElsewhere
from rockfall.run.run import Run
from rockfall.sources.info import SourceInfo
from rockfall.sources.source import Source
from rockfall.sources.unseen import AllSeen, unseen, with_validation_as_test

LATER = ("preparation", "digests")
"""Of a source's description, what follows from the rest, and is not in older versions' runs."""
SPACES = ("observation_space", "action_space")
"""Of an environment's, what older versions' runs do not say."""
CLEARED = "cleared away what a killed process had not finished writing: {}"


def complete(run: Run, source: Source) -> Run:
    """Fit from wherever the run is, evaluate, write `result.json`, and draw."""
    if not run.recorded:
        return _accompany(run, source)
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
            with computing_as(run):
                source = source.to(run.device)
                _fit(run, source, resumed)
                run.observers.emit("evaluating", what=run.record.source)
                tuned = run.record.measured_on == "validation"
                measured = _unseen(run, with_validation_as_test(source) if tuned else source)
                result = _result(run)
                if measured:
                    name, seed = run.record.model, int(tuned)
                    result["figures"] = evaluate_model(run.model, name, measured, seed=seed)
                else:
                    result["pictures"] = []
                # Before the pictures, which can be drawn again in less time than it took to learn.
                write_json(run.directory.result_file, result)
                if measured:
                    result = _draw(run, measured, result)
        except (KeyboardInterrupt, Interrupted) as error:
            stopped = error if isinstance(error, Interrupted) else _stopped_at_once(run)
            if run.stopped and not run.finished:
                write_json(run.directory.result_file, {**_result(run), "stopped": run.stopped})
            run.observers.emit("interrupted", run=run.name, step=run.step, message=str(stopped))
            raise stopped from None
        except BaseException as error:
            run.observers.emit("failed", run=run.name, step=run.step, message=str(error))
            raise
        finally:
            run.observers.finished(run, result)
        report_finished(run, result)
    return run


def _accompany(run: Run, source: Source) -> Run:
    """Fit alone, as one of several processes that learn together, of which another records."""
    with run.interrupt.raised():
        resumed = run.resume()
        with computing_as(run):
            _fit(run, source.to(run.device), resumed)
    return run


def _fit(run: Run, source: Source, resumed: bool) -> None:
    if run.finished:  # it was killed between its last checkpoint and its result
        return
    run.leave_snapshots(snapshots_of(run.model, run.record.model, source))
    with run.interruptible(), code_of(_whose(run)):
        # Whatever was opened, imported or reported since the model was initialised: an import may
        # draw, and does so once a process.
        set_random_state(run.generators)
        refusal = CheckpointError(f"{run.name} can't go on from its checkpoint, step {run.step}")
        with of_a_file(refusal if resumed else None):
            run.model.fit(run.own(source), run)
        run.finish()


def _result(run: Run) -> dict[str, Any]:
    """What `result.json` says, but for figures and pictures."""
    return {
        "figures": {},
        "parameters": parameters(run.model),
        "steps": run.step,
        "examples": run.examples,
        "environment_steps": run.environment_steps,
        "seconds": round(run.seconds, 2),
    }


def _unseen(run: Run, source: Source) -> Source | None:
    """What a trained model is measured on; None, saying so, if it was trained on all of it."""
    try:
        left = unseen(source, run.record.info)
    except AllSeen as error:
        run.warn(str(error))
        return None
    _warn_of(left, run, known=getattr(source, "warnings", ()))
    return left


def _draw(run: Run, source: Source | None, result: dict[str, Any]) -> dict[str, Any]:
    """Leave the pictures of the trained model, and in its result their names; returns the result.

    What can't be drawn is no reason to fail. source: None to open it again.
    """
    drawn: list[str] = []
    try:
        source = source or source_again(run).to(run.device)
        with computing_as(run):
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


def report_finished(run: Run, result: dict[str, Any]) -> None:
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


def repaired(run: Run, result: dict[str, Any]) -> dict[str, Any]:
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


def source_again(
    run: Run, options: Mapping[str, Any] | None = None, *, whole: bool = False
) -> Source:
    """The source of a run; says so if it has changed since. Raises RockfallError if its model can't
    take it any more.

    options: over its own. whole: to train on, and not to measure on alone.
    """
    source = run.record.open_source(options, whole=whole)
    changed = _differences(SourceInfo.from_json(run.record.info), source.info)
    message = f"{run.record.source} has changed since this run began: other {', '.join(changed)}"
    if {"shape", "actions", "action_space"}.intersection(changed):
        raise RockfallError(message)
    if changed:
        run.warn(message)
    if not whole:
        _warn_of(source, run)
    return source


def _warn_of(source: Source, run: Run, known: Sequence[str] = ()) -> None:
    """Pass on what a source warns of, but for what the user knows already."""
    for each in getattr(source, "warnings", ()):
        if each not in known:
            run.warn(each)


def _differences(then: SourceInfo, now: SourceInfo) -> list[str]:
    """Which parts of two descriptions differ, as JSON, where the parts of a space have an order."""
    before, after = then.to_json(), now.to_json()
    said = [name for name in before if before[name] is not None or name not in SPACES]
    return [
        name
        for name in said
        if name not in LATER and json.dumps(before[name]) != json.dumps(after[name])
    ]


def computing_as(run: Run) -> AbstractContextManager[None]:
    """As the run computes: what is measured and drawn of it again is what it was."""
    record = run.record
    return computing(record.threads, record.matmul_precision, record.deterministic)


def _whose(run: Run) -> str:
    entry = registry().models.get(run.record.model)
    return entry.spec.whose if entry else run.record.model
