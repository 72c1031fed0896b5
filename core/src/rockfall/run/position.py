"""Where in a method's loops a run is, so that a resumed one goes on at that very step.

Loops are numbered in the order in which they begin, each level of nesting for itself. A position
is a list of `[number, index]`, outermost first: `[[1, 3], [0, 57]]` is the fourth turn of the
second loop, and in it the 58th of that turn's first inner loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rockfall.errors import CheckpointError


@dataclass
class Frame:
    """One active loop, and how the loops that ended inside its present turn left the generators."""

    number: int
    index: int
    total: int
    endings: list[Any] = field(default_factory=list)


@dataclass
class Position:
    """The stack of active loops, and the recorded position that a resumed run has to reach.

    endings: the state of the random generators after each outermost loop that ended.
    totals: how many steps each of these had.
    target_endings: those of a resumed run, by depth. What a method draws between two loops, it
        draws again when a finished loop is passed over, and must find the same numbers.
    """

    frames: list[Frame] = field(default_factory=list)
    endings: list[Any] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    target: list[list[int]] = field(default_factory=list)
    target_endings: list[list[Any]] = field(default_factory=list)

    def enter(self, total: int) -> Frame:
        """Begin a loop at the index where it has to go on: `total` if it was finished."""
        number = len(self._siblings())
        frame = Frame(number, self._start(number, total), total)
        self.frames.append(frame)
        return frame

    def _start(self, number: int, total: int) -> int:
        depth = len(self.frames)
        if depth >= len(self.target):
            return 0
        recorded, index = self.target[depth]
        if number < recorded:
            return total
        if number > recorded:
            raise CheckpointError(
                "the checkpoint was written by a method with other loops than this one has"
            )
        if index > total:
            raise CheckpointError(
                f"the checkpoint was written at {index:,} of a loop that has {total:,} steps"
            )
        if depth == len(self.target) - 1:
            self.target = []
        return index

    def ending(self) -> Any:
        """How the innermost active loop, if a resumed run passes over it, left the generators."""
        depth = len(self.frames) - 1
        known = self.target_endings[depth] if depth < len(self.target) else []
        number = self.frames[-1].number
        return known[number] if number < len(known) else None

    def leave(self, ending: Any) -> None:
        """End the innermost active loop."""
        frame = self.frames.pop()
        self._siblings().append(ending)
        if not self.frames:
            self.totals.append(frame.total)

    def _siblings(self) -> list[Any]:
        return self.frames[-1].endings if self.frames else self.endings

    def record(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        indices = [[frame.number, frame.index] for frame in self.frames]
        return {
            "indices": indices or [[len(self.endings), 0]],
            "endings": [self.endings, *(frame.endings for frame in self.frames)],
            "totals": self.totals,
        }

    def resume_at(self, recorded: dict[str, Any]) -> None:
        """Go on from what `record` gave."""
        self.target, self.target_endings = recorded["indices"], recorded["endings"]

    def lengthen(self, recorded: dict[str, Any], step: int) -> None:
        """Go on, at `step`, in the last outermost loop of a run that had finished."""
        endings = recorded["endings"][0]
        # Older versions did not record it, and had no run that goes on but of one flat loop.
        done = recorded["totals"][-1] if recorded.get("totals") else step
        self.target, self.target_endings = [[len(endings) - 1, done]], [endings[:-1]]

    @property
    def fraction(self) -> float:
        """How much of the outermost active loop is done, from 0 to 1."""
        done = 0.0
        for frame in reversed(self.frames):
            done = (frame.index + done) / max(frame.total, 1)
        return min(done, 1.0)

    @property
    def key(self) -> list[int]:
        """Tells the innermost active loop from every other, at every turn of the outer ones."""
        numbers = [number for frame in self.frames for number in (frame.number, frame.index)]
        return numbers[:-1]
