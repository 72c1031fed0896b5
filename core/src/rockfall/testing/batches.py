"""The contract of a batched environment: shapes, seeds, episode ends, and its exact state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rockfall.kit import nest
from rockfall.kit.environments import Form, Spaces
from rockfall.kit.environments.batched import BatchedEnvironment, Step
from rockfall.sources.environment import Environment
from rockfall.sources.info import SourceInfo
from rockfall.testing.comparing import difference

ENVS = 5
STEPS = 60
LONGEST = 20_000
"""Steps in which some random episode must have ended."""


def check_batch(source: Environment, form: Form) -> None:
    """Raise AssertionError unless one batched form of the environment keeps the contract."""
    batch = source.batch(ENVS, seed=1, form=form)
    _check_observation(batch.observation, batch, source.info)
    first = batch.observation.clone()
    actions = _actions(source, LONGEST)
    ended = False
    for number in range(LONGEST):
        step = batch.step(actions[number])
        _check_step(step, batch, source.info)
        ended = ended or bool((step.terminated | step.truncated).any())
        if ended and number >= STEPS:
            break
    assert ended, f"no episode ended within {LONGEST} random steps"
    assert torch.equal(batch.reset(1), first), "reset again with its seed, it begins differently"
    _check_state(source, form, actions)
    batch.close()


def _check_step(step: Step, batch: BatchedEnvironment, info: SourceInfo) -> None:
    _check_observation(step.observation, batch, info)
    _check_observation(step.final_observation, batch, info)
    assert torch.equal(batch.observation, step.observation), "`observation` is not the current one"
    for name, dtype in (
        ("reward", torch.float32),
        ("terminated", torch.bool),
        ("truncated", torch.bool),
    ):
        part: Tensor = getattr(step, name)
        assert part.shape == (ENVS,), f"{name} has shape {tuple(part.shape)}, not ({ENVS},)"
        assert part.dtype == dtype, f"{name} is {part.dtype}, not {dtype}"
    assert torch.isfinite(step.reward).all(), "a reward is not finite"
    going = ~(step.terminated | step.truncated)
    assert torch.equal(step.observation[going], step.final_observation[going]), (
        "where no episode ended, the final observation is not the observation"
    )


def _check_observation(seen: Tensor, batch: BatchedEnvironment, info: SourceInfo) -> None:
    wanted = (batch.num_envs, *info.shape)
    assert seen.shape == wanted, f"observations have shape {tuple(seen.shape)}, not {wanted}"
    dtype = str(seen.dtype).removeprefix("torch.")
    assert dtype == info.dtype, f"observations are {dtype}, not {info.dtype}"
    if info.low is not None and info.high is not None:
        within = ((seen >= info.low) & (seen <= info.high)).all()
        assert within, f"an observation is not within [{info.low}, {info.high}]"


def _check_state(source: Environment, form: Form, actions: Tensor) -> None:
    """Stopped in mid-episode and loaded into a new batch, it goes on as if nothing had been.

    The ends of the first few episodes are passed too, for what the next ones depend on.
    """
    middle, steps = 7, 4 * STEPS
    undisturbed = _play(source.batch(ENVS, seed=2, form=form), actions[:steps])
    batch = source.batch(ENVS, seed=2, form=form)
    _play(batch, actions[:middle])
    saved = _through_checkpoint(batch.state_dict())
    seen = batch.observation.clone()
    rest = _play(batch, actions[middle:steps])
    assert not difference(undisturbed[middle:], rest), "to take its state changes what comes"
    other = source.batch(ENVS, seed=3, form=form)
    other.load_state_dict(saved)
    assert torch.equal(other.observation, seen), "given its state, another shows another screen"
    resumed = _play(other, actions[middle:steps])
    assert not difference(rest, resumed), "given its state, another goes on differently"


def _play(batch: BatchedEnvironment, actions: Tensor) -> list[Any]:
    return [[part.clone() for part in batch.step(action)] for action in actions]


def _through_checkpoint(state: Any) -> Any:
    """What a checkpoint would make of it; copied, for the batch may go on changing its own."""
    tensors: dict[str, Tensor] = {}
    flat = nest.flatten(state, tensors)
    return nest.restore(flat, {name: tensor.clone() for name, tensor in tensors.items()})


def _actions(source: Environment, steps: int) -> Tensor:
    """The same random actions (steps, ENVS, …) for every form."""
    drawn = Spaces.of(source.info).random(steps * ENVS, torch.Generator().manual_seed(0))
    return drawn.reshape(steps, ENVS, *drawn.shape[1:])
