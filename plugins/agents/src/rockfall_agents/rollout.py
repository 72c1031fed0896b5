"""Rollouts of many environments at once, and the returns that are learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rockfall.kit.environments import BatchedEnvironment


class Rollout(NamedTuple):
    """T steps of N environments; every tensor is (T, N, …) but `episode_returns`."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    outputs: Tensor
    """The network's outputs for each observation, (T, N, K)."""
    next_outputs: Tensor
    """Those for the next observation, (T, N, K): an episode's final one where it ended."""
    episode_returns: Tensor
    """Undiscounted returns of the episodes that ended, in the order in which they did, (E,)."""

    def metrics(self) -> dict[str, Tensor]:
        """`return`, the mean return of the episodes that ended; empty if none did."""
        return {"return": self.episode_returns.mean()} if len(self.episode_returns) else {}


class RolloutCollector:
    """Steps `env` without a break between rollouts.

    Its state dict holds the environments and the rewards so far of the episodes under way.
    """

    def __init__(self, env: BatchedEnvironment) -> None:
        self.env = env
        self.rewards_so_far = torch.zeros(env.num_envs, device=env.observation.device)

    @torch.no_grad()
    def collect(
        self,
        steps: int,
        network: Callable[[Tensor], Tensor],
        policy: Callable[[Tensor], Tensor],
    ) -> Rollout:
        """network: observations (N, …) → outputs (N, K). policy: outputs → actions (N,)."""
        transitions = []
        final_outputs = []
        episode_returns = [self.rewards_so_far[:0]]
        for t in range(steps):
            observation = self.env.observation.clone()
            output = network(observation).float()
            action = policy(output)
            step = self.env.step(action)
            transitions.append(
                (observation, action, step.reward, step.terminated, step.truncated, output)
            )
            self.rewards_so_far += step.reward
            done = step.terminated | step.truncated
            if done.any():
                final_outputs.append((t, done, network(step.final_observation[done]).float()))
                episode_returns.append(self.rewards_so_far[done])
                self.rewards_so_far[done] = 0
        observations, actions, rewards, terminated, truncated, outputs = (
            torch.stack(column) for column in zip(*transitions, strict=True)
        )
        next_outputs = torch.cat([outputs[1:], network(self.env.observation).float()[None]])
        for t, done, output in final_outputs:
            next_outputs[t, done] = output
        return Rollout(
            observations,
            actions,
            rewards,
            terminated,
            truncated,
            outputs,
            next_outputs,
            torch.cat(episode_returns),
        )

    def state_dict(self) -> dict[str, Any]:
        return {"env": self.env.state_dict(), "score": self.rewards_so_far}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.env.load_state_dict(state["env"])
        self.rewards_so_far.copy_(state["score"])


def lambda_returns(rollout: Rollout, next_values: Tensor, gamma: float, lam: float) -> Tensor:
    """G_t = r_t + γ ((1 − λ) v_{t+1} + λ G_{t+1}), (T, N), backwards from the last step.

    λ = 0 is the one-step TD target and λ = 1 the Monte Carlo return. After a terminal state there
    is no value, G_t = r_t. A truncated episode would have gone on, as does the last step of the
    rollout: both bootstrap, G_t = r_t + γ v_{t+1}.
    Sutton and Barto 2018, equation 12.18.

    next_values: v of the observation that followed each step, (T, N).
    """
    returns = torch.empty_like(next_values)
    next_return = next_values[-1]
    for t in reversed(range(len(returns))):
        mixed = torch.lerp(next_values[t], next_return, lam)
        mixed = torch.where(rollout.truncated[t], next_values[t], mixed)
        next_return = rollout.rewards[t] + gamma * mixed * ~rollout.terminated[t]
        returns[t] = next_return
    return returns


def minibatches(count: int, epochs: int, size: int, device: torch.device) -> Iterator[Tensor]:
    """Indices of minibatches of `count` transitions: `epochs` passes, each in a new random order.

    The last minibatch of a pass may be smaller than `size`.
    """
    for _ in range(epochs):
        yield from torch.randperm(count, device=device).split(size)
