"""Who plays, each in an environment of its own that was reset with the same seed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rockfall import RockfallError, SourceInfo, UnknownName, UsageError
from rockfall.plugin import has_capability, registry
from rockfall_studio.studio import Opened, Studio

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rockfall import Environment
    from rockfall.kit.environments import BatchedEnvironment, Controls

HUMAN = "human"
SIDE = 384
"""Pixels of the longer side of a frame at most."""
MOST_BARS = 32
"""Actions that are shown with their values."""


@dataclass
class Player:
    """One who plays, after so many steps.

    act: observation (1, …) → action (1, …). look: observation → a number an action, or None.
    """

    name: str
    batch: BatchedEnvironment
    act: Callable[[Tensor], Tensor]
    look: Callable[[Tensor], Bars | None] = lambda _: None
    score: float = 0.0
    steps: int = 0
    over: bool = False
    _last: np.ndarray[Any, Any] | None = None

    def step(self, most: int) -> None:
        """One step, unless its episode is over. most: steps after which it is cut off."""
        if self.over:
            return
        step = self.batch.step(self.act(self.batch.observation))
        self.score += float(step.reward[0])
        self.steps += 1
        self.over = bool(step.terminated[0] | step.truncated[0]) or self.steps >= most
        if self.over:
            last = self.batch.ended()[0]
            self._last = last if isinstance(last, np.ndarray) else None

    def frame(self) -> np.ndarray[Any, Any]:
        """(H, W, 3) uint8, of its last step where the episode is over."""
        frame = self._last if self._last is not None else self.batch.render()[0]
        if not isinstance(frame, np.ndarray):
            raise RockfallError("the environment gave no picture")
        return _reduced(frame)

    def bars(self) -> Bars | None:
        """What it thinks of each action now; None where it can't tell."""
        return None if self.over else self.look(self.batch.observation)


@dataclass(frozen=True)
class Bars:
    """A number an action. probable: whether they are probabilities. best: the largest's index."""

    values: list[float]
    probable: bool
    best: int


@dataclass
class Hands:
    """What a person does. pressed: keys since the last step. held: those that are down."""

    controls: Controls
    pressed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def act(self, observation: Tensor) -> Tensor:
        import torch

        keys = [*self.held, *self.pressed]
        self.pressed.clear()
        return torch.as_tensor(self.controls.choose(keys))[None].to(observation.device)


def environment(studio: Studio, run: str, named: str) -> Environment:
    """That of a run, or one by its name: registered, Gymnasium's, or a source of the studio's.

    Raises UsageError for what is no environment; a page names no modules and no paths.
    """
    from rockfall import Environment, open_source
    from rockfall.kit.environments import Spaces

    # Environments that render with SDL ask for a display, and there need not be one.
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    if run:
        source = studio.run(run).record().open_source()
    elif named in known_environments(studio):
        source = open_source(named, {})
    else:
        raise UnknownName(f"there is no environment {named[:80]}")
    if not isinstance(source, Environment):
        raise UsageError(f"{source.info.name} is no game to play")
    Spaces.of(source.info)
    return source.in_one_process().for_evaluation()


def known_environments(studio: Studio) -> list[str]:
    """Names that the page may give: the registered, then Gymnasium's ids."""
    import gymnasium

    return [*registry().environments.names(), *gymnasium.registry, *studio.sources]


@contextlib.contextmanager
def seated(
    studio: Studio, source: Environment, names: tuple[str, ...], seed: int, hands: Hands | None
) -> Iterator[list[Player]]:
    """The players of these names, each with its environment, which is closed in the end.

    names: of runs, baselines, or `human`. Raises UsageError for one that can't play it.
    """
    from gymnasium.error import DependencyNotInstalled

    with contextlib.ExitStack() as stack:
        found = []
        try:
            for name in names:
                player = _player(studio, source, name, seed, hands)
                stack.callback(player.batch.close)
                found.append(player)
            yield found
        except DependencyNotInstalled as error:
            raise UsageError(f"{source.info.name} can't be drawn here: {error}") from None


def _player(
    studio: Studio, source: Environment, name: str, seed: int, hands: Hands | None
) -> Player:
    def batch(device: torch.device | str = "cpu") -> BatchedEnvironment:
        return source.batch(1, device=device, seed=seed, render_mode="rgb_array")

    if name == HUMAN:
        if hands is None:
            raise UsageError("there are too few keys for its actions")
        return Player(name, batch(), hands.act)
    if name in source.baselines:
        own = batch()
        return Player(name, own, source.baseline(name, own, seed))
    with studio.opened(name, "acts") as opened:
        own = batch(opened.run.device)
    return Player(name, own, _policy(opened, source), _looking(studio, name, opened, source))


def _policy(opened: Opened, source: Environment) -> Callable[[Tensor], Tensor]:
    from rockfall.kit.environments import ModelPolicy, Spaces

    learned, given = SourceInfo.from_json(opened.run.record.info), source.info
    if learned.shape != given.shape or Spaces.of(learned).acted != Spaces.of(given).acted:
        raise UsageError(f"{opened.run.name} learned from {learned.name}: it can't play here")
    policy = ModelPolicy(opened.run.model)

    def act(observation: Tensor) -> Tensor:
        with opened.lock:
            found: Tensor = policy(observation)
            return found

    return act


def _looking(
    studio: Studio, name: str, opened: Opened, source: Environment
) -> Callable[[Tensor], Bars | None]:
    """By its layers, one of which has a number an action: the capability's check says so. What a
    recurrent one thinks depends on what it remembers, which its layers don't show.
    """
    from rockfall.kit.environments import Remembers

    actions = source.info.actions
    model: Any = opened.run.model
    entry = registry().models.get(studio.run(name).record().model)
    remembers = isinstance(model, Remembers) and model.memory_size > 0
    able = entry is not None and has_capability(entry.spec, "layered")
    if not able or remembers or not actions or actions > MOST_BARS:
        return lambda _: None

    def look(observation: Tensor) -> Bars | None:
        with opened.lock:
            best = int(model.act(observation)[0])
            layers = [layer.values for layer in model.trace(observation)]
        ends = [values[0].float() for values in layers if values.shape[1:] == (actions,)]
        ends = [values for values in ends if int(values.argmax()) == best]
        if not ends:
            return None
        values = ends[-1].tolist()
        probable = min(values) >= 0 and abs(sum(values) - 1) < 1e-3
        return Bars([round(value, 5) for value in values], probable, best)

    return look


def _reduced(frame: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Of at most SIDE pixels."""
    longest = max(frame.shape[:2])
    if longest <= SIDE:
        return frame
    from PIL import Image

    height, width = (max(1, round(side * SIDE / longest)) for side in frame.shape[:2])
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BOX))
