"""Playing many environments at once, and what was played as tensors to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall.sources.batched import BatchedEnvironment


class Rollout(NamedTuple):
    """T steps of N environments; every tensor is (T, N, …) but `scores`."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    outputs: Tensor
    """What the network said of each observation,"""
    next_outputs: Tensor
    """and of the one that followed it, even where the episode ended there."""
    scores: Tensor
    """Of the episodes that ended, in the order in which they did."""


class Player:
    """Plays `env` on and on; keeps the score of the episodes under way, as a checkpoint must."""

    def __init__(self, env: BatchedEnvironment) -> None:
        self.env = env
        self.score = torch.zeros(env.num_envs, device=env.observation.device)

    @torch.no_grad()
    def play(
        self,
        steps: int,
        network: Callable[[Tensor], Tensor],
        choose: Callable[[Tensor], Tensor],
    ) -> Rollout:
        """network: observations (N, …) → outputs (N, K). choose: outputs → actions (N,)."""
        played = []
        endings = []
        scores = [self.score[:0]]
        for t in range(steps):
            observation = self.env.observation.clone()
            output = network(observation).float()
            action = choose(output)
            step = self.env.step(action)
            played.append(
                (observation, action, step.reward, step.terminated, step.truncated, output)
            )
            self.score += step.reward
            ended = step.terminated | step.truncated
            if ended.any():
                endings.append((t, ended, network(step.final_observation[ended]).float()))
                scores.append(self.score[ended])
                self.score[ended] = 0
        observations, actions, rewards, terminated, truncated, outputs = (
            torch.stack(column) for column in zip(*played, strict=True)
        )
        next_outputs = torch.cat([outputs[1:], network(self.env.observation).float()[None]])
        for t, ended, last in endings:
            next_outputs[t, ended] = last
        return Rollout(
            observations,
            actions,
            rewards,
            terminated,
            truncated,
            outputs,
            next_outputs,
            torch.cat(scores),
        )

    def state_dict(self) -> dict[str, Any]:
        return {"env": self.env.state_dict(), "score": self.score}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.env.load_state_dict(state["env"])
        self.score.copy_(state["score"])


def lambda_returns(rollout: Rollout, next_values: Tensor, gamma: float, lam: float) -> Tensor:
    """G_t = r_t + γ ((1 − λ) v_{t+1} + λ G_{t+1}), (T, N), backwards from the last step.

    Between the one-step target (λ = 0) and the sum of all the rewards to come (λ = 1). After a
    terminal state there is nothing, G_t = r_t. An episode that was only cut short would have gone
    on, and so will the last step of the rollout: there G_t = r_t + γ v_{t+1}.
    Sutton and Barto 2018, equation 12.18.

    next_values: v of the observation that followed each step, (T, N).
    """
    returns = torch.empty_like(next_values)
    coming = next_values[-1]
    for t in reversed(range(len(returns))):
        ahead = torch.lerp(next_values[t], coming, lam)
        ahead = torch.where(rollout.truncated[t], next_values[t], ahead)
        coming = rollout.rewards[t] + gamma * ahead * ~rollout.terminated[t]
        returns[t] = coming
    return returns


def minibatches(count: int, epochs: int, size: int, device: torch.device) -> Iterator[Tensor]:
    """Indices into `count` examples: `epochs` passes, each in a new random order."""
    for _ in range(epochs):
        yield from torch.randperm(count, device=device).split(size)
