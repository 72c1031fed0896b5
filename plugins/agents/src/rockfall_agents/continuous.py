"""What sac and td3 share: an actor of continuous actions, and two critics of its actions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall.kit.environments import Spaces
from rockfall_agents.features import Encoded
from rockfall_agents.off_policy import OffPolicyAgent, OffPolicyConfig

TINY: dict[str, Any] = {
    "hidden": (16,),
    "steps": 640,
    "batch_size": 32,
    "gradient_steps": 8,
    "learning_starts": 100,
    "buffer_size": 400,
}
"""A second of training, for tests: the buffer is filled and overwritten."""

CONTINUOUS: dict[str, Any] = {
    "steps": 500_000,  # half of RL Zoo's for MuJoCo
    "learning_starts": 10_000,  # RL Zoo's
    "buffer_size": 200_000,
}
"""For a family of tasks, of which Pendulum is by far the easiest."""


class ContinuousConfig(OffPolicyConfig):
    hidden: tuple[PositiveInt, ...] = Field(
        (256, 256), min_length=1, description="units in each hidden layer; the papers'"
    )
    layer_norm: bool = Field(
        False, description="normalise the activations of hidden layers; the papers don't"
    )
    envs: int = Field(
        4, ge=1, le=65_536, description="parallel environments; few, as gradient steps take longer"
    )
    lr: float = Field(
        3e-4, gt=0, le=1, description="learning rate of Adam, annealed to 0; SB3's for SAC"
    )
    train_freq: int = Field(
        8, ge=1, description="steps of each environment between trainings; 32 in all"
    )
    gradient_steps: int = Field(
        32, ge=1, description="gradient steps a training; one for each environment step, as SB3"
    )
    batch_size: int = Field(256, ge=1, description="transitions in each minibatch; SB3's")
    buffer_size: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="transitions in the replay buffer; few, as all are in every checkpoint",
    )
    tau: float = Field(
        0.005, gt=0, le=1, description="share τ of a critic in its target, an update; the papers'"
    )


class ContinuousAgent(OffPolicyAgent):
    """An actor and two critics, each with an encoder of its own."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        """Raises ValueError for a replay buffer that is too large for a checkpoint, and for actions
        without bounds.
        """
        actions = Spaces.of(info).acted
        assert isinstance(actions, spaces.Box)
        with np.errstate(over="ignore"):
            width = actions.high.astype(np.float32) - actions.low.astype(np.float32)
        if not np.isfinite(width).all():
            without = "are too wide" if actions.is_bounded() else "are not there"
            raise ValueError(
                "it scales its actions to the bounds of the action space, which "
                f"{without} in {actions}: ppo, a2c and reinforce take it"
            )
        super().__init__(config, info)

    def policy_settings(self) -> dict[str, Any]:
        config = self.config
        return {
            "net_arch": list(config.hidden),
            "activation_fn": NormalisedReLU if config.layer_norm else nn.ReLU,
            "features_extractor_class": Encoded,
            "features_extractor_kwargs": {
                "architecture": config.network,
                "info": self.info,
                "normalizer": self.normalizer(),
            },
        }

    def algorithm_settings(self) -> dict[str, Any]:
        return {**super().algorithm_settings(), "tau": self.config.tau}

    def kept(self, algorithm: Any) -> dict[str, Any]:
        actor, critic = algorithm.actor, algorithm.critic
        return {"actor_optimizer": actor.optimizer, "critic_optimizer": critic.optimizer}


class NormalisedReLU(nn.Module):
    """ReLU after a layer normalisation without weights: stable-baselines3 makes activations
    without saying of how many units.
    """

    def forward(self, activations: Tensor) -> Tensor:
        return torch.relu(F.layer_norm(activations, activations.shape[-1:]))
