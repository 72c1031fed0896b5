"""What a checkpoint keeps of a replay buffer: the part that is filled, each observation once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer


class KeptReplay:
    """A `ReplayBuffer` with a state dict.

    The buffer holds every transition with both its observations. Within an episode the second is
    the first of the next row, so only where an episode ended, and in the newest row, is it kept.
    """

    COLUMNS = ("observations", "actions", "rewards", "dones", "timeouts")

    def __init__(self, buffer: ReplayBuffer) -> None:
        self.buffer = buffer

    def state_dict(self) -> dict[str, Any]:
        buffer = self.buffer
        filled = {name: getattr(buffer, name)[: buffer.size()] for name in self.COLUMNS}
        return {
            **filled,
            "finals": buffer.next_observations[: buffer.size()][self._finals()],
            "position": buffer.pos,
            "full": buffer.full,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        buffer = self.buffer
        buffer.pos, buffer.full = state["position"], state["full"]
        for name in self.COLUMNS:
            getattr(buffer, name)[: buffer.size()] = state[name]
        observations = buffer.observations[: buffer.size()]
        following = buffer.next_observations[: buffer.size()]
        following[:-1], following[-1:] = observations[1:], observations[:1]
        following[self._finals()] = state["finals"]

    def _finals(self) -> NDArray[np.bool_]:
        """Which rows' second observation is not the next row's first, (rows, envs)."""
        finals = self.buffer.dones[: self.buffer.size()] > 0
        finals[self.buffer.pos - 1 : self.buffer.pos or None] = True  # the newest; −1 is the last
        return finals


def megabytes(transitions: int, observation: int) -> float:
    """Size of a kept replay whose observations have so many bytes.

    The action takes 8 bytes, reward, done and timeout 4 each.
    """
    return transitions * (observation + 20) / 1e6
