"""Pictures of what a model can do by now, left while it learns, ever fewer as it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from PIL.Image import Image
from torch import Tensor

from rockfall.kit.schedules import geometric_steps

FURTHER = 1.15
"""How many times later than the one before each is: of 1,000 steps 43 leave one, of 100,000 76."""
SHARE = 0.05
"""Of the CPU time since the run began, what snapshots may take, however busy the machine is."""
GRACE = 2.0
"""CPU seconds that they may take besides, so that a short run leaves some, too."""

Draw = Callable[[], Mapping[str, Image | Tensor]]
"""Pictures by name, as they are now."""


class Snapshots:
    """Decides after which steps to draw, by the step alone: a resumed run finds the same again."""

    def __init__(self, draws: Sequence[Draw], step: int) -> None:
        """step: where the run begins or goes on; one that goes on has left those up to there."""
        self._draws = list(draws)
        self._spent = self._last = 0.0
        self._began = time.process_time()
        self._places = geometric_steps(FURTHER)
        self.due = -1
        self._advance(step - 1 if step == 0 else step)

    def take(self, step: int) -> Iterator[Mapping[str, Image | Tensor]]:
        """Draw what is due after `step`, if the training so far pays for it."""
        self._advance(step)
        began = time.process_time()
        if self._spent + self._last > GRACE + SHARE * (began - self._began):
            return
        for draw in self._draws:
            yield draw()
        self._last = time.process_time() - began
        self._spent += self._last

    def _advance(self, step: int) -> None:
        while self.due <= step:
            self.due = next(self._places)
