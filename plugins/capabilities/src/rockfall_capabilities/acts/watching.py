"""How episodes are watched: live in a terminal, as a GIF, by playing, or by their scores alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from rockfall import UsageError
from rockfall.kit import pictures
from rockfall.kit.console import console
from rockfall.kit.environments import Controls, Policy, Spaces
from rockfall_capabilities.acts import film
from rockfall_capabilities.acts.episodes import EpisodeStates
from rockfall_capabilities.acts.keyboard import Keyboard, Quit
from rockfall_capabilities.acts.live import Stage, board, can_redraw, fits
from rockfall_capabilities.acts.players import Player, baseline

LIVE_FPS = 20.0
"""The most that a terminal shows well; an environment with more `render_fps` runs slower."""
HUMAN_FPS = 5.0
"""Slow enough for fingers that must press a key for each step."""
LAST_FRAME = 1.5
"""Seconds for which a GIF shows its last frame before it begins again."""


@dataclass(frozen=True)
class Playing:
    """Episodes of a player. Each way to watch them returns their last states.

    steps: where an episode is cut off.
    """

    player: Player
    episodes: int
    seed: int
    steps: int
    fps: float | None = None

    def __post_init__(self) -> None:
        # Environments that render with SDL ask for a display, and there need not be one.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

    def unrendered(self) -> EpisodeStates:
        """Nothing is rendered: only the outcome counts."""
        *_, last = self.player.play(self.episodes, seed=self.seed, max_steps=self.steps)
        return last

    def in_terminal(self) -> EpisodeStates:
        """Live. Where nothing can be redrawn, the last frame, if the environment renders text."""
        screen = console()
        live = can_redraw(screen)
        if not live and "ansi" not in self._modes:
            return self.unrendered()
        steps = self.player.play(
            self.episodes, seed=self.seed, max_steps=self.steps, render_mode=self._mode(screen)
        )
        if not live:
            *_, last = steps
            screen.print(board(last, screen, self.title))
            return last
        with Stage(screen, self.title, "Ctrl-C stops", self._fps(LIVE_FPS)) as stage:
            for last in steps:
                stage.show(last)
        return last

    def as_gif(self, path: Path) -> EpisodeStates:
        """As a GIF at `path`. Raises UsageError for an environment that renders no pictures."""
        if "rgb_array" not in self._modes:
            raise UsageError(f"{self.player.source.info.name} draws no pictures to make a GIF of")
        last: list[EpisodeStates] = []
        fps = self._fps(50.0)

        def frames() -> Iterator[np.ndarray]:
            steps = self.player.play(
                self.episodes, seed=self.seed, max_steps=self.steps, render_mode="rgb_array"
            )
            for states in steps:
                last[:] = [states]
                yield film.frame_of(states)
            yield from [film.frame_of(last[0])] * round(LAST_FRAME * fps)

        pictures.save_gif(path, frames(), fps)
        return last[0]

    def by_hand(self, gif: Path | None) -> EpisodeStates:
        """A person plays, one episode after another; a GIF is of the same actions played again."""
        if gif and self.episodes > 1:
            raise UsageError("a person's GIF is of one game: leave out --games")
        screen = console()
        ends: list[EpisodeStates] = []
        with Keyboard() as keyboard:
            if not can_redraw(screen):
                raise UsageError("this terminal can't redraw (TERM=dumb), so nobody can play on it")
            for number in range(self.episodes):
                end, actions = self._episode_by_hand(keyboard, screen, self.seed + number)
                ends.append(end)
                if not end.over[0]:
                    break
        if gif and actions:
            again = replace(self.player, policy=lambda *_: _script(actions))
            replace(self, player=again, steps=len(actions)).as_gif(gif)
        return EpisodeStates(
            (),
            tuple(score for end in ends for score in end.scores),
            tuple(count for end in ends for count in end.steps),
            tuple(over for end in ends for over in end.over),
        )

    def _episode_by_hand(
        self, keyboard: Keyboard, screen: Console, seed: int
    ) -> tuple[EpisodeStates, list[Any]]:
        """The last states of an episode, over or left, and the actions that led there."""
        controls = Controls(self._env, Spaces.of(self.player.source.info))
        actions: list[Any] = []

        def choose(_: Tensor) -> Tensor:
            actions.append(controls.choose(keyboard.pressed()))
            return torch.as_tensor(actions[-1])[None]

        steps = replace(self.player, policy=lambda *_: choose).play(
            1, seed=seed, max_steps=self.steps, render_mode=self._mode(screen)
        )
        with Stage(screen, self.title, controls.hint, self._fps(HUMAN_FPS)) as stage:
            now = next(steps)
            try:
                stage.draw(now, f"press a key to begin: {controls.hint}")
                keyboard.pressed(None)
                for now in steps:
                    stage.show(now)
            except Quit:
                pass
        return now, actions

    def baselines(self) -> dict[str, float]:
        """Mean score of each baseline with the same seeds as a person's episodes."""
        source = self.player.source
        found = {}
        for name in source.baselines:
            other = baseline(name, source)
            seeds = range(self.seed, self.seed + self.episodes)
            ends = [replace(self, player=other, episodes=1, seed=s).unrendered() for s in seeds]
            found[name] = sum(end.scores[0] for end in ends) / len(ends)
        return found

    @property
    def title(self) -> str:
        return f"{self.player.name} on {self.player.source.info.name}"

    @cached_property
    def _env(self) -> Any:
        """One environment, for its metadata alone."""
        return self.player.source.make()

    @property
    def _modes(self) -> list[str]:
        return list(self._env.metadata.get("render_modes", ()))

    def _fps(self, most: float) -> float:
        return self.fps or min(self._env.metadata.get("render_fps") or 10.0, most)

    def _mode(self, screen: Console) -> str:
        """Text where it fits the terminal, else pictures, which can be resized to fit."""
        modes = self._modes
        if "rgb_array" not in modes and "ansi" not in modes:
            name = self.player.source.info.name
            raise UsageError(f"{name} can't be shown: it draws neither text nor pictures")
        if "ansi" not in modes:
            return "rgb_array"
        if "rgb_array" not in modes or not can_redraw(screen):
            return "ansi"
        batch = self.player.source.batch(1, seed=self.seed, render_mode="ansi")
        (first,) = batch.render()
        batch.close()
        return "ansi" if fits(first, screen) else "rgb_array"


def _script(actions: list[Any]) -> Policy:
    """Plays these actions, whatever it observes."""
    following = iter(actions)
    return lambda _: torch.as_tensor(next(following))[None]
