"""The benchmark of the memories: what it trains, and what it gives up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from rockfall.registry import registry
from tests.benchmarks import sequence_tables
from tests.benchmarks.kept_trials import Kept, Row
from tests.benchmarks.sequence_rows import GROUPS, MODELS

KEPT = sequence_tables.KEPT


def asked(**changes: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"only": "", "model": "", "known": False, "seeds": 5, **changes})


def test_every_row_has_settings_and_a_name_of_its_own() -> None:
    assert len(KEPT.rows) == sum(len(group.rows) for group in GROUPS.values())
    for row in KEPT.rows.values():
        assert row.config["epochs"] >= 1
    learning = {e.spec.name for e in registry().models if "sequences" in e.spec.learns_from}
    assert learning == set(MODELS)


def solved(seconds: float = 2.0) -> dict[str, Any]:
    passed = {"99 %": [1_000, 1.0], "99.99 %": [2_000, seconds]}
    return {"passed": passed, "accuracy": 1.0, "parameters": 9, "cpu seconds": seconds}


def lost(accuracy: float) -> dict[str, Any]:
    return {"passed": {}, "accuracy": accuracy, "parameters": 9, "cpu seconds": 60.0}


def test_what_failed_is_not_tried_again_nor_if_far_at_greater_lengths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[str, int, int]] = []
    outcomes = {
        ("gru", 88): lost(0.95),
        ("rnn", 22): lost(0.6),
        ("gru", 176): solved(9.0),
    }

    def trial(row: Row, seed: int) -> dict[str, Any]:
        steps = sequence_tables.steps_of(row)
        measured.append((row.model, steps, seed))
        return outcomes.get((row.model, steps), solved())

    monkeypatch.setattr(sequence_tables, "KEPT", Kept(tmp_path / "kept.json", GROUPS))
    monkeypatch.setattr(sequence_tables, "trial", trial)
    for model in ("gru", "rnn"):
        tables = sequence_tables.measure(asked(only="lengths", model=model))
    found = [(model, steps) for model, steps, _ in measured]
    assert found.count(("gru", 22)) == found.count(("gru", 176)) == 3
    assert found.count(("gru", 88)) == 1
    assert [each for each in found if each[0] == "rnn"] == [("rnn", 22)]
    rows = {row[0]: list(row[1:]) for row in tables[0].rows}
    assert rows["`gru`"] == [
        "3 of 3, 2.0 s", "3 of 3, 2.0 s", "0 of 1, 95.0 %", "3 of 3, 9.0 s",
    ]  # fmt: skip
    assert len(tables) == 1 and len(rows) == 2
    assert rows["`rnn`"] == ["0 of 1, 60.0 %", "", "", ""]


@pytest.mark.parametrize(
    ("figure", "value", "far"),
    [
        ("test squared error", 0.16, True),
        ("test squared error", 0.01, False),
        ("test accuracy", 0.13, True),
        ("test accuracy", 0.9, False),
    ],
)
def test_what_is_far_from_solved(figure: str, value: float, far: bool) -> None:
    assert sequence_tables.is_far({"figures": {figure: {"value": value}}}) == far


def test_until_solved_stops_at_the_clock() -> None:
    row = next(row for row in GROUPS["lengths"].rows if row.model == "gru")
    found = sequence_tables.until_solved(row, 0, 0.0)
    assert found["sequences"] == 2_000 and not found["passed"] and found["accuracy"] < 0.99
