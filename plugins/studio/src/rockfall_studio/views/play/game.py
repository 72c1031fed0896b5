"""How time goes by in a game: speed, pause, single steps, and keys from the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rockfall_studio.asks import Answer
from rockfall_studio.views.play.players import Hands, Player

FRAMES = 30.0
"""The most that are sent a second; a faster game skips some."""
BEHIND = 0.5
"""Seconds of delay after which a game does not hurry to make up for them."""
BEAT = 0.25
"""Seconds without a frame after which the page is told that nothing is new, which finds out whether
it is still there."""


@dataclass
class Pace:
    """As the page wants it. advance: single steps asked for so far. keys: the latest, numbered."""

    fps: float
    paused: bool = False
    advance: int = 0
    keys: tuple[tuple[int, str], ...] = ()
    held: tuple[str, ...] = ()


@dataclass
class Game:
    """What streams to one page until its last player's episode is over.

    waits: whether it begins with the first key.
    """

    players: list[Player]
    pace: Pace
    most: int
    hands: Hands | None = None
    waits: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    _advanced: int = 0
    _key: int = 0
    _due: float = 0.0

    def set(self, pace: Pace) -> None:
        """From another thread. What is numbered counts once, however often it is said."""
        with self.changed:
            self.pace = pace
            if self.hands:
                fresh = [key for number, key in pace.keys if number > self._key]
                self._key = max([self._key, *(number for number, _ in pace.keys)])
                self.hands.pressed += fresh
                self.hands.held = list(pace.held)
                self.waits = self.waits and not fresh
            self.changed.notify()

    def play(self) -> Iterator[Answer]:
        """data: players, those whose frame is new, of each name, score, steps, over, bars, and
        `plane`, the index of its frame among the planes; done; waits.
        """
        yield self._answer(self.players)
        self._due = time.monotonic() + 1 / self.pace.fps
        while not all(player.over for player in self.players):
            steps = self._steps_due()
            if not steps:
                yield Answer({"players": []})
                continue
            playing = [player for player in self.players if not player.over]
            for _ in range(steps):
                for player in playing:
                    player.step(self.most)
            yield self._answer(playing)

    def _steps_due(self) -> int:
        """Waits for the time of the next frame; 0 if that is not soon."""
        with self.changed:
            until = time.monotonic() + BEAT
            while True:
                pace, now = self.pace, time.monotonic()
                if self._advanced < pace.advance:
                    self._advanced += 1
                    self._due = now
                    return 1
                stands = pace.paused or self.waits
                if stands:
                    self._due = now
                elif now >= self._due:
                    return self._catch_up(now)
                if now >= until:
                    return 0
                self.changed.wait((until if stands else min(until, self._due)) - now)

    def _catch_up(self, now: float) -> int:
        """Steps until the next frame. For a person none are left out to make up for a delay."""
        fps = self.pace.fps
        steps = max(1, round(fps / FRAMES))
        if now - self._due > BEHIND:
            self._due = now
        elif not self.hands:  # the page, or this machine, is slow: fewer frames, the same game
            steps += int((now - self._due) * fps)
        self._due += steps / fps
        return steps

    def _answer(self, players: list[Player]) -> Answer:
        planes: list[np.ndarray[Any, Any]] = []
        said: list[Mapping[str, Any]] = []
        for player in players:
            bars = player.bars()
            said.append(
                {
                    "name": player.name,
                    "score": round(player.score, 4),
                    "steps": player.steps,
                    "over": player.over,
                    "plane": len(planes),
                    "bars": bars.values if bars else None,
                    "probable": bars.probable if bars else False,
                    "best": bars.best if bars else None,
                }
            )
            planes.append(player.frame())
        done = all(player.over for player in self.players)
        return Answer({"players": said, "done": done, "waits": self.waits}, planes)
