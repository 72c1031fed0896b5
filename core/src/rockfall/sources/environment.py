"""An environment as a source: any Gymnasium id, or one that a plugin registered with more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from rockfall.errors import UsageError
from rockfall.kit.environments import (
    BatchedEnvironment,
    Form,
    LoopBatch,
    Policy,
    TensorBatch,
    VectorBatch,
    offers_state,
)
from rockfall.sources.info import SourceInfo
from rockfall.specs import EnvironmentSpec, load_target


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
        if spec is not None:
            spec.load()  # registers the Gymnasium id
        env = self.make()
        self.info = self._describe(env)
        env.close()

    @property
    def episodes(self) -> int:
        """How many episodes an evaluation plays."""
        return self.spec.episodes if self.spec else 100

    def to(self, device: torch.device) -> Self:
        return self

    def make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        """One plain environment."""
        # Not all environments have a render mode; those are not asked for None either.
        drawn: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
        try:
            return gymnasium.make(
                self.gymnasium_id, disable_env_checker=True, **self.options, **drawn
            )
        except gymnasium.error.DependencyNotInstalled as error:
            raise UsageError(f"{self.gymnasium_id}: {error}") from None
        except Exception as error:  # an environment may raise anything
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(f"{self.gymnasium_id} can't be made: {reason}") from error

    def batch(
        self,
        num_envs: int,
        *,
        device: torch.device | str = "cpu",
        seed: int | None = None,
        render_mode: str | None = None,
        form: Form | None = None,
    ) -> BatchedEnvironment:
        """`num_envs` environments stepped at once, already reset with `seed`.

        form: without it, the best there is: off the CPU the environment's own torch form, then its
            own vector form, then a loop over plain ones. Raises UsageError for one not offered.
        """
        device = torch.device(device)
        tensor = device.type != "cpu" and render_mode is None
        batch: BatchedEnvironment | None = None
        if form == "tensor" or (form is None and tensor):
            batch = self._tensor_batch(num_envs, device)
        if form == "vector" or (form is None and batch is None):
            batch = self._vector_batch(num_envs, device, render_mode)
        if form == "plain" or (form is None and batch is None):
            batch = LoopBatch([self.make(render_mode) for _ in range(num_envs)], device)
        if batch is None:
            raise UsageError(f"{self.info.name} has no {form} form that offers its state")
        batch.reset(seed)
        return batch

    @property
    def _registered(self) -> gymnasium.envs.registration.EnvSpec:
        """Gymnasium's own spec; an id may name the module that registers it: `module:Name-v0`."""
        return gymnasium.spec(self.gymnasium_id.rpartition(":")[2])

    def _tensor_batch(self, num_envs: int, device: torch.device) -> TensorBatch | None:
        if self.spec is None or not self.spec.tensor:
            return None
        # Gymnasium adds what an id stands for, such as its size, to its own forms alone.
        options = {**self._registered.kwargs, **self.options}
        make = load_target(self.spec.tensor)
        return TensorBatch(make(num_envs, device=device, **options), device)

    def _vector_batch(
        self, num_envs: int, device: torch.device, render_mode: str | None
    ) -> VectorBatch | None:
        if self._registered.vector_entry_point is None:
            return None
        env = gymnasium.make_vec(
            self.gymnasium_id,
            num_envs=num_envs,
            vectorization_mode="vector_entry_point",
            render_mode=render_mode,
            **self.options,
        ).unwrapped
        if offers_state(env):
            return VectorBatch(env, device)
        env.close()
        return None

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the policies that scores are measured against."""
        return ("random", *(self.spec.baselines if self.spec else ()))

    def baseline(self, name: str, batch: BatchedEnvironment, seed: int = 0) -> Policy:
        """The named policy, playing `batch` on the CPU. Raises UsageError for one not there."""
        if self.spec and name in self.spec.baselines:
            choose = load_target(self.spec.baselines[name])(batch.native)
            return lambda seen: torch.from_numpy(choose(seen.numpy()))
        if name == "random" and self.info.actions is not None:
            generator = torch.Generator().manual_seed(seed)
            actions = self.info.actions
            return lambda seen: torch.randint(actions, (len(seen),), generator=generator)
        raise UsageError(f"{self.info.name} has no policy {name}: {', '.join(self.baselines)}")

    def _describe(self, env: gymnasium.Env[Any, Any]) -> SourceInfo:
        observed, acted = env.observation_space, env.action_space
        kinds = ["environment"]
        if isinstance(observed, spaces.Box):
            if isinstance(acted, spaces.Discrete):
                kinds.append("discrete-actions")
            elif isinstance(acted, spaces.Box):
                kinds.append("continuous-actions")
        bounded = isinstance(observed, spaces.Box) and observed.is_bounded()
        return SourceInfo(
            name=self.spec.name if self.spec else self.gymnasium_id,
            kinds=tuple(kinds),
            shape=tuple(observed.shape or ()),
            dtype=str(np.dtype(observed.dtype)),
            low=float(observed.low.min()) if bounded else None,  # type: ignore[attr-defined]
            high=float(observed.high.max()) if bounded else None,  # type: ignore[attr-defined]
            actions=int(acted.n) if isinstance(acted, spaces.Discrete) else None,
        )
