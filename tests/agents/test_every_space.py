"""Every agent learns, acts and resumes on every space that it says it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

import rockfall
from rockfall.errors import UsageError
from rockfall.registry import registry
from tests.kit.any_space import AnySpaces

PICTURE = spaces.Box(0, 255, (9, 9, 3), np.uint8)
OBSERVATIONS: dict[str, spaces.Space[Any]] = {
    "Vector": spaces.Box(-1, 1, (3,)),
    "Doubles": spaces.Box(-np.inf, np.inf, (2, 2, 1, 1), np.float64),
    "Number": spaces.Box(0, 9, (), np.int64),
    "Discrete": spaces.Discrete(5, start=-2),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2], start=[1, -1]),
    "MultiBinary": spaces.MultiBinary((2, 3)),
    "Tuple": spaces.Tuple([spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)]),
    "Dict": spaces.Dict(
        camera=PICTURE, inner=spaces.Dict(speed=spaces.Box(-9, 9, (2,)), gear=spaces.Discrete(3))
    ),
}
ACTIONS: dict[str, spaces.Space[Any]] = {
    "Discrete": spaces.Discrete(3, start=-1),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2], start=[5, 0]),
    "MultiBinary": spaces.MultiBinary(4),
    "Box": spaces.Box(np.array([-2, 0, -np.inf]), np.array([2, 5, np.inf]), dtype=np.float64),
    "Grid": spaces.Box(-1, 1, (2, 2)),
}
AGENTS = ("reinforce", "pqn", "dqn", "ppo", "a2c")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Any:
    names = []
    for one, observed in OBSERVATIONS.items():
        for other, acted in ACTIONS.items():
            names.append(f"Any{one}{other}-v0")
            gymnasium.register(
                names[-1], lambda observed=observed, acted=acted: AnySpaces(observed, acted)
            )
    yield
    for name in names:
        del gymnasium.registry[name]


def pairs() -> list[tuple[str, str, str]]:
    """Every agent with every observation, and with every action that it says it takes."""
    found = []
    for agent in AGENTS:
        kinds = registry().models.find(agent).spec.learns_from
        found += [(agent, one, "Discrete") for one in OBSERVATIONS]
        if len(kinds) > 1:
            found += [(agent, "Vector", other) for other in ACTIONS if other != "Discrete"]
    return found


@pytest.mark.parametrize(("agent", "observed", "acted"), pairs())
def test_it_learns_and_acts(agent: str, observed: str, acted: str, tmp_path: Path) -> None:
    """The environment itself asserts that each action is of its space, by type and bounds."""
    name = f"Any{observed}{acted}-v0"
    short: dict[str, Any] = {"steps": 260, "envs": 2, "hidden": (8,)}
    if agent == "dqn":
        short |= {"learning_starts": 50, "buffer_size": 500}
    if agent == "ppo":
        short |= {"batch_size": 16, "rollout_steps": 16}
    run = rockfall.train(agent, name, preset="tiny", out=tmp_path, listeners=[], config=short)
    assert run.step
    figures = rockfall.evaluate(run, limit=3)
    assert "random" in figures["score"]["baselines"]
    model: Any = rockfall.open_run(run.directory.path).model
    env = gymnasium.make(name, disable_env_checker=True)
    shown, _ = env.reset(seed=0)
    for deterministic in (True, False):
        action = model.act(shown, deterministic=deterministic)
        env.step(action)
    assert env.action_space.contains(action)
    many = concatenate(
        env.observation_space, [shown, shown], create_empty_array(env.observation_space, 2)
    )
    actions = model.act(many)
    assert len(actions) == 2
    np.testing.assert_allclose(actions[0], model.act(shown), rtol=1e-5)  # sums in another order


def test_pictures_among_the_parts_go_through_convolutions(tmp_path: Path) -> None:
    for agent in ("reinforce", "pqn", "ppo"):
        run = rockfall.train(
            agent,
            "AnyDictDiscrete-v0",
            preset="tiny",
            out=tmp_path,
            listeners=[],
            config={"network": "conv", "steps": 64, "hidden": (8,)},
        )
        model: Any = run.model
        assert any(isinstance(layer, torch.nn.Conv2d) for layer in model.modules())
    with pytest.raises(UsageError, match="network=mlp"):
        rockfall.train(
            "pqn", "AnyTupleDiscrete-v0", preset="tiny", out=tmp_path, config={"network": "conv"}
        )
