"""The run: everything about a fitting that is not the method."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol, Self, TypeVar

import numpy as np
import torch
from PIL.Image import Image
from torch import Generator, Tensor
from torch.optim import Optimizer

from rockfall.errors import CheckpointError, Interrupted, PluginError, RockfallError
from rockfall.kit import checkpoint, pictures
from rockfall.kit.blame import explained
from rockfall.kit.devices import autocast, choose_computing, choose_threads
from rockfall.kit.graphs import CapturedStep
from rockfall.kit.interrupt import Interrupt
from rockfall.kit.randomness import fork_rng, random_state, set_random_state
from rockfall.kit.states import load_kept, load_model
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.epoch import Epoch
from rockfall.run.events import Listener
from rockfall.run.logged import NOT_METRICS
from rockfall.run.metrics import Metrics
from rockfall.run.observers import Observers
from rockfall.run.position import Position
from rockfall.run.ranks import own_part
from rockfall.run.schema import check_checkpoint
from rockfall.run.snapshots import Draw, Looks, Snapshots
from rockfall.sources.info import SourceInfo

Step = TypeVar("Step", bound=Callable[..., Any])

TICK = 0.2
"""Seconds between progress events."""
SNAPSHOTS = "snapshots"
"""As what they are counted among the looks of a run."""


class Stateful(Protocol):
    """What `run.keep` takes."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class Run:
    """One fitting: `fit(source, run)` reads its seed and device, iterates and logs through it.

    seed: of everything random. device: where the model is.
    state: plain values that a method changes and a checkpoint must hold.
    examples: how many `Epoch.batches` has handed out.
    environment_steps: how many an agent has taken in all, which it says before it logs. Where there
        are any, they are what curves are drawn over.
    model, config, info: what is being fitted, with what, on what.
    generators: the state of the global ones that `fit` begins with, resumed or not.
    stopped: the reason for which somebody has stopped it; empty: nobody has.
    """

    def __init__(
        self,
        directory: RunDirectory | None,
        record: Record,
        model: Any,
        *,
        listeners: Sequence[Listener] = (),
        checkpoint_every: float = 30.0,
    ) -> None:
        """directory: None for a run that is recorded in memory alone. checkpoint_every: seconds.

        Make it right after the model: `fit` begins with the generators as they are now.
        """
        self._directory = directory
        self.record = record
        self.model = model
        self.seed = record.seed
        self.device = torch.device(record.device)
        self.state: dict[str, Any] = {}
        self.step = 0
        self.examples = 0
        self.environment_steps = 0
        self.finished = False
        self.stopped = ""
        self.observers = Observers(listeners)
        self._metrics = Metrics(
            directory.metrics_file if directory else None,
            lambda lines: self.observers.logged(self, lines),
        )
        self._looks = Looks()
        self._snapshots: Snapshots | None = None
        self._kept: dict[str, Stateful] = {}
        self.generators = random_state()
        self._checkpoint: dict[str, Any] | None = None
        self._best_weights: tuple[int, Any] | None = None
        self._position = Position()
        self.interrupt = Interrupt()
        self._checkpoint_every = checkpoint_every
        self._best: float | None = None
        self._best_is_due = False
        self._seconds_before = 0.0
        self._started: float | None = None
        self._sitting = False
        self._next_tick = self._next_checkpoint = time.monotonic()
        self._epoch: int | None = None

    @classmethod
    def unrecorded(
        cls,
        model: Any,
        info: SourceInfo,
        *,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        deterministic: bool = False,
        listeners: Sequence[Listener] = (),
    ) -> Self:
        """A run that is kept in memory and leaves nothing behind, for a `fit` that is one call.

        `model.fit(source.to(run.device), run)` fits the model, which must be on `run.device`.
        Metrics are in `run.metrics`; checkpoints and pictures are not written, but for the weights
        of `best`, which `load_weights` finds. The global random generators are the caller's to
        seed, and `kit.devices.computing` to open as its record says. Raises UsageError for a device
        or a precision that there is not.
        """
        record = Record(
            model=type(model).__name__,
            source=info.name,
            config=model.config.model_dump(mode="json"),
            info=info.to_json(),
            seed=seed,
            deterministic=deterministic,
            threads=choose_threads(threads, model),
            **choose_computing(device, precision, model),
        )
        return cls(None, record, model, listeners=listeners)

    # What a method uses ---------------------------------------------------------------------

    def keep(self, **things: Stateful) -> None:
        """Name what a checkpoint holds beside the model: optimizers, schedulers, environments."""
        self._kept.update(things)

    def steps(self, total: int) -> Iterator[int]:
        """Yield 0 … total − 1. Between two steps the run saves, reports and may be stopped."""
        for block in self._loop(total):
            yield block.start

    def blocks(self, total: int, most: int) -> Iterator[range]:
        """Yield ranges of at most `most` steps that make up 0 … total − 1.

        For steps of some microseconds, beside which the run's own work would show: it saves,
        reports and may be stopped between two blocks.
        """
        return self._loop(total, most)

    def epochs(self, total: int) -> Iterator[Epoch]:
        """Yield `total` epochs, each of which hands out batches."""
        try:
            for index in self.steps(total):
                self._epoch = index
                yield Epoch(self, index)
        finally:  # the method may leave the loop early
            self._epoch = None

    def log(self, **metrics: float | Tensor) -> None:
        """Keep metrics of the current step. Tensors are read later, in bulk.

        Raises Diverged for a number that is not finite. If the model monitors one of the metrics,
        and it is the best so far, checkpoint `best` is written before the next step; it is read at
        once, so log that one after an epoch rather than a step.
        """
        where: dict[str, Any] = {"step": self.step, "seconds": round(self.seconds, 3)}
        if self.environment_steps:
            where["environment_steps"] = self.environment_steps
        if self._epoch is not None:
            where["epoch"] = self._epoch
        self._metrics.log(where, metrics)
        monitor = getattr(self.model, "monitor", "")
        if (name := monitor.lstrip("-")) in metrics:
            value = float(metrics[name]) * (-1 if monitor.startswith("-") else 1)
            if self._best is None or value > self._best:
                self._best, self._best_is_due = value, True

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context for a forward pass at the run's precision."""
        return autocast(self.device, self.record.precision)

    def capture(
        self, step: Step, *optimizers: Optimizer, generators: Sequence[Generator] = ()
    ) -> Step:
        """`step`, which on CUDA is recorded as a CUDA graph and replayed, and elsewhere is called.

        It steps `optimizers` and draws from `generators`, beside the default one. What a step that
        can be captured may do is written at `rockfall.kit.graphs.CapturedStep`.
        """
        captured: Any = CapturedStep(step, optimizers, self.device, generators)
        return captured  # type: ignore[no-any-return]

    def picture(self, name: str, draw: Callable[[], Tensor | Image]) -> None:
        """Save `draw()`, a Pillow image or (C, H, W) uint8, as `pictures/NAME-STEP.png`.

        Draws without gradients and under a forked generator, so that it changes nothing. A run in
        memory draws nothing, and none draws more, but for the first of a name, than 3 % of
        its time pay for.
        """
        if self._directory is not None and self._looks.affordable(name):
            with self._looks.taking(name), fork_rng(), torch.no_grad():
                self._write_picture(name, draw())

    def _write_picture(self, name: str, drawn: Tensor | Image) -> None:
        try:
            path = pictures.save(self.directory.pictures / f"{name}-{self.step}.png", drawn)
        except RockfallError as error:  # no reason to end a training
            self.warn(str(error))
        else:
            self.observers.emit("picture", path=str(path))

    def own(self, source: Any) -> Any:
        """What this process learns from: of environments, its share of them."""
        return source

    def warn(self, message: str) -> None:
        """Say something that the user should know, without stopping."""
        self.observers.emit("warning", message=message)

    def stop(self, reason: str) -> None:
        """End it between two steps, as Ctrl-C does, but for good: `result.json` has no figures then
        and says `stopped`, the reason. `rockfall resume` goes on with it all the same.
        """
        self.stopped = self.stopped or reason

    def permutation(self, count: int) -> Tensor:
        """A random order of `range(count)` that belongs to this place in the loops.

        It comes from the seed and the position alone, so that a resumed run finds it again.
        """
        sequence = np.random.SeedSequence((self.seed, *self._position.key))
        words = sequence.generate_state(2, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        pinned = self.device.type == "cuda"  # so that nothing waits for what it is still doing
        order = torch.randperm(count, generator=generator, pin_memory=pinned)
        return order.to(self.device, non_blocking=pinned)

    @property
    def seconds(self) -> float:
        """Time spent fitting, over all sittings.

        The clock runs from the first loop, since what a method does before may be to import much.
        """
        running = 0.0 if self._started is None else time.monotonic() - self._started
        return self._seconds_before + running

    # What is left afterwards ----------------------------------------------------------------

    @property
    def directory(self) -> RunDirectory:
        """Where it is recorded. Raises RockfallError for a run that is in memory alone."""
        if self._directory is None:
            raise RockfallError("this run is in memory alone, and has no directory")
        return self._directory

    @property
    def recorded(self) -> bool:
        """Whether it has a directory."""
        return self._directory is not None

    @property
    def name(self) -> str:
        return self._directory.name if self._directory else "unrecorded"

    @property
    def address(self) -> str:
        """What to type so that a verb finds it again."""
        return self._directory.address if self._directory else self.name

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Every logged line so far: its metrics by name, and `step`, `seconds` and `epoch`."""
        self._metrics.flush()
        return self._directory.logged() if self._directory else self._metrics.lines

    @property
    def result(self) -> dict[str, Any] | None:
        """The final figures; None until the run has finished."""
        return self._directory.result() if self._directory else None

    def __repr__(self) -> str:
        return f"<Run {self.address}: {self.record.model} on {self.record.source}>"

    # The loops ------------------------------------------------------------------------------

    def _loop(self, total: int, most: int = 1) -> Iterator[range]:
        position = self._position
        resuming = bool(position.target)
        frame = position.enter(total)
        try:
            if resuming:
                self._restore_state()
            if self._sitting and self._started is None:
                self._started = time.monotonic()
            if (ending := position.ending()) is not None:
                self._restore_random(ending)
            self.at_boundary()
            while frame.index < total:
                frame.endings.clear()
                block = range(frame.index, min(frame.index + most, total))
                yield block
                frame.index = block.stop
                position.target = []  # a turn that was left early must not be gone to again
                self._checkpoint = None  # it may be large
                if not frame.endings:  # an inner loop has counted its own
                    self.step += len(block)
                self._between_steps()
        finally:
            position.leave(random_state())

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """While open, Ctrl-C, `kill` and a closed terminal end the run between two steps, and the
        clock may run.
        """
        with self.interrupt.polled():
            self._sitting, self._looks = True, Looks()
            self._next_checkpoint = time.monotonic() + self._checkpoint_every
            try:
                yield
            finally:
                self._seconds_before, self._started = self.seconds, None
                self._sitting = False
        if self.interrupt.requested:  # after the last step, when nobody read it any more
            again = f"`rockfall resume {self.address}`"
            raise Interrupted(f"stopped; {again} goes on from the last checkpoint")

    def _between_steps(self) -> None:
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + TICK
            self._metrics.flush()
            self._progress()
        self._save_best()
        if self.interrupt.requested or self.stopped:
            self._stop()
        if self._directory is not None and now >= self._next_checkpoint:
            self.save("last")
        self.at_boundary()

    def _stop(self) -> NoReturn:
        self.save("last")
        again = f"`rockfall resume {self.address}`"
        why = self.stopped or "stopped"
        raise Interrupted(f"{why} at step {self.step}; {again} goes on from there")

    def at_boundary(self) -> None:
        """What is done before the first step of a loop and after each: a snapshot, if it is due."""
        if self._snapshots is not None and self.step >= self._snapshots.due:
            self._take_snapshots(self._snapshots)

    def leave_snapshots(self, draws: Sequence[Draw]) -> None:
        """Leave what these draw as `pictures/NAME-STEP.png` while it learns; see `Snapshots`."""
        if draws:
            self._snapshots = Snapshots(draws, self.step)

    def _take_snapshots(self, snapshots: Snapshots) -> None:
        if not self._looks.affordable(SNAPSHOTS):
            snapshots.skip(self.step)
            return
        try:
            with self._looks.taking(SNAPSHOTS), fork_rng(), self.autocast():
                for drawn in snapshots.take(self.step):
                    for name, picture in drawn.items():
                        self._write_picture(name, picture)
        except Exception as error:  # a failed drawing is no reason to end a training
            self._snapshots = None
            self.warn(f"no more snapshots are drawn: {explained(error)}")

    # Checkpoints ----------------------------------------------------------------------------

    def save(self, name: str) -> None:
        """Write checkpoint `last` or `best`. Metrics that are pending are checked first."""
        size = self._metrics.flush()
        self._metrics.sync()  # before a checkpoint that knows of them
        if self._directory is None:
            if name == "best":
                self._best_weights = self.step, copy.deepcopy(self.model.state_dict())
            return
        path = self.directory.checkpoint(name)
        checkpoint.write(path, self.checkpoint_state(size))
        if name == "last":
            self._next_checkpoint = time.monotonic() + self._checkpoint_every
        self.observers.emit("checkpoint", path=str(path))

    def checkpoint_state(self, metrics_size: int = 0) -> dict[str, Any]:
        """What a checkpoint holds, of which the tensors are the run's own."""
        learned = self.model.state_dict()
        if not isinstance(learned, dict):
            raise PluginError(
                f"{self.record.model}: state_dict() returned {learned!r:.40}, which is no dict"
            )
        return {
            "model": learned,
            "kept": {key: thing.state_dict() for key, thing in self._kept.items()},
            "state": self.state,
            "random": random_state(),
            "position": self._position.record(),
            "step": self.step,
            "examples": self.examples,
            "environment_steps": self.environment_steps,
            "seconds": self.seconds,
            "metrics_size": metrics_size,
            "best": self._best,
            "finished": self.finished,
        }

    def finish(self) -> None:
        """Write the last checkpoint. A run that is resumed from it has nothing left to fit."""
        self._save_best()
        if self._position.target:
            raise CheckpointError(
                f"{self.name} was saved in a loop that its method does not come to: its checkpoint "
                "is of another method, or damaged"
            )
        self.finished = True
        self.save("last")

    def _save_best(self) -> None:
        if self._best_is_due:
            self._best_is_due = False
            self.save("best")

    def resume(self, name: str = "last") -> bool:
        """Go on from a checkpoint: the model takes it at once, the rest when a loop first advances.

        False if there is none, so that the run begins at its first step. Raises CheckpointError for
        a damaged one, RockfallError for one that does not fit the model.
        """
        if not self._has(name):
            self._metrics.cut(0)  # one that died before its first checkpoint left only lines
            return False
        saved = self._own(self._read(name))
        self._checkpoint = saved
        self._count_from(saved)
        self.finished = saved["finished"]
        self._best = saved["best"]
        self._seconds_before = saved["seconds"]
        if self.finished and [self.step] == [at["step"] for at in self.record.lengthened[-1:]]:
            self.finished = False
            self._position.lengthen(saved["position"], self.step)
        else:
            self._position.resume_at(saved["position"])
        if not self._metrics.cut(saved["metrics_size"]) and self.recorded:
            self.warn(f"{self.directory.metrics_file} has lost lines, so the curves have a gap")
        return True

    def load_weights(self, name: str) -> int:
        """Give the model what checkpoint `name` holds; returns its step. Nothing else changes."""
        if name == "best":  # the model of this very step may be
            self._metrics.flush()
            self._save_best()
        if self._directory is None and self._best_weights is not None:
            step, state = self._best_weights
            load_model(self.model, state, name)
            return step
        return int(self._read(name)["step"])

    def _has(self, name: str) -> bool:
        return self.directory.has_checkpoint(name)

    def _own(self, saved: dict[str, Any]) -> dict[str, Any]:
        """What of a checkpoint this process goes on with."""
        return own_part(saved, 0, 1, self)

    def _read(self, name: str) -> dict[str, Any]:
        """Checkpoint `name`, which the model has taken: first, so that a foreign one changes
        nothing.
        """
        path = self.directory.checkpoint(name)
        saved = check_checkpoint(checkpoint.read(path), path)
        load_model(self.model, saved["model"], path)
        return saved

    def _restore_state(self) -> None:
        """Put everything back as the checkpoint has it, when a loop of a resumed run advances."""
        assert self._checkpoint is not None
        # A method may change what it is given, and a loop inside this turn is given it once more.
        inner = bool(self._position.target)
        saved = copy.deepcopy(self._checkpoint) if inner else self._checkpoint
        load_model(
            self.model, saved["model"], self._directory.path if self._directory else self.name
        )
        missing = self._kept.keys() - saved["kept"].keys()
        if missing:
            raise CheckpointError(f"{self.name} has no saved {', '.join(sorted(missing))}")
        for key, thing in self._kept.items():
            load_kept(thing, saved["kept"][key], f"what {self.name} has saved as {key}")
        self.state.clear()
        self.state.update(saved["state"])
        self._count_from(saved)
        self._restore_random(saved["random"])

    def _count_from(self, saved: dict[str, Any]) -> None:
        self.step = saved["step"]
        self.examples = saved.get("examples", 0)  # older checkpoints lack it
        self.environment_steps = saved.get("environment_steps", 0)  # and this

    def _restore_random(self, state: Any) -> None:
        try:
            set_random_state(state)
        except Exception as error:  # NumPy and torch raise nearly anything
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"{self.name} has saved what is no state of random generators: {reason}"
            ) from None

    def _progress(self) -> None:
        latest = self._metrics.latest
        labels = [f"{frame.index}/{frame.total}" for frame in self._position.frames]
        self.observers.emit(
            "progress",
            fraction=self._position.fraction,
            step=self.step,
            environment_steps=self.environment_steps,
            label=" · ".join(labels),
            seconds=self.seconds,
            metrics={k: v for k, v in latest.items() if k not in NOT_METRICS},
        )
