"""Whole episodes of a policy, many environments at a time, and what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from rockfall.kit.environments.batched import BatchedEnvironment, Form, Policy
from rockfall.kit.environments.checking import check_finite
from rockfall.kit.environments.remembering import episodes_ended
from rockfall.kit.progress import counted

MAX_ENVS = 4096
"""Environments that are stepped at once."""
MAX_STEPS = 27_000
"""Steps after which an episode of a source that says nothing else is cut off: those of half an hour
of an Atari game, the longest that is usual."""
LOOK_EVERY = 16
"""Steps after which it is looked whether all episodes have ended, where that takes time."""


class MakesBatches(Protocol):
    """What `rockfall.Environment` has: batches of itself, reset with a seed."""

    @property
    def info(self) -> Any: ...

    @property
    def evaluation_steps(self) -> int: ...

    def for_evaluation(self, salt: int = 0) -> Self: ...

    def batch(
        self, num_envs: int, *, device: torch.device | str, seed: int | None, form: Form | None
    ) -> BatchedEnvironment: ...


class Episodes(NamedTuple):
    """Whole episodes, on the CPU.

    returns: undiscounted, (E,). lengths: in steps, (E,) int64. cut: which were cut off because
    they did not end, (E,) bool: their returns are those so far.
    """

    returns: Tensor
    lengths: Tensor
    cut: Tensor


def episode_returns(
    source: MakesBatches,
    policy: Callable[[BatchedEnvironment], Policy],
    episodes: int,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    form: Form | None = None,
) -> Tensor:
    """The returns (episodes,) alone of `play_episodes`."""
    return play_episodes(source, policy, episodes, seed=seed, device=device, form=form).returns


def play_episodes(
    source: MakesBatches,
    policy: Callable[[BatchedEnvironment], Policy],
    episodes: int,
    *,
    seed: int = 0,
    salt: int = 0,
    device: torch.device | str = "cpu",
    form: Form | None = None,
) -> Episodes:
    """Whole episodes of a policy. With the same seed, every policy meets the same environments,
    which are others than those that the source trains on with that seed.

    Each environment plays the same number of episodes, so that short ones don't count more; one
    whose episode is cut off, after `source.evaluation_steps`, plays no further.

    salt: another one, other environments; see `Environment.for_evaluation`.
    """
    num_envs = min(episodes, MAX_ENVS)
    source = source.for_evaluation(salt)
    batch = source.batch(num_envs, device=device, seed=seed, form=form)
    try:
        found = _play(batch, policy(batch), -(-episodes // num_envs), source)
    finally:
        batch.close()
    played = Episodes(*(column[:episodes].cpu() for column in found))
    check_finite(source.info.name, "a return", played.returns.numpy())
    return played


def _play(batch: BatchedEnvironment, choose: Policy, rounds: int, source: MakesBatches) -> Episodes:
    """`rounds` episodes of each environment of a batch that has just been reset."""
    device, most = batch.observation.device, source.evaluation_steps
    size = rounds, batch.num_envs
    returns, lengths = torch.zeros(size, device=device), torch.zeros(size, device=device).long()
    cut, played = lengths.bool(), lengths.bool()
    running, age = torch.zeros_like(returns[0]), torch.zeros_like(lengths[0])
    finished = torch.zeros_like(age)
    env_indices = torch.arange(batch.num_envs, device=device)
    what = f"playing {source.info.name}, {batch.num_envs:,} episodes at once: steps"
    for number in counted(range(rounds * most), None, what):
        step = batch.step(choose(batch.observation).to(device))
        running += step.reward
        age += 1
        done = step.terminated | step.truncated
        episodes_ended(choose, done)
        endless = ~done & (age >= most)
        counts = (done | endless) & (finished < rounds)
        row = finished.clamp(max=rounds - 1)
        for kept, value in ((returns, running), (lengths, age), (cut, endless), (played, counts)):
            kept[row, env_indices] = torch.where(counts, value, kept[row, env_indices])
        finished += counts
        finished.masked_fill_(endless, rounds)
        running.masked_fill_(done, 0)
        age.masked_fill_(done, 0)
        # Elsewhere to look is to wait for the device. Steps too many count for nothing.
        looks = device.type == "cpu" or number % LOOK_EVERY == LOOK_EVERY - 1
        if looks and bool((finished == rounds).all()):
            break
    return Episodes(returns[played], lengths[played], cut[played])
