"""PPO: a policy gradient in small steps, so that a rollout is good for more than one of them.

Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization Algorithms",
https://arxiv.org/abs/1707.06347, as stable-baselines3 has it:

    repeat
        play T steps in each of N environments by the policy π, which is π₀ from here on
        A_t ← Σ (γλ)^l δ_{t+l},  δ_t = r_t + γ v(s_{t+1}) − v(s_t)    (advantage estimation)
        for every minibatch of the N × T steps, a few times over
            ρ_t ← π(a_t | s_t) / π₀(a_t | s_t)
            descend the gradient of  − min(ρ_t A_t, clip(ρ_t, 1 − c, 1 + c) A_t)
                + weight · (v(s_t) − A_t − v₀(s_t))² − entropy · H(π(s_t))

A step by which the policy has already gone further than c no longer pulls at it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator
from stable_baselines3 import PPO

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents import sb3


class PpoConfig(sb3.OnPolicyConfig):
    rollout: int = Field(64, ge=1, description="steps of each between updates; λ fades well before")
    epochs: int = Field(4, ge=1, description="passes over a rollout; more would fit its noise")
    batch_size: int = Field(256, ge=2, description="steps a gradient")
    clip: float = Field(0.2, gt=0, lt=1, description="c, how far π may go an update; the paper's")

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.envs * self.rollout % self.batch_size:
            raise ValueError(
                f"batch_size={self.batch_size} does not divide envs × rollout = "
                f"{self.envs * self.rollout}: a small rest would weigh as much as a whole batch"
            )
        return self


# A rock is in sight until it lands, and what comes later is luck: γ looks some 20 steps ahead.
# Many environments in large batches: each step of SB3's own costs more than the arithmetic in it.
ROCKS = {
    "gamma": 0.95,
    "lam": 0.9,
    "envs": 128,
    "rollout": 32,
    "batch_size": 1024,
    "lr": 3e-3,
    "norm": False,
}


class Ppo(sb3.OnPolicyAgent):
    """observations (N, *shape) → the action that the policy holds likeliest, (N,)."""

    Config = PpoConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": (16,), "steps": 2_000},
        "falling-rocks-8x8": {**ROCKS, "steps": 600_000},
        "falling-rocks-16x16": {**ROCKS, "steps": 1_500_000},
        "falling-rocks-32x32": {**ROCKS, "steps": 1_500_000},
        "CartPole-v1": {"steps": 200_000, "lam": 0.9, "batch_size": 128},
    }

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        settings = {
            "n_epochs": config.epochs,
            "batch_size": config.batch_size,
            "clip_range": config.clip,
        }
        self.play_and_learn(PPO, source, run, "train/policy_gradient_loss", **settings)
