"""Many environments stepped at once, with tensors at the boundary and an exact state."""

from rockfall.kit.environments.batched import (
    BatchedEnvironment,
    Form,
    Frame,
    LoopBatch,
    Policy,
    Step,
    VectorBatch,
    offers_state,
)
from rockfall.kit.environments.episodes import episode_returns
from rockfall.kit.environments.replay import EpisodeReplay
from rockfall.kit.environments.tensor_form import TensorBatch

__all__ = [
    "BatchedEnvironment",
    "EpisodeReplay",
    "Form",
    "Frame",
    "LoopBatch",
    "Policy",
    "Step",
    "TensorBatch",
    "VectorBatch",
    "episode_returns",
    "offers_state",
]
