"""DQN: Q-learning with a neural network, a replay buffer and a target network.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518, in the
implementation of stable-baselines3:

    repeat
        take T steps in each of N environments, ε-greedily by Q, and store the transitions
        for U gradient steps
            sample a minibatch of transitions (s, a, r, s′) from the replay buffer
            descend the gradient of Huber(Q(s, a) − (r + γ max_a′ Q⁻(s′, a′)))
        now and then, Q⁻ ← Q

After a terminal state the target is r alone; a truncated episode would have gone on, and bootstraps
from its final s′.

From the paper, stable-baselines3 departs in Adam for RMSprop, and in clipping the norm of the whole
gradient beside the error of each transition; frames are not stacked and rewards not clipped. It
draws once a step whether all N environments explore. From stable-baselines3 we depart in:

- the schedule: its default is one gradient step every 4 steps of one environment. Ours is that of
  RL Zoo's CartPole, 128 gradient steps every 256 steps, which wastes less time outside the
  arithmetic; there `exploration_fraction` (0.16), `batch_size` and `learning_starts` come from too;
- the learning rate, which falls to 0 instead of staying at 1e-4, since runs are short;
- the network: LayerNorm in 2 × 128 units, not 2 × 64 without; and Adam's fused implementation;
- the replay buffer: 50,000 transitions instead of a million, since all are in every checkpoint, so
  that a run resumes exactly. An observation is kept once, in its own type, with 20 bytes beside it:
  50,000 transitions take 4 MB on falling rocks 8 × 8, 14 on 16 × 16 and 52 on 32 × 32.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from stable_baselines3 import DQN
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor

import rockfall
from rockfall import Environment
from rockfall_agents.off_policy import OffPolicyAgent, OffPolicyConfig


class DqnConfig(OffPolicyConfig):
    # "RL Zoo's" is the value of rl-baselines3-zoo for CartPole-v1.
    train_freq: int = Field(
        32, ge=1, description="steps of each environment between trainings; 256 in all, as RL Zoo's"
    )
    gradient_steps: int = Field(
        128, ge=1, description="gradient steps a training, RL Zoo's; one for two environment steps"
    )
    batch_size: int = Field(64, ge=1, description="transitions in each minibatch; RL Zoo's")
    target_update_interval: int = Field(
        16, ge=1, description="environment steps between copies of Q to the target network Q⁻"
    )
    exploration_fraction: float = Field(
        0.16, ge=0, le=1, description="share of training in which ε falls from 1; RL Zoo's"
    )
    epsilon: float = Field(0.05, ge=0, le=1, description="final ε of the ε-greedy policy; SB3's")
    max_grad_norm: float = Field(
        10.0, gt=0, description="norm at which gradients are clipped; SB3's"
    )


FALLING_ROCKS: dict[str, Any] = {
    "gamma": 0.95,  # 0.95^20 is 0.4: a rock is in sight until it lands, what comes later is noise
    "envs": 16,  # a batched step of this game costs little more than one of 8
    # Train after 256 steps, as by default, but 16 times with twice the minibatch: each transition
    # is learned from 8 times, where CartPole's is 32 times.
    "train_freq": 16,
    "gradient_steps": 16,
    "batch_size": 128,
    "target_update_interval": 2_000,  # about 8 trainings with one target, for stability
}


class Dqn(OffPolicyAgent):
    """observations (N, *shape) → the greedy actions by Q, (N,)."""

    Config = DqnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        # A second of training, for tests: the buffer is filled and overwritten.
        "tiny": {
            "hidden": (16,),
            "steps": 2_000,
            "train_freq": 16,
            "gradient_steps": 8,
            "learning_starts": 200,
            "buffer_size": 1_000,
        },
        "falling-rocks-8x8": {**FALLING_ROCKS, "steps": 100_000},  # over 99 % of the oracle, 11 s
        "falling-rocks-16x16": {**FALLING_ROCKS, "steps": 300_000},  # 96 to 97 %, 38 CPU s
        "falling-rocks-32x32": {**FALLING_ROCKS, "steps": 300_000},  # not tuned: those of 16 × 16
        "CartPole-v1": {
            "hidden": (256, 256),  # RL Zoo's
            "lr": 1e-3,  # its 2.3e-3 ends at 407 of 500 steps with 2 × 128 units and seed 1
            # RL Zoo's 50,000 leave one seed of three at 349 of 500 steps, which reaches 500 with
            "steps": 100_000,
            "buffer_size": 100_000,  # RL Zoo's: early falls stay in it
            # It learns and forgets again: by the last weights two seeds of five get 188 and 403.
            "evaluate_every": 5_000,
            "evaluate_episodes": 100,  # the best by 20 may get 477 of 100 others
            "keep_best": True,
        },
        "atari": {
            # RL Zoo's, with eight environments for one, and a tenth of its steps.
            "network": "conv",
            "hidden": (512,),
            "layer_norm": False,
            "steps": 1_000_000,
            "train_freq": 4,
            "gradient_steps": 8,
            "batch_size": 32,
            "lr": 1e-4,
            "learning_starts": 10_000,
            "target_update_interval": 1_000,
            "exploration_fraction": 0.1,
            "epsilon": 0.01,
            "buffer_size": 50_000,  # 2.8 GB of memory, as SB3 keeps both observations,
            "keep_memory": False,  # and too much for a checkpoint
        },
    }
    policy_class = DQNPolicy
    losses: ClassVar = {"loss": "train/loss", "epsilon": "rollout/exploration_rate"}

    def outputs(self, flat: Tensor) -> Tensor:
        """Q (N, actions)."""
        policy: Any = self.policy
        q: Tensor = policy.q_net(flat)
        return q

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        settings = {
            "target_update_interval": config.target_update_interval,
            "exploration_fraction": config.exploration_fraction,
            "exploration_final_eps": config.epsilon,
            "max_grad_norm": config.max_grad_norm,
        }
        self.fit_off_policy(DQN, source, run, **settings)
