"""Gymnasium environments by their id: one, or a batch in the best form that there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import torch

from rockfall.errors import UsageError
from rockfall.kit.environments.batched import (
    BatchedEnvironment,
    Form,
    LoopBatch,
    VectorBatch,
    offers_state,
)
from rockfall.kit.environments.tensor_form import TensorBatch


def make_environment(
    gymnasium_id: str, options: Mapping[str, Any], render_mode: str | None = None
) -> gymnasium.Env[Any, Any]:
    """One plain environment. Raises UsageError if Gymnasium can't make it, saying why."""
    # Not all environments have a render mode; those are not given None either.
    drawn: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
    try:
        return gymnasium.make(gymnasium_id, disable_env_checker=True, **options, **drawn)
    except gymnasium.error.DependencyNotInstalled as error:
        raise UsageError(f"{gymnasium_id}: {error}") from None
    except Exception as error:  # an environment may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{gymnasium_id} can't be made: {reason}") from error


def make_batch(
    gymnasium_id: str,
    num_envs: int,
    options: Mapping[str, Any],
    device: torch.device,
    *,
    render_mode: str | None = None,
    form: Form | None = None,
    tensor: Callable[..., Any] | None = None,
) -> BatchedEnvironment:
    """`num_envs` environments stepped at once, not yet reset.

    form: without it, the best there is: off the CPU the environment's own torch form, then its own
        vector form, then a loop over plain ones. Raises UsageError for one not offered.
    tensor: makes the torch form, `(num_envs, device, **options)`; None if there is none.
    """
    # An id may name the module that registers it: `module:Name-v0`.
    registered = gymnasium.spec(gymnasium_id.rpartition(":")[2])
    if tensor and (
        form == "tensor" or (form is None and device.type != "cpu" and render_mode is None)
    ):
        # Gymnasium adds what an id stands for, such as its size, to its own forms alone.
        made = tensor(num_envs, device=device, **{**registered.kwargs, **options})
        return TensorBatch(made, device)
    if form in (None, "vector") and registered.vector_entry_point is not None:
        env = gymnasium.make_vec(
            gymnasium_id,
            num_envs=num_envs,
            vectorization_mode="vector_entry_point",
            render_mode=render_mode,
            **options,
        ).unwrapped
        if offers_state(env):
            return VectorBatch(env, device)
        env.close()
    if form in (None, "plain"):
        envs = [make_environment(gymnasium_id, options, render_mode) for _ in range(num_envs)]
        return LoopBatch(envs, device)
    raise UsageError(f"{gymnasium_id} has no {form} form that offers its state")
