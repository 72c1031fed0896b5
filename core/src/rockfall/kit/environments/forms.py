"""Gymnasium environments by their id: one, or a batch in the best form that there is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium
import torch
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import VectorEnv

from rockfall.errors import UsageError
from rockfall.kit.environments.batched import (
    BatchedEnvironment,
    Form,
    LoopBatch,
    VectorBatch,
    offers_state,
)
from rockfall.kit.environments.own_world import in_own_world
from rockfall.kit.environments.packages import extra_of
from rockfall.kit.environments.tensor_form import TensorBatch
from rockfall.kit.environments.workers import WorkersBatch


def make_environment(
    gymnasium_id: str, options: Mapping[str, Any], render_mode: str | None = None
) -> gymnasium.Env[Any, Any]:
    """One plain environment. Raises UsageError if Gymnasium can't make it, saying why."""
    # Not all environments have a render mode; those are not given None either.
    drawn: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
    try:
        with warnings.catch_warnings():
            # What its package is deprecated for is not for who learns from it.
            warnings.simplefilter("ignore", DeprecationWarning)
            made = gymnasium.make(gymnasium_id, disable_env_checker=True, **options, **drawn)
        return in_own_world(made)
    except gymnasium.error.DependencyNotInstalled as error:
        raise UsageError(f"{gymnasium_id}: {extra_of(gymnasium_id) or error}") from None
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
    plain: Callable[[str | None], gymnasium.Env[Any, Any]] | None = None,
    own_forms: bool = True,
    workers: int = 1,
    tensor: Callable[..., Any] | None = None,
) -> BatchedEnvironment:
    """`num_envs` environments stepped at once, not yet reset.

    form: without it, the best there is: off the CPU the environment's own torch form, then its own
        vector form, then a loop over plain ones. Raises UsageError for one not offered.
    plain: makes a plain one with a render mode, if it is not to be Gymnasium's own.
    workers: over so many processes plain ones are shared out, unless a form or pictures are wanted.
    own_forms: whether the others will do; what has wrappers has none.
    tensor: makes the torch form, `(num_envs, device, **options)`; None if there is none.
    """
    # An id may name the module that registers it: `module:Name-v0`.
    registered = gymnasium.spec(gymnasium_id.rpartition(":")[2])
    make = plain or partial(make_environment, gymnasium_id, options)
    if not own_forms:
        tensor, registered = None, replace(registered, vector_entry_point=None)
    if workers > 1 and form is None and render_mode is None:
        return WorkersBatch(partial(make, None), registered, num_envs, workers, device)
    if tensor and (
        form == "tensor" or (form is None and device.type != "cpu" and render_mode is None)
    ):
        # Gymnasium adds what an id stands for, such as its size, to its own forms alone.
        made = tensor(num_envs, device=device, **{**registered.kwargs, **options})
        return TensorBatch(made, device)
    if form in (None, "vector"):
        vector = _vector_form(registered, num_envs, options, render_mode)
        if vector is not None:
            return VectorBatch(vector, device)
    if form in (None, "plain"):
        envs = [make(render_mode) for _ in range(num_envs)]
        return LoopBatch(envs, device)
    raise UsageError(f"{gymnasium_id} has no {form} form that offers its state")


def _vector_form(
    registered: EnvSpec, num_envs: int, options: Mapping[str, Any], render_mode: str | None
) -> VectorEnv[Any, Any, Any] | None:
    """An environment's own vector form; None without one that offers its state and can be made as
    it is asked for: plain environments are looped over then, which say what is wrong with options.
    """
    if registered.vector_entry_point is None:
        return None
    drawn: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
    try:
        made = registered.vector_entry_point
        kind = load_env_creator(made) if isinstance(made, str) else made
        # One that can't be stopped and continued is not made: that may take long.
        if isinstance(kind, type) and not hasattr(kind, "state_dict"):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it says of itself, `offers_state` judges
            env = gymnasium.make_vec(
                registered,
                num_envs=num_envs,
                vectorization_mode="vector_entry_point",
                **options,
                **drawn,
            ).unwrapped
    except Exception:  # it may need what is not installed, or take fewer options than a plain one
        return None
    if offers_state(env):
        return env
    env.close()
    return None
