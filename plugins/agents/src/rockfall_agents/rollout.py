"""Rollouts of many environments at once, and the returns that are learned from them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

import rockfall
from rockfall.kit.environments import BatchedEnvironment, Step, TensorBatch

RECENT = 100
"""Episodes that a score is the mean of, as everybody plots it."""


class Steps(Protocol):
    """What a rollout needs of a `BatchedEnvironment`, or of some steps of one."""

    observation: Tensor
    ended_rows: Tensor | None
    earned: Tensor | None

    def step(self, actions: Tensor) -> Step: ...


class Rollout(NamedTuple):
    """T steps of N environments; every tensor is (T, N, …)."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    outputs: Tensor
    """The network's outputs for each observation, (T, N, K)."""
    next_outputs: Tensor
    """Those for the next observation, (T, N, K): an episode's final one where it ended."""
    memory: Tensor
    """What was remembered before each observation, (T, N, M)."""

    @property
    def ended(self) -> Tensor:
        """Whether the step was an episode's last, (T, N)."""
        return self.terminated | self.truncated


class Network(Protocol):
    """What chooses the actions. One that remembers nothing has a `memory_size` of 0."""

    @property
    def memory_size(self) -> int: ...

    def step(self, observations: Tensor, memory: Tensor, /) -> tuple[Tensor, Tensor]:
        """Outputs (N, K) for observations (N, …), and the memory (N, `memory_size`) after them."""


class RolloutCollector:
    """Steps `env` without a break between rollouts, and nothing in a step waits for the device.

    A tensor form whose steps can be recorded is stepped as a captured function of tensors: on CUDA
    the network, the policy and the environment are one graph, launched at once.

    Its state dict holds the environments, of the episodes under way the rewards and steps so far
    and what the network remembers, and the latest that ended.
    """

    def __init__(
        self,
        env: BatchedEnvironment,
        network: Network,
        policy: Callable[[Tensor], Tensor],
        run: rockfall.Run | None = None,
    ) -> None:
        """policy: outputs of the network (N, K) → actions (N, …).

        Both are recorded: what changes in them has to be tensors that change in place.
        """
        self.env = env
        self.network = network
        self.policy = policy
        self.autocast = run.autocast if run else contextlib.nullcontext
        self.play = run.capture(self._play) if run else self._play
        device = env.observation.device
        self.so_far = torch.zeros(env.num_envs, 2, device=device)
        self.rewards_so_far, self.lengths_so_far = self.so_far.unbind(1)
        self.memory = torch.zeros(env.num_envs, network.memory_size, device=device)
        self.episodes = self.recent = self.so_far[:0]
        """Undiscounted returns and lengths of episodes in the order in which they ended, (E, 2):
        of those that did in the latest rollout, and of the last RECENT."""

    def collect(self, steps: int) -> Rollout:
        """The next `steps` steps of each environment."""
        if not (isinstance(self.env, TensorBatch) and self.env.recordable):
            rollout, episodes = self._collect(self.env, steps)
            self._ended(episodes)
            return rollout
        parts = []
        while steps:
            rollout, episodes, games = self.play(*self.env.draw(steps))
            done = len(rollout.rewards)
            steps -= done
            self.env.go_on(done, *games)
            # What is played next may overwrite it.
            parts.append([column.clone() if steps else column for column in (*rollout, episodes)])
        *columns, episodes = map(torch.cat, zip(*parts, strict=True))
        self._ended(episodes)
        return Rollout(*columns)

    def metrics(self) -> dict[str, Tensor]:
        """Means of the last RECENT episodes: of their return, `score`, and of their length; empty
        before the first has ended.
        """
        if not len(self.recent):
            return {}
        score, length = self.recent.mean(0).unbind()
        return {"episode_length": length, "score": score}

    def _ended(self, episodes: Tensor) -> None:
        self.episodes = episodes
        self.recent = torch.cat([self.recent, episodes])[-RECENT:]

    def _play(self, *drawn: Tensor) -> tuple[Rollout, Tensor, tuple[Tensor, ...]]:
        """All steps for which there are random numbers, and the state that they lead to."""
        assert isinstance(self.env, TensorBatch)
        played = self.env.play(*drawn)
        return *self._collect(played, len(played)), played.games

    @torch.no_grad()
    def _collect(self, env: Steps, steps: int) -> tuple[Rollout, Tensor]:
        """A rollout, and the returns and lengths (E, 2) of the episodes that ended."""
        with self.autocast():
            return self._transitions(env, steps)

    def _transitions(self, env: Steps, steps: int) -> tuple[Rollout, Tensor]:
        transitions = []
        final_outputs: list[tuple[int, Tensor | None, Tensor]] = []
        endings = []
        for t in range(steps):
            observation, before = env.observation.clone(), self.memory.clone()
            output, memory = self._outputs(observation)
            action = self.policy(output)
            step = env.step(action)
            transitions.append(
                (observation, action, step.reward, step.terminated, step.truncated, output, before)
            )
            self.memory.copy_(memory)
            self.rewards_so_far += step.reward if env.earned is None else env.earned
            self.lengths_so_far += 1
            rows = env.ended_rows
            if rows is None:  # the device alone knows which: below, one of all is picked there
                final_outputs.append((t, rows, self._outputs(step.final_observation)[0]))
                endings.append(self.so_far.clone())
            elif len(rows):
                final = self._outputs(step.final_observation[rows], self.memory[rows])[0]
                final_outputs.append((t, rows, final))
                endings.append(self.so_far[rows])
            ended = step.terminated | step.truncated
            self.so_far.masked_fill_(ended[:, None], 0)
            self.memory.masked_fill_(ended[:, None], 0)
        observations, actions, rewards, terminated, truncated, outputs, memories = (
            torch.stack(column) for column in zip(*transitions, strict=True)
        )
        ended = terminated | truncated
        next_outputs = torch.cat([outputs[1:], self._outputs(env.observation)[0][None]])
        for t, rows, output in final_outputs:
            if rows is None:
                next_outputs[t] = torch.where(ended[t, :, None], output, next_outputs[t])
            else:
                next_outputs[t, rows] = output
        episodes = torch.cat([self.so_far[:0], *endings])
        if env.ended_rows is None:
            episodes = episodes[ended.flatten()]  # waits, but once a rollout
        columns = observations, actions, rewards, terminated, truncated, outputs, next_outputs
        return Rollout(*columns, memories), episodes

    def _outputs(self, observations: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Of the network, in float32, and what it then remembers; memory: by default, that of
        all the episodes."""
        outputs, after = self.network.step(observations, self.memory if memory is None else memory)
        return outputs.float(), after

    def state_dict(self) -> dict[str, Any]:
        remembered = {"memory": self.memory} if self.network.memory_size else {}
        return {
            "env": self.env.state_dict(),
            "score": self.rewards_so_far,
            "lengths": self.lengths_so_far,
            "recent": self.recent,
            **remembered,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.env.load_state_dict(state["env"])
        self.rewards_so_far.copy_(state["score"])
        if "recent" in state:  # older checkpoints lack it
            self.lengths_so_far.copy_(state["lengths"])
            self.recent = state["recent"].to(self.so_far).reshape(-1, 2)
        if self.network.memory_size:
            self.memory.copy_(state["memory"])


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


FEWEST_SEQUENCES = 8
"""In a minibatch: to go through 16 takes 1.7 times as long as to go through 2, on one thread, and
two environments make noisy gradients."""


class Samples:
    """What minibatches of a rollout are made of: transitions, or for a network that remembers the
    whole sequence of an environment.
    """

    def __init__(self, network: Network, envs: int, rollout_steps: int, batch_size: int) -> None:
        """batch_size: transitions in a minibatch; of whole sequences, at least
        `FEWEST_SEQUENCES`."""
        self.sequences = network.memory_size > 0
        self.count = envs if self.sequences else envs * rollout_steps
        sequences = max(FEWEST_SEQUENCES, batch_size // rollout_steps)
        self.batch_size = sequences if self.sequences else batch_size

    def of(self, column: Tensor) -> Tensor:
        """A column of a rollout (T, N, …) by samples: (T · N, …), or sequences (N, T, …)."""
        return column.transpose(0, 1) if self.sequences else column.flatten(0, 1)

    def orders(self, epochs: int, device: torch.device) -> Tensor:
        """A new random order of the samples for each of the epochs, (epochs, count)."""
        return random_orders(self.count, epochs, device)

    def minibatches(self, orders: Tensor) -> Iterator[Tensor]:
        """Indices of samples: a pass over all in each of the orders."""
        return minibatches(orders, self.batch_size)


def random_orders(count: int, epochs: int, device: torch.device) -> Tensor:
    """A new random order of `count` samples for each of the epochs, (epochs, count)."""
    return torch.stack([torch.randperm(count, device=device) for _ in range(epochs)])


def minibatches(orders: Tensor, size: int) -> Iterator[Tensor]:
    """Indices of minibatches: a pass over the samples in each of the orders (epochs, count).

    The last minibatch of a pass may be smaller than `size`.
    """
    for order in orders:
        yield from order.split(size)
