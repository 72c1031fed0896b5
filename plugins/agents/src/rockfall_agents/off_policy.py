"""What dqn, sac and td3 share: learning from a replay buffer of past transitions.

The buffer belongs to the run: it is in every checkpoint, each observation once, so that a run
resumes exactly. One too large for that is refused, or left out with `keep_memory=false`: a run that
is resumed then goes on acting, and learns again once it has filled a part of its buffer anew.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from pydantic import Field
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

import rockfall
from rockfall import Environment
from rockfall.kit.memory import require_memory
from rockfall_agents import sb3
from rockfall_agents.evaluating import Evaluations
from rockfall_agents.replay import (
    ReplayBufferState,
    ScaledReplayBuffer,
    checkpoint_megabytes,
    memory_bytes,
    newest_observations,
)
from rockfall_agents.vec_env import flat_spaces

MAX_MEGABYTES = 256
"""What a replay buffer may take in a checkpoint: about a second to write, every half a minute."""
REFILL = 0.1
"""Share of a replay buffer that was left out of the checkpoint, and is filled again before learning
goes on; the newest transitions alone would be fitted too closely."""


class OffPolicyConfig(sb3.Sb3Config):
    train_freq: int
    gradient_steps: int
    batch_size: int
    buffer_size: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        description="transitions in the replay buffer; few, as all are in every checkpoint",
    )
    learning_starts: int = Field(
        1_000, ge=0, description="random environment steps before the first training; RL Zoo's"
    )
    keep_memory: bool = Field(
        True,
        description="whether checkpoints hold the replay buffer; without it they are small, and a "
        "resumed run fills a tenth of it again before it goes on learning",
    )


class OffPolicyAgent(sb3.Sb3Agent):
    """An agent that learns from a replay buffer."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        """Raises ValueError for a replay buffer that is too large for a checkpoint."""
        size = checkpoint_megabytes(config.buffer_size, *_bytes(info))
        if config.keep_memory and size > MAX_MEGABYTES:
            largest = int(config.buffer_size * MAX_MEGABYTES / size)
            raise ValueError(
                f"buffer_size={config.buffer_size} of observations {info.shape} would put "
                f"{size:.0f} MB into every checkpoint: at most buffer_size={largest}, or "
                "keep_memory=false"
            )
        super().__init__(config, info)

    def fit_off_policy(
        self,
        algorithm_class: type[OffPolicyAlgorithm],
        source: Environment,
        run: rockfall.Run,
        **settings: Any,
    ) -> None:
        """Collect `train_freq` steps in every environment, learn from the buffer, and repeat.

        settings: the algorithm's own. Raises RockfallError for a buffer too large for the memory.
        """
        config = self.config
        self._check_memory()
        iterations, steps = sb3.whole_iterations(config.steps, config.envs * config.train_freq)
        evaluations = Evaluations(self, source, run, config.envs * config.train_freq)
        settings |= self.algorithm_settings()
        scale = self.reward_scale(at_once=False)
        if scale:
            settings["replay_buffer_class"] = ScaledReplayBuffer
            settings["replay_buffer_kwargs"] = {"scale": scale}
        learning = self.learner(algorithm_class, source, run, steps, scale, **settings)
        with learning as (learner, collect):
            buffer = learner.replay_buffer
            assert buffer is not None
            if config.keep_memory:
                run.keep(memory=ReplayBufferState(buffer))
            enough: int | None = None
            for _ in run.steps(iterations):
                if enough is None:
                    enough = self._refill(learner, run)
                collect(
                    learner.train_freq,
                    buffer,
                    action_noise=learner.action_noise,
                    learning_starts=config.learning_starts,
                )
                held = buffer.size() * config.envs
                if learner.num_timesteps > config.learning_starts and held >= enough:
                    learner.train(config.gradient_steps, config.batch_size)
                self.observe(newest_observations(buffer, config.train_freq))
                self.log(run, learner, evaluations)
            evaluations.finish()

    def algorithm_settings(self) -> dict[str, Any]:
        """Those that every algorithm with a replay buffer takes."""
        config = self.config
        return {
            "train_freq": config.train_freq,
            "gradient_steps": config.gradient_steps,
            "batch_size": config.batch_size,
            "buffer_size": config.buffer_size,
            "learning_starts": config.learning_starts,
        }

    def _refill(self, learner: OffPolicyAlgorithm, run: rockfall.Run) -> int:
        """How many transitions the buffer must hold before learning goes on; says so if it is to
        be filled again.
        """
        config, buffer = self.config, learner.replay_buffer
        assert buffer is not None
        if buffer.size() or not learner.num_timesteps:
            return 0
        size = buffer.buffer_size * config.envs
        enough: int = min(
            learner.num_timesteps, size, max(config.learning_starts, int(REFILL * size))
        )
        run.warn(
            f"keep_memory=false left the replay buffer out of the checkpoint: {enough:,} steps "
            "fill it again before learning goes on, and the figures are no longer those of a run "
            "that was never stopped"
        )
        return enough

    def _check_memory(self) -> None:
        size = self.config.buffer_size
        require_memory(
            torch.device("cpu"),
            memory_bytes(size, *_bytes(self.info)),
            f"a replay buffer of {size:,} observations {self.info.shape}",
            "take a smaller buffer_size",
        )


def _bytes(info: rockfall.SourceInfo) -> tuple[int, int]:
    """Bytes of an observation, and of an action, in a replay buffer."""
    _, actions = flat_spaces(info)
    size = prod(actions.shape) if actions.shape else 1
    itemsize = np.dtype(np.float32 if actions.shape else np.int64).itemsize
    return prod(info.shape) * np.dtype(info.dtype).itemsize, size * itemsize
