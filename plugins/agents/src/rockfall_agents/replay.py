"""Replay buffers: with scaled rewards, and what a checkpoint keeps of one, which is the filled part
with each observation once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from rockfall_agents.normalizing import RewardScale

ACTION = 8
"""Bytes of a discrete action."""
NUMBERS = 12
"""Bytes of reward, done and timeout of a transition."""


class ScaledReplayBuffer(ReplayBuffer):
    """Holds rewards as they were, and scales those that are drawn by what is known then."""

    def __init__(self, *given: Any, scale: RewardScale, **named: Any) -> None:
        super().__init__(*given, **named)
        self.scale = scale

    def _get_samples(
        self, batch_inds: NDArray[Any], env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        samples = super()._get_samples(batch_inds, env)
        return samples._replace(rewards=self.scale.scaled(samples.rewards))


def newest_observations(buffer: ReplayBuffer, steps: int) -> NDArray[Any]:
    """Those of the latest steps, as far as it holds so many, (steps, envs, D)."""
    rows = buffer.pos - 1 - np.arange(min(steps, buffer.size()))
    newest: NDArray[Any] = buffer.observations[rows % buffer.buffer_size]
    return newest


class ReplayBufferState:
    """A state dict for stable-baselines3's `ReplayBuffer`.

    The buffer holds every transition with both its observations. Within an episode the next
    observation is the first of the next row, so it is saved only where an episode ended, and for
    the newest row.
    """

    COLUMNS = ("observations", "actions", "rewards", "dones", "timeouts")

    def __init__(self, buffer: ReplayBuffer) -> None:
        self.buffer = buffer

    def state_dict(self) -> dict[str, Any]:
        buffer = self.buffer
        filled = {name: getattr(buffer, name)[: buffer.size()] for name in self.COLUMNS}
        return {
            **filled,
            "finals": buffer.next_observations[: buffer.size()][self._final_mask()],
            "position": buffer.pos,
            "full": buffer.full,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        buffer = self.buffer
        buffer.pos, buffer.full = state["position"], state["full"]
        for name in self.COLUMNS:
            getattr(buffer, name)[: buffer.size()] = state[name]
        observations = buffer.observations[: buffer.size()]
        next_observations = buffer.next_observations[: buffer.size()]
        next_observations[:-1], next_observations[-1:] = observations[1:], observations[:1]
        next_observations[self._final_mask()] = state["finals"]

    def _final_mask(self) -> NDArray[np.bool_]:
        """Where the next observation is not the one of the next row, (rows, envs)."""
        finals = self.buffer.dones[: self.buffer.size()] > 0
        finals[self.buffer.pos - 1 : self.buffer.pos or None] = True  # the newest; −1 is the last
        return finals


def checkpoint_megabytes(
    transitions: int, observation_bytes: int, action_bytes: int = ACTION
) -> float:
    """Size that a replay buffer of so many transitions takes in a checkpoint."""
    return transitions * (observation_bytes + action_bytes + NUMBERS) / 1e6


def memory_bytes(transitions: int, observation_bytes: int, action_bytes: int = ACTION) -> int:
    """Bytes that it takes in memory, where both observations of a transition are there."""
    return transitions * (2 * observation_bytes + action_bytes + NUMBERS)
