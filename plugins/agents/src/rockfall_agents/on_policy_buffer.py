"""stable-baselines3's rollout buffer, uploaded once a rollout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor


class UploadedRolloutBuffer(RolloutBuffer):
    """Gives the minibatches that `RolloutBuffer` gives, to the bit.

    That one indexes its arrays and uploads the six parts of each minibatch, and waits for each: it
    has 6 transfers a minibatch where this one has 6 a rollout and one an epoch.
    """

    def reset(self) -> None:
        super().reset()
        self._columns: list[Tensor] | None = None

    def get(self, batch_size: int | None = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]
        """Minibatches of the whole buffer, in a new random order."""
        order = np.random.permutation(self.buffer_size * self.n_envs)
        if self._columns is None:
            self._columns = self._upload()
        columns = self._columns
        for rows in torch.from_numpy(order).to(self.device).split(batch_size or len(order)):
            yield RolloutBufferSamples(*(column[rows] for column in columns))

    def _upload(self) -> list[Tensor]:
        arrays: list[Any] = [
            self.observations,
            self.actions.astype(np.float32, copy=False),
            self.values,
            self.log_probs,
            self.advantages,
            self.returns,
        ]
        observations, actions, *numbers = (
            self.to_torch(self.swap_and_flatten(array), copy=False) for array in arrays
        )
        return [observations, actions, *(column.flatten() for column in numbers)]
