"""Whole episodes of a policy, many environments at a time, and what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.environments.batched import BatchedEnvironment, Form, Policy
from rockfall.kit.environments.remembering import episodes_ended

MAX_ENVS = 4096
"""Environments that are stepped at once."""
MAX_STEPS = 1_000_000
"""Steps after which an episode that does not end is called endless."""
LOOK_EVERY = 16
"""Steps after which it is looked whether all episodes have ended, where that takes time."""


class MakesBatches(Protocol):
    """What `rockfall.Environment` has: batches of itself, reset with a seed."""

    @property
    def info(self) -> Any: ...

    def batch(
        self, num_envs: int, *, device: torch.device | str, seed: int | None, form: Form | None
    ) -> BatchedEnvironment: ...


def episode_returns(
    source: MakesBatches,
    policy: Callable[[BatchedEnvironment], Policy],
    episodes: int,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    form: Form | None = None,
) -> Tensor:
    """The undiscounted returns (episodes,) of a policy, on the CPU. With the same seed, every
    policy meets the same environments.

    Each environment plays the same number of episodes, so that short ones don't count more. Raises
    RockfallError for an episode that does not end.
    """
    num_envs = min(episodes, MAX_ENVS)
    batch = source.batch(num_envs, device=device, seed=seed, form=form)
    choose = policy(batch)
    rounds = -(-episodes // num_envs)
    returns = torch.zeros(rounds, num_envs, device=batch.observation.device)
    running = torch.zeros(num_envs, device=batch.observation.device)
    finished = torch.zeros(num_envs, dtype=torch.long, device=running.device)
    env_indices = torch.arange(num_envs, device=running.device)
    try:
        for number in range(MAX_STEPS):
            step = batch.step(choose(batch.observation).to(running.device))
            running += step.reward
            done = step.terminated | step.truncated
            episodes_ended(choose, done)
            counts = done & (finished < rounds)
            row = finished.clamp(max=rounds - 1)
            returns[row, env_indices] = torch.where(counts, running, returns[row, env_indices])
            finished += counts
            running.masked_fill_(done, 0)
            # Elsewhere to look is to wait for the device. Steps too many count for nothing.
            looks = running.device.type == "cpu" or number % LOOK_EVERY == LOOK_EVERY - 1
            if looks and bool((finished == rounds).all()):
                return returns.flatten()[:episodes].cpu()
    finally:
        batch.close()
    raise RockfallError(f"{source.info.name}: an episode did not end within {MAX_STEPS:,} steps")
