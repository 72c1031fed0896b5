"""An environment as a source: any Gymnasium id, or one that a plugin registered with more."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import gymnasium
import torch

from rockfall.errors import UsageError
from rockfall.kit.environments import BatchedEnvironment, Form, Policy, Spaces, space_data
from rockfall.kit.environments.forms import make_batch, make_environment
from rockfall.sources.info import SourceInfo
from rockfall.specs import EnvironmentSpec


class Environment:
    """Makes environments, one or many at a time. Nothing is kept open."""

    def __init__(
        self,
        gymnasium_id: str,
        options: Mapping[str, Any] | None = None,
        spec: EnvironmentSpec | None = None,
    ) -> None:
        """Raises UsageError if Gymnasium can't make it, saying why."""
        self.gymnasium_id = gymnasium_id
        self.options = dict(options or {})
        self.spec = spec
        self.device = torch.device("cpu")
        if spec is not None:
            spec.load()  # registers the Gymnasium id
        env = self.make()
        name = spec.name if spec else gymnasium_id
        spaces = space_data.describe(env.observation_space, env.action_space)
        self.info = SourceInfo(name=name, **spaces)
        env.close()

    @property
    def episodes(self) -> int:
        """How many episodes an evaluation plays."""
        return self.spec.episodes if self.spec else 100

    def to(self, device: torch.device) -> Self:
        """The same source, whose batches are on `device` unless they are asked for elsewhere."""
        self.device = device
        return self

    def make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        """One plain environment."""
        return make_environment(self.gymnasium_id, self.options, render_mode)

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
            UsageError for one not offered.
        """
        target = self.spec.tensor if self.spec else ""
        batch = make_batch(
            self.gymnasium_id,
            num_envs,
            self.options,
            torch.device(device or self.device),
            render_mode=render_mode,
            form=form,
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
