"""A2C: an actor, the policy, and a critic, whose values tell by how much a return exceeds them.

Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning",
https://arxiv.org/abs/1602.01783, synchronous instead of asynchronous, in the implementation of
stable-baselines3:

    repeat
        collect T steps in each of N environments by the policy π
        A_t ← Σ (γλ)^l δ_{t+l},  δ_t = r_t + γ v(s_{t+1}) − v(s_t)    (GAE)
        descend once the gradient of  − A_t log π(a_t | s_t)
            + value_weight · (v(s_t) − A_t − v₀(s_t))² − entropy · H(π(s_t))

Every step is used once, so rollouts are short and updates many. From the paper and from
stable-baselines3's defaults we depart in:

- Adam for RMSprop, as for all agents here, with a learning rate of 1e-3 that falls to 0 (the
  paper's falls too, SB3's stays at 7e-4);
- λ = 0.95, where theirs is 1: less variance for a little bias;
- rollouts of 16 × 8 steps instead of 5 steps of each, for gradients of less variance;
- the paper's entropy bonus (0.01), but falling to 0; SB3 has none;
- one network of 2 × 128 rectified units with LayerNorm for actor and critic, instead of SB3's two
  of 2 × 64 tanh units, since much of what they compute is the same.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from stable_baselines3 import A2C

import rockfall
from rockfall import Environment
from rockfall_agents import sb3


class A2cConfig(sb3.OnPolicyConfig):
    envs: int = Field(
        16, ge=1, description="parallel environments; enough that one does not rule the gradient"
    )
    rollout_steps: int = Field(
        8, ge=1, description="steps of each environment per update; few, to update often"
    )


FALLING_ROCKS: dict[str, Any] = {
    "gamma": 0.95,  # 0.95^20 is 0.4: a rock is in sight until it lands, what comes later is noise
    "lam": 0.8,  # (γλ)^8 is 0.1: about as far as a rollout goes
    "envs": 32,  # a batched step of this game costs little more than one of 16
    "lr": 2e-3,  # higher, as twice the environments give gradients of less variance
}


class A2c(sb3.OnPolicyAgent):
    """observations (N, *shape) → the most probable actions, (N,)."""

    Config = A2cConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": (16,), "steps": 2_000},  # a second of training, for tests
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 600_000},  # 99 % of the oracle, 17 CPU s
        "falling-rocks-16x16": {
            **FALLING_ROCKS,
            "gamma": 0.9,  # a move matters within ten steps: 96 % where 0.95 ends at 90
            "entropy": 0.03,  # with 0.01 an action may be given up for good
            "steps": 2_000_000,
        },  # 98 %, in 70 CPU s
        "falling-rocks-32x32": {**FALLING_ROCKS, "steps": 1_500_000},  # not tuned: as 16 × 16
        "continuous": {  # RL Zoo's, but for its gSDE and RMSprop, and a fifth of its steps
            "normalize_observations": True,
            "normalize_rewards": True,
            "steps": 1_000_000,
            "lam": 0.9,
            "value_weight": 0.4,
            "entropy": 0.0,  # a Gaussian is wide enough at first
            "lr": 9.6e-4,
        },
        "CartPole-v1": {"steps": 500_000},  # 500 of 500 steps by 5 seeds of 5, after 31 CPU s
    }

    losses: ClassVar = {"policy_loss": "train/policy_loss", **sb3.CRITIC}

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        self.fit_on_policy(A2C, source, run)
