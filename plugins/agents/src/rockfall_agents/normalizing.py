"""Normalisation by running statistics: of observations, and of rewards.

Measurements in different units reach a network alike if the mean of each is subtracted and it is
divided by its standard deviation. One learning rate suits rewards of any scale if they are divided
by the standard deviation of the discounted return. As in stable-baselines3's `VecNormalize`, both
are clipped. The statistics move between two rollouts, never within one, so that a rollout is
learned from under the statistics by which it was collected. A replay buffer holds what was seen
and paid as it was: what is drawn from it is normalised by the statistics of that time.

Engstrom et al. 2020, "Implementation Matters in Deep Policy Gradients",
https://arxiv.org/abs/2005.12729.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import rockfall
from rockfall.kit.parallel import moments
from rockfall_agents.rollout import Rollout

CLIP = 10.0
"""Standard deviations beyond which a value is clipped; SB3's."""
EPSILON = 1e-8
"""Added to variances; SB3's."""


class RunningMoments(nn.Module):
    """Mean and variance of all rows that were ever given to `update`, as buffers (*shape)."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """rows: (N, *shape), N ≥ 1.

        Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
        """
        added, mean, variance = moments(rows.float())
        total = self.count + added
        delta = mean - self.mean
        share = added / total
        squares = self.variance * (1 - share) + variance * share
        self.variance.copy_(squares + delta.square() * share * (1 - share))
        self.mean.add_(delta * share)
        self.count.copy_(total)


class Normalizer(RunningMoments):
    """observations (N, *shape), scaled to mean 0 and standard deviation 1 and clipped; as they are
    before the first `update`.
    """

    def forward(self, observations: Tensor) -> Tensor:
        scaled = (observations - self.mean) * (self.variance + EPSILON).rsqrt()
        return scaled.clamp(-CLIP, CLIP)


class RewardScale(RunningMoments):
    """Divides rewards by the standard deviation of the discounted returns so far, and clips them.

    It has part in learning alone: an evaluation knows nothing of it.
    """

    returns: Tensor

    def __init__(self, num_envs: int, gamma: float, *, at_once: bool = True) -> None:
        """at_once: whether a call gives rewards divided; else they are stored as they are, and
        `scaled` whenever they are learned from, by what is known then.
        """
        super().__init__(())
        self.gamma, self.at_once = gamma, at_once
        self.register_buffer("returns", torch.zeros(num_envs))

    @torch.no_grad()
    def forward(self, rewards: Tensor, ended: Tensor) -> Tensor:
        """rewards and whether an episode ended, of successive steps, (T, N) → rewards (T, N)."""
        returns = []
        for reward, over in zip(rewards, ended, strict=True):
            self.returns.mul_(self.gamma).add_(reward)
            returns.append(self.returns.clone())
            self.returns.masked_fill_(over, 0)
        self.update(torch.cat(returns))
        return self.scaled(rewards) if self.at_once else rewards

    def scaled(self, rewards: Tensor) -> Tensor:
        """Rewards of any shape, divided and clipped."""
        return (rewards * (self.variance + EPSILON).rsqrt()).clamp(-CLIP, CLIP)


class Rewards:
    """The rewards of rollouts, scaled by a `RewardScale` that the run keeps, if it is wanted."""

    def __init__(self, wanted: bool, num_envs: int, gamma: float, run: rockfall.Run) -> None:
        self.scale = RewardScale(num_envs, gamma).to(run.device) if wanted else None
        if self.scale:
            run.keep(reward_scale=self.scale)

    def scaled(self, rollout: Rollout) -> Rollout:
        """The same rollout, as it is learned from."""
        if not self.scale:
            return rollout
        return rollout._replace(rewards=self.scale(rollout.rewards, rollout.ended))
