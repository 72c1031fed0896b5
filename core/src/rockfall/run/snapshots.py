"""Pictures that a run leaves while it learns, fewer and fewer as it goes on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

from rockfall.kit.drawing.steps import ever_further

if TYPE_CHECKING:
    from rockfall.run.run import Run

FURTHER = 1.15
"""How many times later than the one before each of them is: 15 of 20 calls leave one, 27 of 100,
43 of 1,000.
"""


def leave_progress(run: Run, name: str, draw: Callable[[], Tensor | Image.Image]) -> None:
    """Leave `draw()` as `pictures/NAME-STEP.png`, if it is time; calls are counted in `run.state`.

    For `fit` to call through what a capability offers, as often as it likes: the more often it
    has, the fewer of the calls leave one. `rockfall.pages.training_film` makes a film of them.
    """
    call = run.state.get(name, 0)
    run.state[name] = call + 1
    places = itertools.takewhile(lambda place: place <= call, ever_further(FURTHER))
    if call in places:
        run.picture(name, draw)
