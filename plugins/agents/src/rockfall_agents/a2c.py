"""A2C: an actor plays, and a critic says what went better than it expected.

Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning",
https://arxiv.org/abs/1602.01783, in step instead of asynchronous, as stable-baselines3 has it:

    repeat
        play T steps in each of N environments by the policy π
        A_t ← Σ (γλ)^l δ_{t+l},  δ_t = r_t + γ v(s_{t+1}) − v(s_t)
        descend once the gradient of  − A_t log π(a_t | s_t)
            + weight · (v(s_t) − A_t − v₀(s_t))² − entropy · H(π(s_t))

Every step is used once, so the rollouts are short and the gradients many. They go through Adam
here, where the paper has RMSprop.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from stable_baselines3 import A2C

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents import sb3


class A2cConfig(sb3.OnPolicyConfig):
    envs: int = Field(16, ge=1, description="played at once; enough that a gradient is no accident")
    rollout: int = Field(8, ge=1, description="steps of each between updates; few, to update often")


# A rock is in sight until it lands, and what comes later is luck: γ looks some 20 steps ahead.
ROCKS = {"gamma": 0.95, "lam": 0.8, "envs": 32, "lr": 2e-3}


class A2c(sb3.OnPolicyAgent):
    """observations (N, *shape) → the action that the policy holds likeliest, (N,)."""

    Config = A2cConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": (16,), "steps": 2_000},
        "falling-rocks-8x8": {**ROCKS, "steps": 600_000},
        "falling-rocks-16x16": {**ROCKS, "steps": 1_500_000},
        "falling-rocks-32x32": {**ROCKS, "steps": 1_500_000},
        "CartPole-v1": {"steps": 300_000},
    }

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        self.play_and_learn(A2C, source, run, "train/policy_loss")
