"""One run on several devices, a process for each: `rockfall train … --devices N`, torchrun, Slurm.

Every process runs the same `train`, and the same `fit`, which does not know of the others. Rank 0
records the run, measures it and draws; the others have theirs in memory. What each holds of its
own, its random numbers or its environments, is in rank 0's checkpoint, so that a run that goes on
with as many devices ends as one that was never stopped. How gradients are averaged is in
`rockfall.kit.parallel`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rockfall.errors import UsageError
from rockfall.kit.graphs import CapturedStep
from rockfall.kit.parallel import (
    World,
    averaged_gradients,
    same_as_first,
    synchronised_batch_norms,
)
from rockfall.kit.places import orphaned
from rockfall.kit.randomness import fork_rng, random_state, seed_of
from rockfall.kit.states import load_model
from rockfall.kit.targets import has_target
from rockfall.run.epoch import Epoch
from rockfall.run.metrics import Metrics
from rockfall.run.ranks import own_part
from rockfall.run.run import TICK, Run
from rockfall.sources.dataset import Batch, Split
from rockfall.sources.environment import Environment

BATCHES = "batches"
"""What a model declares as `parallel`."""


def require_parallel(model: Any, name: str) -> None:
    """Raises UsageError, which says why, for a model that does not learn on several devices."""
    declared = getattr(model, "parallel", "")
    if declared != BATCHES:
        why = declared or (
            f'it does not declare parallel = "{BATCHES}", by which a model says that the gradients '
            "of parts of a batch may be averaged"
        )
        raise UsageError(f"{name} learns on one device alone: {why}")


class PartialEpoch(Epoch):
    """One pass over the data, of whose batches this process gets its part."""

    def blocks(
        self, split: Split, batch_size: int, most: int, *, shuffle: bool = True
    ) -> Iterator[Batch]:
        assert isinstance(self.run, ParallelRun)
        for inputs, labels in super().blocks(split, batch_size, 1, shuffle=shuffle):
            rows = self.run.world.part(len(inputs))
            part = Batch(inputs[rows], labels[rows])
            if labels.ndim > 1:  # a loss is the mean of its targets
                self.run.world.weight = float(has_target(part.labels).sum())
            yield part


class AveragedMetrics(Metrics):
    """Metrics of all processes as rank 0 writes them: means by the parts of the batch."""

    def __init__(self, run: ParallelRun, *given: Any) -> None:
        super().__init__(*given)
        self._world = run.world
        self._weights: list[float] = []

    def log(self, where: dict[str, Any], values: Mapping[str, Any]) -> None:
        self._weights.append(self._world.weight)
        super().log(where, values)

    def _lines(self) -> list[dict[str, Any]]:
        """Of rank 0; none of the others. A metric that some lack, such as the score of an agent
        before an episode has ended, is the mean of those that have it.
        """
        own = [
            (where, values, w)
            for (where, values), w in zip(self._read(), self._weights, strict=True)
        ]
        gathered = self._world.gather([[values, weight] for _, values, weight in own])
        if gathered is None:
            return []
        lines = []
        for (where, _, _), *there in zip(own, *gathered, strict=True):
            names = dict.fromkeys(name for values, _ in there for name in values)
            lines.append({**where, **{name: _mean(name, there) for name in names}})
        return lines

    def _clear(self) -> None:
        super()._clear()
        self._weights.clear()


def _mean(name: str, there: list[Any]) -> float:
    found = [(values[name], weight) for values, weight in there if name in values]
    first = found[0][0]
    if all(value == first for value, _ in found):
        return float(first) if not isinstance(first, int) else first
    return float(sum(value * w for value, w in found) / sum(w for _, w in found))


class ParallelRun(Run):
    """One of the processes of a run on several devices. directory: None but for rank 0.

    Now and then all meet, between two steps: what the clock or a signal asks of one is done by all
    at the same step, and pending metrics are averaged. The next meeting is agreed at each, about
    `TICK` seconds away, so that the steps between cost nothing.
    """

    def __init__(self, world: World, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.world = world
        file = self._directory.metrics_file if self._directory else None
        logged = lambda lines: self.observers.logged(self, lines)  # noqa: E731
        self._metrics = AveragedMetrics(self, file, logged)
        self._turn, self._meeting, self._pace = 0, 1, 1
        self._met = time.monotonic()
        self._aligned = -1
        if world.rank:  # rank 0 draws what a run on one device would
            with fork_rng(seed_of(self.seed, world.rank)):
                self.generators = random_state()

    # What a method uses

    def epochs(self, total: int) -> Iterator[Epoch]:
        for epoch in super().epochs(total):
            yield PartialEpoch(self, epoch.index)

    def log(self, **metrics: float | Tensor) -> None:
        monitor = getattr(self.model, "monitor", "").lstrip("-")
        if monitor in metrics:  # whether it is the best so far is for all to know
            metrics[monitor] = self.world.mean(float(metrics[monitor]))
        super().log(**metrics)

    def capture(self, step: Any, *optimizers: Any, generators: Any = ()) -> Any:
        """Not recorded: the weight of a part, which changes with it, would be recorded, too."""
        return CapturedStep(step, optimizers, torch.device("cpu"), generators)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """What all have agreed on so far."""
        return self._directory.logged() if self._directory else self._metrics.lines

    def own(self, source: Any) -> Any:
        divided = isinstance(source, Environment)
        return source.of_rank(self.world.rank, self.world.size) if divided else source

    # The loops

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        with contextlib.ExitStack() as learning:
            learning.enter_context(self.world.present())
            if isinstance(self.model, nn.Module):
                parameters = self.model.parameters()
                learning.enter_context(synchronised_batch_norms(self.world, self.model))
                learning.enter_context(averaged_gradients(self.world, parameters))
            learning.enter_context(super().interruptible())
            yield

    def at_boundary(self) -> None:
        frames = self._position.frames
        if len(frames) == 1 and frames[0].number != self._aligned:
            self._aligned = frames[0].number
            self._align()
        super().at_boundary()

    def _align(self) -> None:
        """What was drawn before the loop, such as weights from data, is rank 0's everywhere."""
        state = self.world.broadcast(None if self.world.rank else self.model.state_dict())
        if self.world.rank:
            load_model(self.model, state, "what rank 0 has")

    def _between_steps(self) -> None:
        self._turn += 1
        stop = save = False
        if self._turn >= self._meeting:
            stop, save = self._meet()
            self._metrics.flush()
            self._progress()
        self._save_best()
        if stop:
            self._stop()
        if save:
            self.save("last")
        self.at_boundary()

    def _meet(self) -> tuple[bool, bool]:
        """Whether any was asked to stop, and whether rank 0's clock asks for a checkpoint."""
        now = time.monotonic()
        if self._checkpoint_every:
            fast = TICK * self._pace / max(now - self._met, 1e-9)
            self._pace = max(1, min(int(fast), 2 * self._pace))
        self._met = now
        first = not self.world.rank
        stop = self.interrupt.requested or bool(self.stopped) or orphaned()
        save = first and now >= self._next_checkpoint
        wishes = torch.tensor([stop, save, self._pace if first else 0])
        self.world.most_(wishes)
        stops, saves, pace = wishes.tolist()
        self._meeting, self._pace = self._turn + pace, pace
        return bool(stops), bool(saves)

    # Checkpoints

    def save(self, name: str) -> None:
        if not self.world.rank:
            super().save(name)
            return
        self._metrics.flush()
        self.checkpoint_state()

    def checkpoint_state(self, metrics_size: int = 0) -> dict[str, Any]:
        """What rank 0 writes, with what the others hold of their own."""
        state = super().checkpoint_state(metrics_size)
        same = same_as_first(self.world, state["kept"])
        own = {
            "random": state["random"],
            "endings": state["position"]["endings"],
            "state": state["state"],
            "kept": {name: kept for name, kept in state["kept"].items() if name not in same},
        }
        gathered = self.world.gather(own if self.world.rank else None)
        return {**state, "ranks": (gathered or [None])[1:]}

    def _has(self, name: str) -> bool:
        return bool(self.world.broadcast(None if self.world.rank else super()._has(name)))

    def _read(self, name: str) -> dict[str, Any]:
        if not self.world.rank:
            read: dict[str, Any] = self.world.broadcast(super()._read(name))
            return read
        saved: dict[str, Any] = self.world.broadcast(None)
        load_model(self.model, saved["model"], self.name)
        return saved

    def _own(self, saved: dict[str, Any]) -> dict[str, Any]:
        return own_part(saved, self.world.rank, self.world.size, self)


def run_in(world: World, *given: Any, **named: Any) -> Run:
    """A run, on its own or one of several devices; arguments are those of `Run`."""
    return ParallelRun(world, *given, **named) if world.size > 1 else Run(*given, **named)
