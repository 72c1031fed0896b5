"""A replay buffer that is left out of the checkpoint on request: said, and filled again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rockfall.building import build_model
from rockfall.errors import RockfallError, UsageError
from rockfall.kit import checkpoint
from rockfall.run.run import Run
from rockfall_agents import off_policy
from tests.agents.sb3_runs import fit, record_for, start

SOURCES = {"dqn": "CartPole-v1", "sac": "Pendulum-v1", "td3": "Pendulum-v1"}
SETTINGS: dict[str, Any] = {
    "envs": 4,
    "train_freq": 8,
    "steps": 2_400,
    "buffer_size": 2_000,
    "learning_starts": 100,
}


def learned(lines: list[dict[str, Any]]) -> list[bool]:
    """Whether each turn did: SB3 keeps what it recorded in a process, so that a new value tells."""
    values = [line.get("loss", line.get("critic_loss")) for line in lines]
    return [now not in (None, before) for now, before in zip(values, [None, *values], strict=False)]


@pytest.mark.long
@pytest.mark.parametrize("agent", SOURCES)
def test_it_is_filled_again_before_learning_goes_on(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Run, "warn", lambda run, message: said.append(message))
    record = record_for(agent, SOURCES[agent], keep_memory=False, **SETTINGS)
    directory = start(tmp_path, record)
    fit(directory, stop_at=40)
    assert not said
    assert "memory" not in checkpoint.read(directory.checkpoint("last"))["kept"]
    run = fit(directory)
    assert len(said) == 1 and "200 steps fill it again" in said[0]
    turns = learned(run.metrics)
    # A tenth of 2,000 transitions, at 32 a turn: six turns only act, and the seventh learns again.
    assert turns[35:40] == [True] * 5 and turns[40:48] == [False] * 6 + [True] * 2
    assert run.environment_steps == 2_400


@pytest.mark.long
def test_a_checkpoint_without_it_is_small(tmp_path: Path) -> None:
    sizes = []
    for keep in (True, False):
        directory = start(tmp_path, record_for("dqn", "falling-rocks-8x8", keep_memory=keep))
        fit(directory)
        sizes.append(directory.checkpoint("last").stat().st_size)
    assert sizes[0] - sizes[1] > 1_000 * 8 * 8  # `tiny` has a thousand screens


def test_one_too_large_for_a_checkpoint_may_be_left_out() -> None:
    settings: dict[str, Any] = {"buffer_size": 1_000_000}
    with pytest.raises(UsageError, match="or keep_memory=false"):
        build_model(record_for("dqn", "falling-rocks-32x32", **settings))
    build_model(record_for("dqn", "falling-rocks-32x32", keep_memory=False, **settings))


def test_one_too_large_for_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, size: int, what: str, advice: str) -> None:
        assert size == 1_000_000 * (2 * 32 * 32 + 8 + 12)
        raise RockfallError(f"{what}: {advice}")

    monkeypatch.setattr(off_policy, "require_memory", full)
    record = record_for("dqn", "falling-rocks-32x32", keep_memory=False, buffer_size=1_000_000)
    with pytest.raises(RockfallError, match="take a smaller buffer_size"):
        fit(start(tmp_path, record))


def test_actions_without_bounds_are_refused_by_name() -> None:
    record = record_for("sac", "Pendulum-v1")
    space = {"type": "Box", "shape": [2], "dtype": "float32", "low": None, "high": 1.0}
    record.info["action_space"] = space
    with pytest.raises(UsageError, match=r"bounds of the action space.* ppo, a2c and reinforce"):
        build_model(record)
