"""The benchmark of the agents' scores: what it trains, and what it keeps of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from rockfall.kit.files import read_json, write_json
from rockfall.registry import registry
from tests.benchmarks import agent_scores
from tests.benchmarks.agent_rows import DISCRETE, GROUPS
from tests.benchmarks.kept_trials import Kept, Row

ROWS = agent_scores.KEPT.rows


def asked(**changes: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"only": "", "agent": "", "known": False, "seeds": 5, **changes})


def test_every_row_has_settings_and_a_name_of_its_own() -> None:
    assert len(ROWS) == sum(len(group.rows) for group in GROUPS.values())
    for row in ROWS.values():
        assert row.config["steps"] >= 1


def test_every_agent_that_acts_is_measured() -> None:
    acting = {e.spec.name for e in registry().models if "acts" in e.spec.capabilities}
    assert acting == {row.model for row in ROWS.values()}
    assert {row.model for row in GROUPS["cartpole"].rows} == set(DISCRETE)


def test_rows_are_chosen_by_table_and_by_agent() -> None:
    assert len(agent_scores.chosen(asked())) == len(ROWS)
    (one,) = agent_scores.chosen(asked(only="cartpole", agent="pqn"))
    assert one.words == "pqn CartPole-v1"
    assert not agent_scores.chosen(asked(known=True))
    with pytest.raises(SystemExit, match="did you mean cartpole"):
        agent_scores.chosen(asked(only="cartpol"))


def test_seeds_are_measured_once_and_a_changed_row_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def trial(row: Row, seed: int) -> dict[str, Any]:
        measured.append(seed)
        return {"value": 9.5, "cpu seconds": 1.0}

    kept = Kept(tmp_path / "kept.json", GROUPS)
    monkeypatch.setattr(agent_scores, "KEPT", kept)
    monkeypatch.setattr(agent_scores, "trial", trial)
    for seeds in (1, 3, 3):
        tables = agent_scores.measure(asked(only="cartpole", agent="pqn", seeds=seeds))
    assert measured == [0, 1, 2]
    shown = {row[0]: row[1:] for table in tables for row in table.rows}
    assert shown["`pqn CartPole-v1`"] == ["9.5 · 9.5 · 9.5", "1"]
    assert shown["`dqn CartPole-v1`"] == ["not measured", ""]
    changed = read_json(kept.path)
    del changed["pqn CartPole-v1"]["config"]["ema"]  # as if that setting were new
    write_json(kept.path, changed)
    assert len(kept.known()) == 1
    changed["pqn CartPole-v1"]["config"]["lr"] = 0.5
    write_json(kept.path, changed)
    assert kept.known() == {}
