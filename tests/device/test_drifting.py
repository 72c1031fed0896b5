"""Drifting rocks in its tensor form: on the GPU as on the CPU, step by step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from drifting_rocks.rules import State
from drifting_rocks.tensor import DriftingRocksTensorEnv
from tests.device.where import device, needs_a_gpu

pytestmark = [pytest.mark.device, needs_a_gpu]

GAMES, LENGTH = 64, 20


@pytest.mark.parametrize("actions", ["continuous", "discrete"])
def test_steps_as_on_the_cpu(actions: str) -> None:
    """From the same states, with the same actions and beacons, beyond the end of the games."""
    generator = torch.Generator().manual_seed(0)
    options = {"actions": actions, "steps": LENGTH, "rock_radius": 0.2}
    with device():
        here = DriftingRocksTensorEnv(GAMES, "cpu", seed=0, **options)
        there = DriftingRocksTensorEnv(GAMES, "cuda", seed=1, **options)
        here.reset()
        ended = 0
        for _ in range(3 * LENGTH):
            state = State(*(part.to("cuda") for part in here.state))
            there.set_state(state, here.elapsed.to("cuda"))
            if actions == "discrete":
                chosen = torch.randint(9, (GAMES,), generator=generator)
            else:
                chosen = 2.4 * torch.rand(GAMES, 2, generator=generator) - 1.2
            beacons = 2 * torch.rand(2, GAMES, generator=generator) - 1
            ours = here.advance(chosen, beacons)
            theirs = there.advance(chosen.to("cuda"), beacons.to("cuda"))
            # What begins is drawn by each; all else, the final observation too, is decided.
            over = ours[2] | ours[3]
            for one, other in zip(ours[1:], theirs[1:], strict=True):
                assert torch.equal(one, on_the_cpu(other))
            assert torch.equal(ours[0][~over], on_the_cpu(theirs[0])[~over])
            assert torch.equal(here.elapsed, on_the_cpu(there.elapsed))
            ended += int(over.sum())
        assert ended > GAMES


def on_the_cpu(part: Tensor) -> Tensor:
    assert part.is_cuda
    return part.cpu()
