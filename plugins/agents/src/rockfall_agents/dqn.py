"""DQN: a network learns what each action is worth, from a memory of all that happened lately.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518, as
stable-baselines3 has it (without frames stacked or rewards clipped):

    repeat
        play T steps in each of N environments, at random with probability ε, else by max_a Q
        put the steps into a memory that forgets the oldest
        for U updates
            take a batch of steps (s, a, r, s′) from anywhere in the memory
            descend the gradient of Huber(Q(s, a) − (r + γ max_a′ Q⁻(s′, a′)))
        now and then, Q⁻ ← Q

After a terminal state there is nothing and the sum is r; an episode that was only cut short would
have gone on, and its last s′ counts.

The memory is part of every checkpoint: an observation is kept once, in its own type, with 20 bytes
beside it. 50,000 steps take 4 MB on 8 × 8, 14 on 16 × 16 and 52 on 32 × 32.
"""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from stable_baselines3 import DQN
from stable_baselines3.dqn.policies import DQNPolicy

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents import sb3
from rockfall_agents.replay import KeptReplay, megabytes

MOST_MEGABYTES = 256
"""What a memory may take in a checkpoint: about a second to write, every half a minute."""


class DqnConfig(sb3.Config):
    collect: int = Field(32, ge=1, description="steps of each between updates; few, to stay fresh")
    updates: int = Field(128, ge=1, description="after each collecting: one for two steps played")
    batch_size: int = Field(64, ge=1, description="steps an update")
    replay: int = Field(
        50_000, ge=1, le=1_000_000, description="steps remembered; all of them are in a checkpoint"
    )
    warm_up: int = Field(1_000, ge=0, description="steps at random before the first update")
    target: int = Field(16, ge=1, description="steps between copies of Q to Q⁻")
    explore: float = Field(0.16, ge=0, le=1, description="share of training for ε to fall from 1")
    epsilon: float = Field(0.05, ge=0, le=1, description="share of random actions after that")
    max_norm: float = Field(10.0, gt=0, description="longer gradients are cut to it; SB3's")


# A rock is in sight until it lands, and what comes later is luck: γ looks some 20 steps ahead.
# Every step is learnt from eight times, a fourth of what CartPole takes.
ROCKS = {
    "gamma": 0.95,
    "envs": 16,
    "collect": 16,
    "updates": 16,
    "batch_size": 128,
    "target": 2_000,
}


class Dqn(sb3.Sb3Agent):
    """observations (N, *shape) → the action of the highest Q, (N,)."""

    Config = DqnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {
            "hidden": (16,),
            "steps": 2_000,
            "collect": 16,
            "updates": 8,
            "warm_up": 200,
            "replay": 1_000,
        },
        "falling-rocks-8x8": {**ROCKS, "steps": 100_000},
        "falling-rocks-16x16": {**ROCKS, "steps": 300_000},
        "falling-rocks-32x32": {**ROCKS, "steps": 300_000},
        "CartPole-v1": {"lr": 2.3e-3, "steps": 50_000},
    }
    policy_class = DQNPolicy

    def __init__(self, config: DqnConfig, info: rockfall.SourceInfo) -> None:
        observation = prod(info.shape) * np.dtype(info.dtype).itemsize
        size = megabytes(config.replay, observation)
        if size > MOST_MEGABYTES:
            raise ValueError(
                f"replay={config.replay} of observations {info.shape} would put {size:.0f} MB into "
                f"every checkpoint: at most replay={int(config.replay * MOST_MEGABYTES / size)}"
            )
        super().__init__(config, info)

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        turns, steps = sb3.whole_turns(config.steps, config.envs * config.collect)
        settings = {
            "train_freq": config.collect,
            "gradient_steps": config.updates,
            "batch_size": config.batch_size,
            "buffer_size": config.replay,
            "learning_starts": config.warm_up,
            "target_update_interval": config.target,
            "exploration_fraction": config.explore,
            "exploration_final_eps": config.epsilon,
            "max_grad_norm": config.max_norm,
        }
        with self.learner(DQN, source, run, steps, **settings) as (dqn, collect):
            memory = dqn.replay_buffer
            assert memory is not None
            run.keep(memory=KeptReplay(memory))
            for _ in run.steps(turns):
                collect(dqn.train_freq, memory, learning_starts=config.warm_up)
                if dqn.num_timesteps > config.warm_up:
                    dqn.train(config.updates, config.batch_size)
                sb3.report(run, dqn, loss="train/loss", epsilon="rollout/exploration_rate")
