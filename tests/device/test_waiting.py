"""Which models' training steps wait for the GPU: those that are named here, and no others.

A step that reads a number of the GPU's lets it stand idle while Python prepares the next. The first
turn of each loop may wait, for what is made once; and so may what comes between two epochs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import rockfall
from rockfall import parallel
from rockfall.registry import registry
from rockfall.testing.complaints import undisturbed
from tests.device.where import CUDA, device

pytestmark = [pytest.mark.device, pytest.mark.slow]

SB3 = "stable-baselines3 collects in NumPy"
WAITS = {
    "a2c": SB3,
    "dqn": SB3,
    "evolve": "the aspect ratio, a number of Python's",
    "finetune": "every ten steps of the head, for whether it is the best so far",
    "ppo": SB3,
    "sac": SB3,
    "td3": SB3,
}
"""Model → for what its steps wait."""
MODELS = [
    pytest.param(
        name,
        # What no longer waits is to be taken off the list; a GPU may wait for less than is known.
        marks=pytest.mark.xfail(raises=RuntimeError, reason=WAITS[name], strict=not CUDA),
    )
    if name in WAITS
    else name
    for name in (entry.spec.name for entry in registry().models if "cuda" in entry.spec.devices)
]


class Watched(rockfall.Run):
    """Refuses synchronisations in every turn of an innermost loop but its first."""

    on: Any = None
    """The device, as `device()` yields it."""
    watch = contextlib.ExitStack()

    def _loop(self, total: int, most: int = 1) -> Iterator[range]:
        self.watch.close()  # that of the turn which holds this loop
        for number, block in enumerate(super()._loop(total, most)):
            with contextlib.ExitStack() as self.watch:
                if number:
                    self.watch.enter_context(self.on.refuse_synchronisations("a training step"))
                yield block


@pytest.mark.parametrize("name", MODELS)
def test_steps_do_not_wait(name: str, tmp_path: Path) -> None:
    with (
        undisturbed(),
        device() as on,
        mock.patch.object(Watched, "on", on),
        mock.patch.object(parallel, "Run", Watched),
    ):
        rockfall.train(name, preset="tiny", device="cuda", out=tmp_path, listeners=[])
