"""Many environments stepped at once, with tensors at the boundary and an exact state."""

from rockfall.kit.environments.acting import Acting, ActingWithMemory
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
from rockfall.kit.environments.controls import Controls
from rockfall.kit.environments.episodes import Episodes, episode_returns, play_episodes
from rockfall.kit.environments.packages import register_id
from rockfall.kit.environments.remembering import ModelPolicy, Remembers, episodes_ended
from rockfall.kit.environments.replay import EpisodeReplay
from rockfall.kit.environments.space_data import Part, parts_of
from rockfall.kit.environments.spaces import Encoded, Spaces
from rockfall.kit.environments.tensor_form import TensorBatch

__all__ = [
    "Acting",
    "ActingWithMemory",
    "BatchedEnvironment",
    "Controls",
    "Encoded",
    "EpisodeReplay",
    "Episodes",
    "Form",
    "Frame",
    "LoopBatch",
    "ModelPolicy",
    "Part",
    "Policy",
    "Remembers",
    "Spaces",
    "Step",
    "TensorBatch",
    "VectorBatch",
    "episode_returns",
    "episodes_ended",
    "offers_state",
    "parts_of",
    "play_episodes",
    "register_id",
]
