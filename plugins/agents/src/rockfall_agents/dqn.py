"""DQN: a network learns what each action is worth, from a memory of what happened.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518; the
algorithm is stable-baselines3's. With probability ε it plays at random, else the action of the
highest Q. Q is pulled towards r + γ max Q′ of the next state, where Q′ is a copy of the network
that is refreshed now and then; an episode that was cut short goes on in that sum.
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
"""What a replay may take in a checkpoint: written in about a second, every half a minute."""


class DqnConfig(sb3.Config):
    batch_size: int = Field(128, ge=1, description="transitions an update")
    collect: int = Field(16, ge=1, description="steps of every environment between updates")
    updates: int = Field(16, ge=1, description="updates after each collecting")
    replay: int = Field(50_000, ge=1, le=1_000_000, description="transitions remembered")
    warm_up: int = Field(1_000, ge=0, description="steps at random before the first update")
    target_every: int = Field(2_000, ge=1, description="steps between copies of the network to Q′")
    explore: float = Field(0.1, ge=0, le=1, description="share of training while ε falls")
    epsilon: float = Field(0.05, ge=0, le=1, description="ε after that; starts at 1")
    max_grad_norm: float = Field(10, gt=0, description="longest gradient; longer ones are cut")


class Dqn(sb3.Sb3Agent):
    """observations (N, …) → the action of the highest Q, (N,)."""

    Config = DqnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"steps": 2_000, "hidden": (16,), "warm_up": 200, "replay": 1_000},
    }
    policy_class = DQNPolicy

    def __init__(self, config: DqnConfig, info: rockfall.SourceInfo) -> None:
        observation = prod(info.shape) * np.dtype(info.dtype).itemsize
        if megabytes(config.replay, observation) > MOST_MEGABYTES:
            most = int(MOST_MEGABYTES / megabytes(1, observation))
            raise ValueError(
                f"replay={config.replay} would put {megabytes(config.replay, observation):.0f} MB "
                f"into every checkpoint: with observations of {info.shape}, at most replay={most}"
            )
        super().__init__(config, info)

    def fit(self, source: Environment, run: rockfall.Run) -> None:
        config = self.config
        turns, total = sb3.whole_turns(config.steps, config.envs * config.collect)
        settings = {
            "batch_size": config.batch_size,
            "train_freq": config.collect,
            "gradient_steps": config.updates,
            "buffer_size": config.replay,
            "learning_starts": config.warm_up,
            "target_update_interval": config.target_every,
            "exploration_fraction": config.explore,
            "exploration_final_eps": config.epsilon,
            "max_grad_norm": config.max_grad_norm,
        }
        with self.learner(DQN, source, run, total, **settings) as (dqn, callback):
            run.keep(replay=KeptReplay(dqn.replay_buffer))
            for _ in run.steps(turns):
                dqn.collect_rollouts(
                    dqn.env,
                    callback,
                    dqn.train_freq,
                    dqn.replay_buffer,
                    learning_starts=config.warm_up,
                )
                if dqn.num_timesteps > config.warm_up:
                    dqn.train(config.updates, config.batch_size)
                sb3.report(run, dqn, ("train/loss", "rollout/exploration_rate"))
