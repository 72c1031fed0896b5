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
from rockfall.testing import check_model
from tests.agents.every_space import (
    ACTIONS,
    BEGIN,
    END,
    OBSERVATIONS,
    README,
    every_space_registered,
    table,
)

AGENTS = ("reinforce", "pqn", "dqn", "ppo", "a2c", "sac", "td3")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Any:
    with every_space_registered():
        yield


def pairs() -> list[tuple[str, str, str]]:
    """Every agent with every observation, and with every action that it says it takes."""
    found = []
    for agent in AGENTS:
        kinds = registry().models.find(agent).spec.learns_from
        plain = "Discrete" if "discrete-actions" in kinds else "Box"
        found += [(agent, one, plain) for one in OBSERVATIONS]
        bounded = ("Grid", "One", "Held", "Whole")  # Boxes that sac and td3 take
        others = ACTIONS if len(kinds) > 1 else bounded if plain == "Box" else ()
        found += [(agent, "Vector", other) for other in others if other != plain]
    return found


@pytest.mark.long
@pytest.mark.parametrize(("agent", "observed", "acted"), pairs())
def test_it_learns_and_acts(agent: str, observed: str, acted: str, tmp_path: Path) -> None:
    """The environment itself asserts that each action is of its space, by type and bounds."""
    name = f"Any{observed}{acted}-v0"
    short: dict[str, Any] = {"steps": 260, "envs": 2, "hidden": (8,)}
    if agent in ("dqn", "sac", "td3"):
        short |= {"learning_starts": 50, "buffer_size": 500}
    if agent == "ppo":
        short |= {"batch_size": 16, "rollout_steps": 16}
    run = rockfall.train(
        agent,
        name,
        preset="tiny",
        source_options={"evaluation_episodes": 3},
        out=tmp_path,
        listeners=[],
        config=short,
    )
    assert run.step
    figures = rockfall.evaluate(run, limit=2)
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


@pytest.mark.long
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


class OneArmPays(gymnasium.Env[Any, Any]):
    """Twenty steps, of which each is paid where the last of three actions is taken."""

    observation_space = spaces.Box(0, 1, (1,))

    def __init__(self, start: int) -> None:
        self.action_space = spaces.Discrete(3, start=start)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.ones(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        pays = action == self.action_space.start + 2
        return np.ones(1, np.float32), float(pays), False, self.steps == 20, {}


@pytest.mark.long
@pytest.mark.parametrize(("agent", "start"), [("pqn", -1), ("reinforce", 7), ("ppo", -2)])
def test_actions_that_begin_elsewhere_are_learned(
    agent: str, start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gymnasium.registry, "Arm-v0", gymnasium.envs.registration.EnvSpec("Arm-v0"))
    gymnasium.registry["Arm-v0"].entry_point = lambda: OneArmPays(start)
    config = {"steps": 4_000, "lr": 0.01}
    run = rockfall.train(agent, "Arm-v0", preset="tiny", out=tmp_path, listeners=[], config=config)
    score = run.result["figures"]["score"] if run.result else {}
    assert score["value"] == 20
    assert score["baselines"]["random"]["value"] == pytest.approx(20 / 3, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "source"),
    [
        ("reinforce", "AnyDictUnbounded-v0"),
        ("reinforce", "AnyTupleMultiDiscrete-v0"),
        ("ppo", "AnyDictMultiBinary-v0"),
        ("pqn", "AnyDictDiscrete-v0"),
        ("sac", "AnyNumberGrid-v0"),
        ("reinforce", "Pendulum-v1"),
        ("pqn", "Blackjack-v1"),
    ],
)
def test_it_conforms_there_and_resumes_to_the_bit(
    agent: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source.startswith("Any"):  # which are registered in this process alone
        monkeypatch.setattr("rockfall.testing.models.check_resume_afresh", lambda *_: None)
    check_model(agent, source)


def test_the_readme_says_which_space_each_agent_takes() -> None:
    """`python -m tests.agents.every_space` writes it anew."""
    text = README.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table()
