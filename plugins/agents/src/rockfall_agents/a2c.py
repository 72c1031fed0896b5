"""A2C"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from stable_baselines3 import A2C

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents import sb3


class A2cConfig(sb3.Config):
    rollout: int = Field(16, ge=1, description="steps of every environment between updates")
    lam: float = Field(0.95, ge=0, le=1, description="")
    entropy: float = Field(0.01, ge=0, description="")
    value_weight: float = Field(0.5, ge=0, description="")
    max_grad_norm: float = Field(0.5, gt=0, description="")


class A2c(sb3.OnPolicyAgent):
    Config = A2cConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"steps": 2_000, "hidden": (16,)},
    }

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        self.learn(
            A2C,
            source,
            run,
            ("train/policy_loss", "train/value_loss", "train/entropy_loss"),
            gae_lambda=config.lam,
            ent_coef=config.entropy,
            vf_coef=config.value_weight,
            max_grad_norm=config.max_grad_norm,
        )
