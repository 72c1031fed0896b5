"""TD3: a deterministic actor, and two critics of which the lower one counts, from a replay buffer.

Fujimoto, van Hoof and Meger 2018, "Addressing Function Approximation Error in Actor-Critic
Methods", https://arxiv.org/abs/1802.09477, in the implementation of stable-baselines3:

    repeat
        take T steps in each of N environments by the actor μ with noise, and store the transitions
        for U gradient steps
            sample a minibatch of transitions (s, a, r, s′) from the replay buffer
            a′ ← μ⁻(s′) + clip(ε, −c, c),  ε ~ N(0, σ²)
            y ← r + γ min(Q₁⁻, Q₂⁻)(s′, a′)
            descend the gradient of  (Q₁(s, a) − y)² + (Q₂(s, a) − y)²
            every second time descend that of  − Q₁(s, μ(s))  for the actor,
                Q⁻ ← (1 − τ) Q⁻ + τ Q  and  μ⁻ ← (1 − τ) μ⁻ + τ μ

Actions are a tanh, scaled to the bounds of the action space; noise is in units of −1 … 1. After a
terminal state y is r alone; a truncated episode would have gone on, and bootstraps from its final
s′.

From the paper, stable-baselines3 departs in that the noise of exploration is the user's choice,
none by default: ours is the paper's. From its defaults we depart as in `sac`, and in networks of
2 × 256 units, as `sac` has, where they are of 400 and 300.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from stable_baselines3 import TD3
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.td3.policies import TD3Policy
from torch import Tensor

import rockfall
from rockfall import Environment
from rockfall_agents.continuous import CONTINUOUS, TINY, ContinuousAgent, ContinuousConfig


class Td3Config(ContinuousConfig):
    action_noise: float = Field(
        0.1, ge=0, description="standard deviation of the noise that explores; the paper's"
    )
    policy_delay: int = Field(
        2, ge=1, description="updates of the critics for each of the actor; the paper's"
    )
    target_policy_noise: float = Field(
        0.2,
        ge=0,
        description="σ of the noise on the target's actions, which smooths Q; the paper's",
    )
    target_noise_clip: float = Field(0.5, ge=0, description="bound c of that noise; the paper's")


class Td3(ContinuousAgent):
    """observations (N, *shape) → the actor's actions, (N, *action shape)."""

    Config = Td3Config
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": TINY,
        "Pendulum-v1": {"lr": 1e-3, "steps": 20_000, "gamma": 0.98},  # RL Zoo's
        "continuous": {**CONTINUOUS, "lr": 1e-3},  # RL Zoo's
    }
    policy_class = TD3Policy
    losses: ClassVar = {"actor_loss": "train/actor_loss", "critic_loss": "train/critic_loss"}

    def outputs(self, flat: Tensor) -> Tensor:
        """The actions, as `tanh` has them: their bounds are −1 and 1."""
        policy: Any = self.policy
        actions: Tensor = policy.actor(flat)
        return actions

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        settings = {
            "action_noise": self.noise(),
            "policy_delay": config.policy_delay,
            "target_policy_noise": config.target_policy_noise,
            "target_noise_clip": config.target_noise_clip,
        }
        self.fit_off_policy(TD3, source, run, **settings)

    def noise(self) -> NormalActionNoise:
        """That of exploration."""
        shape: Any = self.policy.action_space.shape
        return NormalActionNoise(np.zeros(shape), np.full(shape, self.config.action_noise))
