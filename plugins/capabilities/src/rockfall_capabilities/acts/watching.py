"""The ways to watch games: live in a terminal, as a GIF, from a pipe, or by playing oneself."""

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

from rockfall.errors import UsageError
from rockfall.kit import pictures
from rockfall.kit.tables import console
from rockfall.sources.environment import Policy
from rockfall_capabilities.acts import film
from rockfall_capabilities.acts.controls import Controls
from rockfall_capabilities.acts.games import Moment
from rockfall_capabilities.acts.keyboard import Keyboard, Quit
from rockfall_capabilities.acts.live import Stage, board, can_redraw, fits
from rockfall_capabilities.acts.players import Player, baseline

LIVE_FPS = 20.0
"""The most that a terminal shows well; a game that is made for more runs slower."""
HUMAN_FPS = 5.0
"""Slow enough for fingers that must press a key for each step."""
HOLD = 1.5
"""Seconds for which a GIF rests at the end, before it begins again."""


@dataclass(frozen=True)
class Playing:
    """So many games of a player. Each way of watching gives the last moment."""

    player: Player
    games: int
    seed: int
    steps: int
    fps: float | None = None

    def __post_init__(self) -> None:
        # Games that draw with SDL want a screen to draw on, and there need not be one.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

    def unseen(self) -> Moment:
        """The outcome alone."""
        *_, last = self.player.play(self.games, seed=self.seed, most_steps=self.steps)
        return last

    def on_screen(self) -> Moment:
        """Live; where nothing can be redrawn, the last moment of a game that is text."""
        screen = console()
        live = can_redraw(screen)
        if not live and "ansi" not in self._modes:
            return self.unseen()
        moments = self.player.play(
            self.games, seed=self.seed, most_steps=self.steps, render_mode=self._mode(screen)
        )
        if not live:
            *_, last = moments
            screen.print(board(last, screen, self.title))
            return last
        with Stage(screen, self.title, "Ctrl-C stops", self._fps(LIVE_FPS)) as stage:
            for last in moments:
                stage.show(last)
        return last

    def filmed(self, path: Path) -> Moment:
        """As a GIF."""
        if "rgb_array" not in self._modes:
            raise UsageError(f"{self.player.source.info.name} draws no pictures to make a GIF of")
        last: list[Moment] = []
        fps = self._fps(50.0)

        def frames() -> Iterator[np.ndarray]:
            moments = self.player.play(
                self.games, seed=self.seed, most_steps=self.steps, render_mode="rgb_array"
            )
            for moment in moments:
                last[:] = [moment]
                yield film.sheet(moment)
            yield from [film.sheet(last[0])] * round(HOLD * fps)

        pictures.save_gif(path, frames(), fps)
        return last[0]

    def by_hand(self, gif: Path | None) -> Moment:
        """A person plays, one game after another; the GIF is of the same game played again."""
        if gif and self.games > 1:
            raise UsageError("a person's GIF is of one game: leave out --games")
        screen = console()
        ends: list[Moment] = []
        with Keyboard() as keyboard:
            if not can_redraw(screen):
                raise UsageError("this terminal can't redraw (TERM=dumb), so nobody can play on it")
            for number in range(self.games):
                end, actions = self._one_by_hand(keyboard, screen, self.seed + number)
                ends.append(end)
                if not end.over[0]:
                    break
        if gif and actions:
            again = replace(self.player, policy=lambda *_: _script(actions))
            replace(self, player=again, steps=len(actions)).filmed(gif)
        return Moment(
            (),
            tuple(score for end in ends for score in end.scores),
            tuple(count for end in ends for count in end.steps),
            tuple(over for end in ends for over in end.over),
        )

    def _one_by_hand(
        self, keyboard: Keyboard, screen: Console, seed: int
    ) -> tuple[Moment, list[int]]:
        """The last moment of a game, over or left, and the actions that led there."""
        controls = Controls(self._env, self.player.source.info.actions or 0)
        actions: list[int] = []

        def choose(_: Tensor) -> Tensor:
            actions.append(controls.choose(keyboard.pressed()))
            return torch.tensor(actions[-1:])

        moments = replace(self.player, policy=lambda *_: choose).play(
            1, seed=seed, most_steps=self.steps, render_mode=self._mode(screen)
        )
        with Stage(screen, self.title, controls.hint, self._fps(HUMAN_FPS)) as stage:
            now = next(moments)
            try:
                stage.draw(now, f"press a key to begin: {controls.hint}")
                keyboard.pressed(None)
                for now in moments:
                    stage.show(now)
            except Quit:
                pass
        return now, actions

    def baselines(self) -> dict[str, float]:
        """What each baseline scores on average in a person's games, on the same seeds."""
        source = self.player.source
        found = {}
        for name in source.baselines:
            other = baseline(name, source)
            seeds = range(self.seed, self.seed + self.games)
            ends = [replace(self, player=other, games=1, seed=s).unseen() for s in seeds]
            found[name] = sum(end.scores[0] for end in ends) / len(ends)
        return found

    @property
    def title(self) -> str:
        return f"{self.player.name} on {self.player.source.info.name}"

    @cached_property
    def _env(self) -> Any:
        """One environment, asked about itself only."""
        return self.player.source.make()

    @property
    def _modes(self) -> list[str]:
        return list(self._env.metadata.get("render_modes", ()))

    def _fps(self, most: float) -> float:
        return self.fps or min(self._env.metadata.get("render_fps") or 10.0, most)

    def _mode(self, screen: Console) -> str:
        """Text where it fits the terminal, else pictures, which can be made to."""
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


def _script(actions: list[int]) -> Policy:
    """Plays these, whatever it sees."""
    following = iter(actions)
    return lambda _: torch.tensor([next(following)])
