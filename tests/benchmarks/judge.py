"""Judging a policy as `rockfall evaluate` does, outside the clock."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from rockfall.kit.environments import episode_returns
from rockfall.kit.randomness import fork_rng
from rockfall.sources.environment import Environment
from rockfall.sources.opening import open_source


@functools.cache
def environment(name: str) -> Environment:
    opened = open_source(name)
    assert isinstance(opened, Environment)
    return opened


@functools.cache
def oracle(name: str) -> float:
    """The oracle's mean score over the episodes of an evaluation."""
    source = environment(name)
    scores = episode_returns(
        source, lambda batch: source.baseline("oracle", batch), source.episodes
    )
    return scores.mean().item()


def percent_of_oracle(name: str, act: Callable[[Tensor], Tensor], device: str = "cpu") -> float:
    """The same figure as `rockfall evaluate` gives, for observations (N, …) → actions (N,) on a
    device.
    """
    source = environment(name)
    with fork_rng(), torch.no_grad():
        scores = episode_returns(source, lambda _: act, source.episodes, device=device)
    return 100 * scores.mean().item() / oracle(name)
