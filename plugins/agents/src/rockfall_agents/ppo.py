"""PPO: policy gradients whose steps are clipped, so that a rollout can be learned from repeatedly.

Schulman et al. 2017, "Proximal Policy Optimization Algorithms"; the algorithm is
stable-baselines3's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from stable_baselines3 import PPO

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents import sb3


class PpoConfig(sb3.Config):
    rollout: int = Field(64, ge=1, description="steps of every environment between updates")
    epochs: int = Field(4, ge=1, description="passes over a rollout")
    batch_size: int = Field(256, ge=2, description="steps an update")
    lam: float = Field(0.95, ge=0, le=1, description="")
    clip: float = Field(0.2, gt=0, description="")
    entropy: float = Field(0.01, ge=0, description="")
    value_weight: float = Field(0.5, ge=0, description="")
    max_grad_norm: float = Field(0.5, gt=0, description="")


class Ppo(sb3.OnPolicyAgent):
    Config = PpoConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"steps": 2_000, "hidden": (16,)},
    }

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        self.learn(
            PPO,
            source,
            run,
            ("train/policy_gradient_loss", "train/value_loss", "train/entropy_loss"),
            n_epochs=config.epochs,
            batch_size=config.batch_size,
            gae_lambda=config.lam,
            clip_range=config.clip,
            ent_coef=config.entropy,
            vf_coef=config.value_weight,
            max_grad_norm=config.max_grad_norm,
        )
