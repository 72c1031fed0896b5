"""A trial's metric at equal parts of its training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rockfall_sweeps.pruners import halvings
from rockfall_sweeps.rungs import Rungs
from rockfall_sweeps.trial import Job, carry_out


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_each_rung_is_told_once_and_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": step, "seconds": 0.0, "m": float(step)} for step in range(100)]
    write(path, lines[:31])
    rungs = Rungs(path, "m")
    assert list(rungs.reached()) == []  # how many steps it has in all is not known
    rungs.total(31, 0.31)
    first = list(rungs.reached())
    assert first == [(rung, 5.0 * rung - 1) for rung in range(1, 7)]
    assert list(rungs.reached()) == []
    write(path, lines)
    rungs.total(50, 0.4)  # of another loop, say: what is known is kept
    rest = list(rungs.reached())
    assert rest == [(rung, 5.0 * rung - 1) for rung in range(7, 20)]
    again = Rungs(path, "m")
    again.total(100, 1.0)
    assert list(again.reached()) == first + rest


def test_a_line_that_is_not_whole_is_read_when_it_is(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    text = '{"step": 0, "seconds": 0, "environment_steps": 64, "m": 1.5}\n'
    path.write_text(text[:20])
    rungs = Rungs(path, "m")
    rungs.total(128, 1.0)
    assert list(rungs.reached()) == []
    path.write_text(text)
    assert list(rungs.reached()) == [(10, 1.5)]


def test_steps_of_the_environment_and_sparse_metrics(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, [{"step": s, "seconds": 0, **({"m": 1.0 * s} if s % 30 == 29 else {})}
                 for s in range(100)])  # fmt: skip
    rungs = Rungs(path, "m")
    rungs.total(100, 1.0)
    assert list(rungs.reached()) == [(6, 29.0), (12, 59.0), (18, 89.0)]


def test_halvings_of_brackets() -> None:
    assert [halvings(bracket) for bracket in range(3)] == [[2, 4, 8, 16], [4, 8, 16], [8, 16]]


def test_a_short_run_and_a_finished_one_tell_the_same_rungs(tmp_path: Path) -> None:
    """Whether the clock has ticked in it, or a kill left it finished, must not matter."""
    job = Job(
        out=str(tmp_path),
        name="t",
        model="autoencoder",
        source="digits",
        settings={"hidden": "4", "latent": "2", "epochs": "10", "batch_size": "512"},
        metric="validation_loss",
    )
    told: list[list[dict[str, Any]]] = []
    for _ in range(2):
        events: list[dict[str, Any]] = []
        carry_out(job, lambda data, events=events: events.append(data) or "")  # type: ignore[misc]
        told.append([each for each in events if each["event"] in ("rung", "ended")])
    assert told[0] == told[1]
    assert len(told[0]) == 10 and told[0][-1]["value"] == pytest.approx(told[0][-1]["value"])
