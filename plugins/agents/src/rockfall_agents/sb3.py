"""What dqn, ppo and a2c share: an algorithm of stable-baselines3 under our run, exact to the bit.

The algorithm gets our policy and an environment that offers its state. `collect_rollouts()` and
`train()` are called in turn from `run.steps`, so that a checkpoint falls between two turns. What
they change is kept by name, as numbers and arrays: SB3's own `save`, which pickles, is not used.

Raffin et al. 2021, "Stable-Baselines3: Reliable Reinforcement Learning Implementations", JMLR 22.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, TypeVar

import torch
from pydantic import Field, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import Tensor, nn

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents.features import Features
from rockfall_agents.networks import Kind
from rockfall_agents.vec_env import BatchVecEnv, flat_spaces

A = TypeVar("A", bound=OffPolicyAlgorithm | OnPolicyAlgorithm)

CHANGING = (
    "num_timesteps",
    "_current_progress_remaining",
    "_episode_num",
    "_last_episode_starts",
    "_last_obs",
    "_n_calls",
    "_n_updates",
    "exploration_rate",
)
"""Attributes of an algorithm, where it has them, that change while it learns."""


class Config(rockfall.Config):
    """Settings that all three have."""

    network: Kind = Field("mlp", description="conv sees grids place by place, and takes longer")
    hidden: tuple[PositiveInt, ...] = Field(
        (128, 128), min_length=1, description="units a layer; enough to tell a small grid's squares"
    )
    norm: bool = Field(True, description="LayerNorm: stability on what nobody has tried yet")
    steps: int = Field(100_000, ge=1, description="played in all")
    envs: int = Field(8, ge=1, le=65_536, description="played at once; costs little more")
    gamma: float = Field(0.99, ge=0, le=1, description="a reward's worth one step later")
    lr: float = Field(1e-3, gt=0, le=1, description="Adam's first step size; falls to 0, linearly")


class Sb3Agent(nn.Module):
    """A policy of stable-baselines3's, without the algorithm that trains it."""

    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay
    policy_class: ClassVar[type[BasePolicy]]
    adam_eps: ClassVar[float] = 1e-8

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.info = info
        self.policy = self.policy_class(
            *flat_spaces(info),
            lambda _: config.lr,
            net_arch=[],  # the features are all there is below the last, linear layer
            features_extractor_class=Features,
            features_extractor_kwargs={
                "kind": config.network,
                "info": info,
                "hidden": config.hidden,
                "norm": config.norm,
            },
            optimizer_kwargs={"fused": True, "eps": self.adam_eps},
        )

    @torch.no_grad()
    def act(self, observations: Tensor) -> Tensor:
        return self.policy._predict(observations.reshape(len(observations), -1), deterministic=True)

    @contextlib.contextmanager
    def learner(
        self,
        kind: Callable[..., A],
        source: Environment,
        run: rockfall.Run,
        steps: int,
        **settings: Any,
    ) -> Iterator[tuple[A, Callable[..., Any]]]:
        """The algorithm, ready to train, and its `collect_rollouts` in its environment.

        steps: environment steps in all; the step size is 0 after the last.
        settings: the algorithm's own.
        """
        config = self.config
        batch = source.batch(config.envs, device="cpu", seed=run.seed)
        env = BatchVecEnv(batch, self.info, run.seed)
        algorithm = kind(
            policy=lambda *_, **__: self.policy,  # SB3 means to make one: it gets ours
            env=env,
            learning_rate=lambda remaining: config.lr * remaining,
            gamma=config.gamma,
            device=run.device,
            **settings,
        )
        algorithm.set_logger(Logger(None, []))
        _, callback = algorithm._setup_learn(steps)
        run.keep(env=env, optimizer=self.policy.optimizer, progress=Progress(algorithm))
        try:
            yield algorithm, partial(algorithm.collect_rollouts, env, callback)
        finally:
            env.close()


class OnPolicyConfig(Config):
    """Settings of those that learn from what their present policy played, and then forget it."""

    rollout: int
    lam: float = Field(0.95, ge=0, le=1, description="λ: 1 trusts rewards played, 0 the critic")
    entropy: float = Field(0.01, ge=0, description="reward for undecidedness; falls to 0")
    value_weight: float = Field(0.5, ge=0, description="of the critic's loss, beside the actor's")
    max_norm: float = Field(0.5, gt=0, description="longer gradients are cut to it; SB3's")


class OnPolicyAgent(Sb3Agent):
    """An actor and a critic on one network."""

    policy_class = ActorCriticPolicy
    adam_eps = 1e-5  # SB3's, for actor-critics

    def play_and_learn(
        self,
        kind: type[OnPolicyAlgorithm],
        source: Environment,
        run: rockfall.Run,
        loss: str,
        **settings: Any,
    ) -> None:
        """Fit: play `rollout` steps in every environment with one policy, learn from them, repeat.

        loss: SB3's name of the actor's loss. settings: those that only this algorithm has.
        """
        config = self.config
        turns, steps = whole_turns(config.steps, config.envs * config.rollout)
        settings |= {
            "n_steps": config.rollout,
            "gae_lambda": config.lam,
            "vf_coef": config.value_weight,
            "max_grad_norm": config.max_norm,
        }
        with self.learner(kind, source, run, steps, **settings) as (algorithm, collect):
            for turn in run.steps(turns):
                collect(algorithm.rollout_buffer, config.rollout)
                algorithm._update_current_progress_remaining(algorithm.num_timesteps, steps)
                algorithm.ent_coef = config.entropy * (1 - turn / turns)
                algorithm.train()
                report(
                    run,
                    algorithm,
                    loss=loss,
                    value_loss="train/value_loss",
                    entropy_loss="train/entropy_loss",
                )


class Progress:
    """What an algorithm changes while it learns, beside policy, optimizer and buffers."""

    def __init__(self, algorithm: BaseAlgorithm) -> None:
        assert algorithm.ep_info_buffer is not None
        self.algorithm = algorithm
        self.episodes = algorithm.ep_info_buffer

    def state_dict(self) -> dict[str, Any]:
        held = vars(self.algorithm)
        return {
            "changing": {name: held[name] for name in CHANGING if name in held},
            "episodes": list(self.episodes),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self.algorithm).update(state["changing"])
        self.episodes.extend(state["episodes"])


def whole_turns(steps: int, steps_a_turn: int) -> tuple[int, int]:
    """How many turns take at least `steps` steps, and how many steps these are."""
    turns = -(-steps // steps_a_turn)
    return turns, turns * steps_a_turn


def report(run: rockfall.Run, algorithm: BaseAlgorithm, **names: str) -> None:
    """Log some of SB3's records, each by our name, and the mean score of the last 100 episodes."""
    records = algorithm.logger.name_to_value
    metrics = {ours: records[theirs] for ours, theirs in names.items() if theirs in records}
    if episodes := algorithm.ep_info_buffer:
        metrics["score"] = sum(episode["r"] for episode in episodes) / len(episodes)
    run.log(**metrics)
