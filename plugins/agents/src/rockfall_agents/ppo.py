"""PPO: policy gradients with a clipped objective, so that a rollout is good for several epochs.

Schulman, Wolski, Dhariwal, Radford and Klimov 2017, "Proximal Policy Optimization Algorithms",
https://arxiv.org/abs/1707.06347, in the implementation of stable-baselines3:

    repeat
        collect T steps in each of N environments by the policy π, which is π₀ from here on
        A_t ← Σ (γλ)^l δ_{t+l},  δ_t = r_t + γ v(s_{t+1}) − v(s_t)    (GAE)
        for every minibatch of the N × T steps, in a few epochs
            ρ_t ← π(a_t | s_t) / π₀(a_t | s_t)
            descend the gradient of  − min(ρ_t A_t, clip(ρ_t, 1 − c, 1 + c) A_t)
                + value_weight · (v(s_t) − A_t − v₀(s_t))² − entropy · H(π(s_t))

Where π has already moved further than c in the direction of A_t, the gradient vanishes.

stable-baselines3 adds to the paper what the authors' implementation has: advantages are normalised
over each minibatch, gradients clipped, weights initialised orthogonally. From its defaults, which
suit continuous control, we depart in:

- rollouts of 8 × 64 steps in 4 epochs of minibatches of 256, near the paper's for Atari (8 × 128,
  3 epochs of 256), instead of 2,048 steps of one environment in 10 epochs of 64: parallel
  environments decorrelate the steps, and large minibatches waste less time outside the arithmetic;
- the learning rate, 1e-3 and falling to 0 instead of 3e-4, since runs are short;
- an entropy bonus as the paper's for Atari (0.01), falling to 0, instead of none;
- one network of 2 × 128 rectified units with LayerNorm for actor and critic, instead of two of
  2 × 64 tanh units, since much of what they compute is the same; and Adam's fused implementation.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator
from stable_baselines3 import PPO

import rockfall
from rockfall import Environment
from rockfall_agents import sb3


class PpoConfig(sb3.OnPolicyConfig):
    rollout_steps: int = Field(
        64, ge=1, description="steps of each environment per update; (γλ)^64 is 0.02"
    )
    epochs: int = Field(4, ge=1, description="passes over each rollout; more would fit its noise")
    batch_size: int = Field(
        256, ge=2, description="transitions in each minibatch; the paper's for Atari"
    )
    clip: float = Field(
        0.2, gt=0, lt=1, description="clip range c of the probability ratio; the paper's"
    )

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.envs * self.rollout_steps % self.batch_size:
            raise ValueError(
                f"batch_size={self.batch_size} does not divide envs × rollout_steps = "
                f"{self.envs * self.rollout_steps}: a smaller last minibatch would weigh as much "
                "as a whole one"
            )
        return self


FALLING_ROCKS: dict[str, Any] = {
    "gamma": 0.95,  # 0.95^20 is 0.4: a rock is in sight until it lands, what comes later is noise
    "lam": 0.9,  # in step with γ
    # Many environments and large minibatches: each step of SB3's costs more than its arithmetic.
    "envs": 128,
    "rollout_steps": 32,  # half an episode
    "batch_size": 1024,  # 4 minibatches an epoch
    "lr": 3e-3,  # higher, as larger minibatches have gradients of less variance
    "layer_norm": False,  # learns sooner there without
}


class Ppo(sb3.OnPolicyAgent):
    """observations (N, *shape) → the most probable actions, (N,)."""

    Config = PpoConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": (16,), "steps": 2_000},  # a second of training, for tests
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 600_000},  # 99 % of the oracle, 12 CPU s
        "falling-rocks-16x16": {**FALLING_ROCKS, "steps": 1_500_000},  # 94 to 97 %, 37 CPU s
        "falling-rocks-32x32": {**FALLING_ROCKS, "steps": 1_500_000},  # not tuned: as 16 × 16
        "minigrid": {
            "normalize_observations": True,  # kinds of cell are numbers to 10 in pixels to 255
            "steps": 60_000,  # Empty-5x5 after 15,000
        },
        "CartPole-v1": {
            "steps": 300_000,  # after 200,000 one seed of five balances for 479 of 500 steps
            "lam": 0.9,  # less variance; RL Zoo has 0.8
            "batch_size": 128,  # 4 minibatches an epoch
        },
        "atari": {
            # RL Zoo's, with an entropy bonus and a learning rate that fall to 0, too.
            "network": "conv",
            "hidden": (512,),
            "layer_norm": False,
            "steps": 1_000_000,  # of 10 million: a few hours on a CPU
            "rollout_steps": 128,
            "lr": 2.5e-4,
            "clip": 0.1,
        },
        "continuous": {
            # SB3's own settings, for eight environments instead of one, in RL Zoo's network.
            "hidden": (256, 256),
            "layer_norm": False,
            "normalize_observations": True,  # RL Zoo's: speeds and angles have other scales,
            "normalize_rewards": True,  # and so have the tasks
            "steps": 1_000_000,  # RL Zoo's for MuJoCo
            "rollout_steps": 256,
            "epochs": 10,
            "batch_size": 64,
            "lr": 3e-4,
            "entropy": 0.0,  # a Gaussian is wide enough at first
        },
        "Acrobot-v1": {
            "steps": 200_000,  # −85, after 38 CPU s; −100 is solved
            # Speeds and cosines have other scales, and returns go to −500: −180 without.
            "normalize_observations": True,
            "normalize_rewards": True,
        },
        "LunarLander-v3": {
            "steps": 400_000,  # 284, after 70 CPU s; 200 is solved
            "normalize_observations": True,  # as for Acrobot: returns go from −500 to 300
            "normalize_rewards": True,
            "rollout_steps": 128,
            "gamma": 0.995,  # a landing takes some 300 steps
            "lam": 0.97,  # in step with γ
        },
        "Pendulum-v1": {  # −182 (one run); −200 is solved. RL Zoo's, but for its gSDE
            "steps": 100_000,
            "envs": 4,
            "rollout_steps": 1024,
            "epochs": 10,
            "batch_size": 64,
            "gamma": 0.9,  # what a torque does shows within ten steps
            "entropy": 0.0,  # a Gaussian is wide enough at first
        },
    }

    losses: ClassVar = {
        "policy_loss": "train/policy_gradient_loss",
        **sb3.CRITIC,
        "approx_kl": "train/approx_kl",
        "clip_fraction": "train/clip_fraction",
    }

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        settings = {
            "n_epochs": config.epochs,
            "batch_size": config.batch_size,
            "clip_range": config.clip,
        }
        self.fit_on_policy(PPO, source, run, **settings)
