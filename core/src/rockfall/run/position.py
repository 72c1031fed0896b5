"""Where in a method's loops a run is, so that a resumed one goes on at that very step.

Loops are numbered in the order in which they begin, each level of nesting for itself. A position
is a list of `[number, index]`, outermost first: `[[1, 3], [0, 57]]` is the fourth turn of the
second loop, and in it the 58th of that turn's first inner loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rockfall.errors import CheckpointError


@dataclass
class Frame:
    """One active loop."""

    number: int
    index: int
    total: int
    inner_loops: int = 0


@dataclass
class Position:
    """The stack of active loops, and the recorded position that a resumed run is looking for."""

    frames: list[Frame] = field(default_factory=list)
    loops: int = 0
    sought: list[list[int]] = field(default_factory=list)

    def enter(self, total: int) -> Frame:
        """Begin a loop at the index where it has to go on: `total` if it was finished."""
        if self.frames:
            number = self.frames[-1].inner_loops
            self.frames[-1].inner_loops += 1
        else:
            number = self.loops
            self.loops += 1
        frame = Frame(number, self._start(number, total), total)
        self.frames.append(frame)
        return frame

    def _start(self, number: int, total: int) -> int:
        depth = len(self.frames)
        if depth >= len(self.sought):
            return 0
        recorded, index = self.sought[depth]
        if number < recorded:
            return total
        if number > recorded:
            raise CheckpointError(
                "the checkpoint was written by a method with other loops than this one has"
            )
        if depth == len(self.sought) - 1:
            self.sought = []
        return index

    def leave(self) -> None:
        self.frames.pop()

    def record(self) -> list[list[int]]:
        """What a checkpoint keeps."""
        return [[frame.number, frame.index] for frame in self.frames] or [[self.loops, 0]]

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
