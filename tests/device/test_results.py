"""What is kept of a run on a GPU, and what becomes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.device.benchmarks import BENCHMARKS
from tests.device.parts import PARTS
from tests.device.results import LINES, Figure, Goal, Results


def found(folder: Path, *, rehearsal: bool = False) -> Results:
    results = Results(folder)
    results.add("machine", hardware="a card", gpu="a card", date="today", rehearsal=rehearsal)
    results.add_figure("one", Figure("time", "s", [1.0], Goal(2)))
    results.add_figure("one", Figure("time", "s", [1.0, None, 1.5], Goal(2), "with a note"))
    for outcome in ("passed", "failed"):
        results.add("test", part="two", name="a test", outcome=outcome, seconds=0, message="why")
    results.add("part", name="one", what="a benchmark", outcome="done", seconds=3)
    results.add("part", name="two", what="a check", outcome="cut after 5 s", seconds=5)
    return results


@pytest.mark.parametrize(
    ("values", "goal", "median", "said"),
    [
        ([3.0, 1.0, 2.0], Goal(2), 2.0, "at most 2, met"),
        ([3.0, 1.0, 2.1], Goal(2), 2.1, "at most 2, not met"),
        ([1.0, None, 2.0], Goal(2), 2.0, "at most 2, met"),
        ([1.0, None], Goal(2), None, "at most 2, not met"),
        ([25.0, None, 30.0], Goal(20, at_most=False), 25.0, "at least 20, met"),
        ([15.0], Goal(20, at_most=False), 15.0, "at least 20, not met"),
        ([15.0], None, 15.0, ""),
    ],
)
def test_figure_and_goal(
    values: list[float | None], goal: Goal | None, median: float | None, said: str
) -> None:
    figure = Figure("it", "s", values, goal)
    assert figure.median() == median
    assert figure.cells()[4] == said


def test_latest_of_a_figure_and_all_that_failed(tmp_path: Path) -> None:
    results = found(tmp_path)
    with (tmp_path / LINES).open("a") as file:
        file.write('{"kind": "part", "na')  # cut off
    (figure,) = results.figures()
    assert figure.values == [1.0, None, 1.5]
    assert figure.goal == Goal(2)
    assert [each["name"] for each in results.failed()] == ["a test", "two"]
    said = "\n".join(table.markdown() for table in results.tables())
    assert "| time | s | 1.5 | 1 · not reached · 1.5 | at most 2, met | with a note |" in said
    assert "| a check | cut after 5 s | 1 passed, 1 failed | 5 |" in said
    assert "- `a test`: why" in said


def test_section_is_replaced_by_a_gpu_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copy(report.RESULTS, tmp_path / "RESULTS.md")
    monkeypatch.setattr(report, "RESULTS", copy)
    before = copy.read_text()
    assert before.count("<!-- device -->") == before.count("<!-- /device -->") == 1
    with pytest.raises(ValueError, match="rehearsal"):
        found(tmp_path / "a", rehearsal=True).write_section()
    with pytest.raises(ValueError, match="no results"):
        Results(tmp_path / "b").write_section()
    assert copy.read_text() == before
    found(tmp_path / "c").write_section()
    after = copy.read_text()
    assert "## On a GPU: a card" in after
    assert after.count("<!-- device -->") == 1
    assert after.partition("<!-- /device -->")[2] == before.partition("<!-- /device -->")[2]


def test_parts_take_less_than_eight_minutes_in_all() -> None:
    assert sum(part.seconds for part in PARTS) <= 475
    assert {part.name for part in PARTS if not part.tests} == BENCHMARKS.keys()
