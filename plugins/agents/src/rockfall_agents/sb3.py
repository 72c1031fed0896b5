"""What ppo, a2c, dqn, sac and td3 share: an algorithm of stable-baselines3 in our run, resumable.

The algorithm gets our policy and an environment that offers its state. `collect_rollouts()` and
`train()` are called in turn from `run.steps`, so that a checkpoint falls between two iterations.
What they change is kept by name, as numbers and arrays: SB3's own `save`, which pickles, is not
used. Learning rates are scheduled by SB3 as a function of the remaining progress, 1 to 0.

Environments stay on the CPU whatever the device of the policy, also those that have a tensor form:
SB3's `VecEnv` and buffers are NumPy's, so that what such a form computes on a GPU would come down,
and go up again for the policy. `python -m tests.benchmarks.sb3_transfers` counts both. To learn
from a tensor form on a GPU, use `pqn` or `reinforce`.

Raffin et al. 2021, "Stable-Baselines3: Reliable Reinforcement Learning Implementations", JMLR 22.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import Tensor
from torch.distributions import Distribution

import rockfall
from rockfall import Environment
from rockfall.kit.environments import Acting
from rockfall.kit.optimizers import Adam
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_agents.config import AgentConfig
from rockfall_agents.evaluating import Evaluations
from rockfall_agents.features import Encoded, FeaturesExtractor
from rockfall_agents.normalizing import Normalizer, RewardScale
from rockfall_agents.on_policy_buffer import UploadedRolloutBuffer
from rockfall_agents.vec_env import NO_NUMBERS, BatchVecEnv, flat_spaces

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


class Sb3Config(AgentConfig):
    """The settings that all of them share."""

    hidden: tuple[PositiveInt, ...] = Field(
        (128, 128), min_length=1, description="units in each hidden layer; enough for a small grid"
    )
    steps: int = Field(100_000, ge=1, description="environment steps in all; for easy games")
    envs: int = Field(
        8, ge=1, le=65_536, description="parallel environments; a batched step costs little more"
    )
    lr: float = Field(
        1e-3,
        gt=0,
        le=1,
        description="learning rate of Adam, annealed to 0; PyTorch's default",
    )


class Sb3Agent(Acting):
    """A policy of stable-baselines3, without the algorithm that trains it."""

    policy_class: ClassVar[type[BasePolicy]]
    losses: ClassVar[Mapping[str, str]]
    """Our name of what is logged → SB3's."""
    parallel: ClassVar[str] = "stable-baselines3 trains it, in one process"
    monitor: ClassVar[str] = "evaluation_score"
    headline: ClassVar[str] = "score"
    tuned_by: ClassVar[str] = "score"
    lengthened_by: ClassVar[str] = "steps"
    adam_eps: ClassVar[float] = 1e-8  # PyTorch's default

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.info = info
        self.policy = self.policy_class(
            *flat_spaces(info),
            lambda _: config.lr,
            **self.policy_settings(),
            optimizer_class=Adam,
            optimizer_kwargs={"fused": True, "eps": self.adam_eps},
        )

    def policy_settings(self) -> dict[str, Any]:
        """What its policy is made with: the network."""
        config = self.config
        return {
            "net_arch": [],  # all layers but the last, linear one are in the features extractor
            "features_extractor_class": FeaturesExtractor,
            "features_extractor_kwargs": {
                "architecture": config.network,
                "info": self.info,
                "hidden": config.hidden,
                "layer_norm": config.layer_norm,
                "normalizer": self.normalizer(),
            },
        }

    def normalizer(self) -> Normalizer | None:
        """A new one, if it is wanted: for all networks of its policy."""
        return Normalizer(self.info.shape) if self.config.normalize_observations else None

    def reward_scale(self, *, at_once: bool = True) -> RewardScale | None:
        """What the rewards that it learns from are divided by."""
        config = self.config
        wanted = config.normalize_rewards
        return RewardScale(config.envs, config.gamma, at_once=at_once) if wanted else None

    def observe(self, observations: NDArray[Any]) -> None:
        """Let the statistics of normalisation, if it has any, take in observations (…, D)."""
        if self.config.normalize_observations:
            extractors = FeaturesExtractor | Encoded
            extractor = next(each for each in self.policy.modules() if isinstance(each, extractors))
            seen = torch.as_tensor(observations, device=self.policy.device)
            extractor.observe(seen.flatten(0, -2))

    def kept(self, algorithm: Any) -> dict[str, Any]:
        """What of an algorithm a checkpoint holds by itself, beside `Progress`."""
        return {"optimizer": self.policy.optimizer}

    def choose(self, observations: Tensor, deterministic: bool) -> Tensor:
        """Actions (N, …), of a Box within its bounds."""
        flat = observations.reshape(len(observations), -1)
        actions = self.policy._predict(flat, deterministic=deterministic)
        actions = actions.reshape(-1, *self.spaces.action_shape).to(self.spaces.action_dtype)
        space = self.policy.action_space
        if not isinstance(space, spaces.Box):
            return actions
        # Those of the policy are never infinite, and never the same.
        low, high = (
            torch.from_numpy(bound).to(actions).reshape(self.spaces.action_shape)
            for bound in (space.low, space.high)
        )
        if self.policy.squash_output:
            actions = low + 0.5 * (actions + 1) * (high - low)
        acted: Any = self.spaces.acted
        low, high = (
            torch.from_numpy(bound.astype(np.float32)).to(actions)
            for bound in (acted.low, acted.high)
        )
        return torch.clamp(actions, low, high)

    def trace(self, observations: Tensor) -> list[Layer]:
        """Observations (N, *shape) → the layers up to what its actions are chosen by."""
        return trace_layers(self, observations, lambda given: self.outputs(given.flatten(1)))

    def outputs(self, flat: Tensor) -> Tensor:
        """Observations as vectors (N, D) → what actions are chosen by, (N, K)."""
        raise NotImplementedError

    def log(self, run: rockfall.Run, algorithm: BaseAlgorithm, evaluations: Evaluations) -> None:
        """Log what SB3 recorded, and of the last 100 episodes that ended the mean length and
        `score`, the mean return.
        """
        records = algorithm.logger.name_to_value
        metrics = {
            ours: records[theirs] for ours, theirs in self.losses.items() if theirs in records
        }
        if math.isnan(metrics.get("explained_variance", 0.0)):  # of returns that are all the same
            del metrics["explained_variance"]
        if episodes := algorithm.ep_info_buffer:
            metrics["episode_length"] = sum(each["l"] for each in episodes) / len(episodes)
            metrics["score"] = sum(each["r"] for each in episodes) / len(episodes)
        run.environment_steps = algorithm.num_timesteps
        run.log(**metrics, **evaluations.metrics())

    @contextlib.contextmanager
    def learner(
        self,
        algorithm_class: Callable[..., A],
        source: Environment,
        run: rockfall.Run,
        steps: int,
        reward_scale: RewardScale | None = None,
        **settings: Any,
    ) -> Iterator[tuple[A, Callable[..., Any]]]:
        """The algorithm, ready to train, and its `collect_rollouts` in its environment.

        steps: environment steps in all; the learning rate is 0 after the last.
        settings: the algorithm's own.
        """
        config = self.config
        batch = source.batch(config.envs, device="cpu", seed=run.seed)
        env = BatchVecEnv(batch, self.info, run.seed, reward_scale)
        algorithm = algorithm_class(
            policy=lambda *_, **__: self.policy,  # SB3 calls the class that it gets: here, for ours
            env=env,
            learning_rate=lambda remaining: config.lr * remaining,
            gamma=config.gamma,
            device=run.device,
            **settings,
        )
        algorithm.set_logger(Logger(None, []))
        _, callback = algorithm._setup_learn(steps)
        run.keep(env=env, progress=Progress(algorithm), **self.kept(algorithm))
        try:
            with unvalidated():
                yield algorithm, partial(algorithm.collect_rollouts, env, callback)
        finally:
            env.close()


CRITIC = {
    "value_loss": "train/value_loss",
    "entropy_loss": "train/entropy_loss",
    "explained_variance": "train/explained_variance",
}
"""What an actor–critic logs of its critic, and of how sure its actor is."""


class OnPolicyConfig(Sb3Config):
    """Settings of methods that learn only from the present policy's rollouts."""

    rollout_steps: int
    lam: float = Field(
        0.95, ge=0, le=1, description="λ of GAE, PPO's; below 1 lowers the variance for some bias"
    )
    entropy: float = Field(
        0.01, ge=0, description="entropy bonus coefficient, annealed to 0; the papers' for Atari"
    )
    value_weight: float = Field(
        0.5, ge=0, description="weight of the critic's loss beside the actor's; SB3's"
    )
    max_grad_norm: float = Field(
        0.5, gt=0, description="norm at which gradients are clipped; SB3's"
    )


class OnPolicyAgent(Sb3Agent):
    """An actor and a critic with one features extractor."""

    policy_class = ActorCriticPolicy
    adam_eps = 1e-5  # SB3's for actor–critics

    def outputs(self, flat: Tensor) -> Tensor:
        """The value of the state goes before them: of a choice among actions their probabilities,
        else the policy's parameters.
        """
        policy: Any = self.policy
        for_policy, for_value = policy.mlp_extractor(policy.extract_features(flat))
        policy.value_net(for_value)
        parameters: Tensor = policy.action_net(for_policy)
        if isinstance(policy.action_space, spaces.Discrete):
            return parameters.softmax(1)
        return parameters

    def fit_on_policy(
        self,
        algorithm_class: type[OnPolicyAlgorithm],
        source: Environment,
        run: rockfall.Run,
        **settings: Any,
    ) -> None:
        """Collect `rollout_steps` in every environment, learn from them, and repeat.

        settings: the algorithm's own.
        """
        config = self.config
        iterations, steps = whole_iterations(config.steps, config.envs * config.rollout_steps)
        settings |= {
            "n_steps": config.rollout_steps,
            "gae_lambda": config.lam,
            "vf_coef": config.value_weight,
            "max_grad_norm": config.max_grad_norm,
            "rollout_buffer_class": UploadedRolloutBuffer,
        }
        evaluations = Evaluations(self, source, run, config.envs * config.rollout_steps)
        scale = self.reward_scale()
        learner = self.learner(algorithm_class, source, run, steps, scale, **settings)
        with learner as (algorithm, collect_rollouts):
            for iteration in run.steps(iterations):
                collect_rollouts(algorithm.rollout_buffer, config.rollout_steps)
                algorithm._update_current_progress_remaining(algorithm.num_timesteps, steps)
                algorithm.ent_coef = config.entropy * (1 - iteration / iterations)
                algorithm.train()
                self.observe(algorithm.rollout_buffer.observations)
                self.log(run, algorithm, evaluations)
            evaluations.finish()


@contextlib.contextmanager
def unvalidated() -> Iterator[None]:
    """Inside, torch's distributions don't look at what they are given, a tenth of a small policy's
    time. What is no number is found where it is logged, or where actions are drawn by it: raises
    Diverged.
    """
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    except RuntimeError as error:
        if "probability tensor" not in str(error):
            raise
        raise rockfall.Diverged(NO_NUMBERS) from error
    finally:
        Distribution.set_default_validate_args(before)


class Progress:
    """What an algorithm changes while it learns, beside policy, optimizer and buffers."""

    def __init__(self, algorithm: BaseAlgorithm) -> None:
        assert algorithm.ep_info_buffer is not None
        self.algorithm = algorithm
        self.episodes = algorithm.ep_info_buffer

    def state_dict(self) -> dict[str, Any]:
        attributes = vars(self.algorithm)
        return {
            "changing": {name: attributes[name] for name in CHANGING if name in attributes},
            "episodes": list(self.episodes),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self.algorithm).update(state["changing"])
        self.episodes.extend(state["episodes"])


def whole_iterations(steps: int, steps_per_iteration: int) -> tuple[int, int]:
    """How many iterations take at least `steps` environment steps, and how many steps they take."""
    iterations = -(-steps // steps_per_iteration)
    return iterations, iterations * steps_per_iteration
