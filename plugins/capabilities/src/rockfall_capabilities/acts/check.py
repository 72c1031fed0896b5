"""What the conformance kit asks of a model that acts."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from rockfall import Environment
from rockfall.kit.environments import Spaces
from rockfall.kit.randomness import fork_rng
from rockfall_capabilities.acts.protocol import Acts

ENVS = 5


def check(model: Acts, source: Environment) -> None:
    """Actions are of the environment's space, one an observation, the same for the same input, and
    also those for an observation as the environment itself gives it.
    """
    spaces = Spaces.of(source.info)
    batch = source.batch(ENVS, seed=0)
    observations = batch.observation.clone()
    batch.close()
    actions = model.act(observations)
    _check_actions(actions, spaces)
    assert torch.equal(actions, model.act(observations)), "the final policy must be deterministic"
    assert _same(actions[:2], model.act(observations[:2])), "an action depends on its batch"
    with fork_rng(seed=0):
        _check_actions(model.act(observations, deterministic=False), spaces)
    env = source.make()
    _check_raw(model, spaces, env)
    env.close()


def _check_actions(actions: Any, spaces: Spaces) -> None:
    wanted = (ENVS, *spaces.action_shape)
    assert isinstance(actions, Tensor), f"act gave a {type(actions).__name__} for a tensor"
    assert tuple(actions.shape) == wanted, (
        f"act gave shape {tuple(actions.shape)} for {ENVS} observations, not {wanted}"
    )
    assert actions.dtype == spaces.action_dtype, (
        f"act gave {actions.dtype}, and actions of {spaces.acted} are {spaces.action_dtype}"
    )
    for action in actions.cpu().numpy():
        assert np.isfinite(action).all(), "an action is not finite"
        assert spaces.acted.contains(spaces.decode(action)), "act gave an unknown action"


def _check_raw(model: Acts, spaces: Spaces, env: gymnasium.Env[Any, Any]) -> None:
    """What `reset` gives, and what `step` takes."""
    observation, _ = env.reset(seed=0)
    encoded = torch.from_numpy(spaces.encode(observation)[None].copy())
    device = next(iter(model.parameters())).device if isinstance(model, torch.nn.Module) else "cpu"
    expected = spaces.decode(model.act(encoded.to(device))[0].cpu().numpy())
    given = model.act(observation)
    assert env.action_space.contains(given), (
        f"given what the environment's reset gives, act gave {given!r}, which its step does not "
        "take: rockfall.kit.environments.Acting does both"
    )
    assert _same(torch.as_tensor(given), torch.as_tensor(expected)), (
        "given what the environment's reset gives, act gave another action than for its tensor"
    )


def _same(one: Tensor, other: Tensor) -> bool:
    """Whole numbers to the bit, and real ones up to how their sums are rounded."""
    if one.is_floating_point():
        return torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    return torch.equal(one, other)
