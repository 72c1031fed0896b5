"""Pictures of what a model can do by now, left while it learns, ever fewer as it goes on; and what
all pictures of a training may cost.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from PIL.Image import Image
from torch import Tensor

from rockfall.kit.schedules import geometric_steps

FURTHER = 1.15
"""How many times later than the one before each is: of 1,000 steps 43 leave one, of 100,000 76."""
SHARE = 0.03
"""Of the CPU time since the fitting began, what pictures may take, however busy the machine is; the
first ones, a checkpoint and logging take some, too, and the whole is to be about 5 % of a training.
"""
GRACE = 0.02
"""CPU seconds that they may take besides, so that a short run leaves some, too."""

Draw = Callable[[], Mapping[str, Image | Tensor]]
"""Pictures by name, as they are now."""


class Looks:
    """The CPU time that a run spends on looking at what it has learned, and how much it may.

    It decides about pictures alone, which change nothing: what is logged never depends on time.
    """

    def __init__(self) -> None:
        self._began = time.process_time()
        self._spent = 0.0
        self._costs: dict[str, float] = {}

    def affordable(self, name: str) -> bool:
        """Whether another look of that name may be taken now, judging by the last; the first may,
        since nobody knows what it costs, and a film needs its beginning.
        """
        if name not in self._costs:
            return True
        allowed = GRACE + SHARE * (time.process_time() - self._began)
        return self._spent + self._costs[name] <= allowed

    @contextlib.contextmanager
    def taking(self, name: str) -> Iterator[None]:
        """While open, a look of that name is paid for."""
        began = time.process_time()
        try:
            yield
        finally:
            self._costs[name] = time.process_time() - began
            self._spent += self._costs[name]


class Snapshots:
    """Decides after which steps a drawing is due, by the step alone: a resumed run finds the same
    again, as far as it can afford them.
    """

    def __init__(self, draws: Sequence[Draw], step: int) -> None:
        """step: where the run begins or goes on, which is drawn again if it is due: the run may
        have been killed between that checkpoint and that picture.
        """
        self._draws = list(draws)
        self._places = geometric_steps(FURTHER)
        self.due = -1
        self.skip(step - 1)

    def take(self, step: int) -> Iterator[Mapping[str, Image | Tensor]]:
        """Draw what is due after `step`."""
        self.skip(step)
        for draw in self._draws:
            yield draw()

    def skip(self, step: int) -> None:
        """The next one due is after `step`."""
        while self.due <= step:
            self.due = next(self._places)
