"""Falling rocks in its tensor form: on the GPU as on the CPU, step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from falling_rocks.rules import State
from falling_rocks.tensor import FallingRocksTensorEnv
from tests.device.where import device, needs_a_gpu

pytestmark = [pytest.mark.device, needs_a_gpu]

GAMES, SIZE, LENGTH = 64, 16, 20


@pytest.mark.parametrize(
    "options", [{}, {"observation": "planes", "dtype": "float32"}, {"visible": 3}]
)
def test_steps_as_on_the_cpu(options: dict[str, Any]) -> None:
    """From the same states, with the same actions and spawns, beyond the end of the games."""
    generator = torch.Generator().manual_seed(0)
    with device():
        here = FallingRocksTensorEnv(GAMES, "cpu", seed=0, size=SIZE, steps=LENGTH, **options)
        there = FallingRocksTensorEnv(GAMES, "cuda", seed=1, size=SIZE, steps=LENGTH, **options)
        here.reset()
        there.reset()
        put_alike(here, there)
        for number in range(3 * LENGTH):
            actions = torch.randint(3, (GAMES,), generator=generator)
            spawns = torch.randint(-1, SIZE, (GAMES,), generator=generator)
            one = here.advance(actions, spawns)
            other = there.advance(actions.to("cuda"), spawns.to("cuda"))
            ends = (number + 1) % LENGTH == 0
            # What begins is drawn by each; all else, the final observation too, is decided.
            for part in range(1 if ends else 0, 5):
                assert torch.equal(one[part], on_the_cpu(other[part])), (number, part)
            assert bool(one[3].all()) == ends
            if ends:
                put_alike(here, there)


def put_alike(here: FallingRocksTensorEnv, there: FallingRocksTensorEnv) -> None:
    rocks = tuple(rock.to("cuda") for rock in here.state.rocks)
    there.set_state(State(rocks, here.state.bowl.to("cuda")), here.elapsed)


def on_the_cpu(part: Tensor) -> Tensor:
    assert part.is_cuda
    return part.cpu()
