"""An environment as a source: any Gymnasium id, or one that a plugin registered with more."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import gymnasium
import numpy as np
import torch

from rockfall.errors import UsageError
from rockfall.kit.environments import BatchedEnvironment, Form, Policy, Spaces, space_data
from rockfall.kit.environments.batched import Earned
from rockfall.kit.environments.checking import check_first_step, close
from rockfall.kit.environments.forms import make_batch, make_environment
from rockfall.kit.environments.wrappers import allowed_wrappers, wrapped
from rockfall.kit.randomness import seed_of
from rockfall.sources.environment_options import EnvironmentOptions
from rockfall.sources.info import SourceInfo
from rockfall.specs import EnvironmentSpec

EVALUATION = 0x5EED
"""What the seeds of evaluations are salted with, beside what each asks for."""
MOST_STEPS = 10_000
"""Of an evaluated episode where the environment states no limit: few that end last longer."""


class Environment:
    """Makes environments, one or many at a time. Nothing is kept open."""

    def __init__(
        self,
        gymnasium_id: str,
        options: Mapping[str, Any] | None = None,
        spec: EnvironmentSpec | None = None,
        *,
        chosen: Mapping[str, Any] | None = None,
        published: Mapping[str, float] | None = None,
    ) -> None:
        """options: `EnvironmentOptions`, and the environment's own.
        chosen: some by whoever opens it, which a run records, so that it has them again.
        published: by whom → a mean return that others reached.

        Raises UsageError if Gymnasium can't make it, or its first reset and step fail, saying why.
        """
        self.gymnasium_id = gymnasium_id
        self.chosen = dict(chosen or {})
        options = {**self.chosen, **(options or {})}
        self.general, self.options = EnvironmentOptions.split(gymnasium_id, options)
        self.spec = spec
        self.device = torch.device("cpu")
        self._salt: int | None = None
        self._rank, self._ranks = 0, 1
        self._workers = self.general.workers
        if spec is not None:
            spec.load()  # registers the Gymnasium id
        self._wrappings, self._training = (
            allowed_wrappers(options.get(name)) for name in ("wrappers", "training_wrappers")
        )
        env = self.make()
        try:
            self.warnings = check_first_step(env, gymnasium_id)
            self._limit = env.spec.max_episode_steps if env.spec else None
            solved = env.spec.reward_threshold if env.spec else None
            spaces = space_data.describe(env.observation_space, env.action_space)
        finally:
            closing = close(env)
        self.warnings += (f"{gymnasium_id}: {closing}",) if closing else ()
        if self._training:
            with contextlib.closing(self._in_training()) as env:
                if space_data.describe(env.observation_space, env.action_space) != spaces:
                    raise UsageError(
                        "training_wrappers must leave observations and actions as they are, which "
                        f"{self.general.training_wrappers} does not: see wrappers"
                    )
        self.published = {**({} if solved is None else {"solved": solved}), **(published or {})}
        self.info = SourceInfo(name=spec.name if spec else gymnasium_id, **spaces)

    @property
    def in_the_way(self) -> str:
        """Which of its spaces no agent takes, and what would help; empty for none."""
        return space_data.in_the_way_of(self.info)

    @property
    def episodes(self) -> int:
        """How many episodes an evaluation plays."""
        return self.general.evaluation_episodes or (self.spec.episodes if self.spec else 100)

    @property
    def evaluation_steps(self) -> int:
        """Steps after which an evaluation cuts an episode off."""
        return self.general.evaluation_steps or self._limit or MOST_STEPS

    def for_evaluation(self, salt: int = 0) -> Self:
        """The same source as it is measured: without what is around it in training alone, and with
        other episodes under each seed. salt: another one, others again.
        """
        measured = copy.copy(self)
        measured._salt = salt
        return measured

    def of_rank(self, rank: int, ranks: int) -> Self:
        """The same source for one of several processes that learn together: each has an equal share
        of the environments that are trained on, with seeds of its own.
        """
        share = copy.copy(self)
        share._rank, share._ranks = rank, ranks
        return share

    def in_one_process(self) -> Self:
        """The same source without workers, whose batches have all that is behind them here."""
        alone = copy.copy(self)
        alone._workers = 1
        return alone

    def to(self, device: torch.device) -> Self:
        """The same source, whose batches are on `device` unless they are asked for elsewhere."""
        self.device = device
        return self

    def make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        """One plain environment, in its wrappers, as it is measured."""
        made = make_environment(self.gymnasium_id, self.options, render_mode)
        return wrapped(made, self._wrappings)

    def _in_training(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        return wrapped(Earned(self.make(render_mode)), self._training)

    def batch(
        self,
        num_envs: int,
        *,
        device: torch.device | str | None = None,
        seed: int | None = None,
        render_mode: str | None = None,
        form: Form | None = None,
    ) -> BatchedEnvironment:
        """`num_envs` environments stepped at once, already reset with `seed`.

        device: where observations and rewards are; without it, where `to` put the source.
        form: without it, the best there is; see `rockfall.kit.environments.forms`. Raises
            UsageError for one not offered, and for a number that can't be shared equally.
        """
        if self._salt is None and self._ranks > 1:
            if num_envs % self._ranks:
                raise UsageError(
                    f"{num_envs} environments can't be shared by {self._ranks} devices"
                )
            num_envs //= self._ranks
            seed = seed_of(seed, self._rank) if seed is not None and self._rank else seed
        training = self._training if self._salt is None else ()
        if self._salt is not None and seed is not None:
            words = np.random.SeedSequence((seed, EVALUATION, self._salt)).generate_state(1)
            seed = int(words[0])
        target = self.spec.tensor if self.spec else ""
        batch = make_batch(
            self.gymnasium_id,
            num_envs,
            self.options,
            torch.device(device or self.device),
            render_mode=render_mode,
            form=form,
            plain=self._in_training if training else self.make,
            own_forms=not (self._wrappings or training),
            workers=self._workers,
            tensor=partial(_call, self.spec, target) if self.spec and target else None,
        )
        batch.reset(seed)
        return batch

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the policies that a policy is measured beside."""
        return ("random", *(self.spec.baselines if self.spec else ()))

    def baseline(self, name: str, batch: BatchedEnvironment, seed: int = 0) -> Policy:
        """The named policy, playing `batch` on the CPU. Raises UsageError for one not there.

        Its actions are those of a batch: see `rockfall.kit.environments.Spaces`.
        """
        if self.spec and name in self.spec.baselines:
            choose = self.spec.load(self.spec.baselines[name])(batch.native)
            return lambda observed: torch.from_numpy(choose(observed.numpy()))
        if name == "random":
            generator = torch.Generator().manual_seed(seed)
            random = Spaces.of(self.info).random
            return lambda observed: random(len(observed), generator)
        raise UsageError(f"{self.info.name} has no policy {name}: {', '.join(self.baselines)}")


def _call(spec: EnvironmentSpec, target: str, *given: Any, **options: Any) -> Any:
    """Import a target only when it is wanted, for a torch form may need more than is installed."""
    return spec.load(target)(*given, **options)
