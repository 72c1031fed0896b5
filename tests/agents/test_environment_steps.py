"""Environment steps are the axis of every agent's curves, whatever an update is."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from rich.console import Console

import rockfall
from rockfall.kit.drawing import Panel
from rockfall.kit.series import AXES, Series
from rockfall.pages import comparison
from rockfall.pages.comparison import Comparison
from rockfall.pages.run_page import RunPage
from rockfall.progress.terminal import TerminalListener
from rockfall.run.directory import RunDirectory
from rockfall.run.observers import Observers
from tests.agents.sb3_runs import AGENTS, CONTINUOUS

STEPS = 700


def source_of(agent: str) -> str:
    return "Pendulum-v1" if agent in CONTINUOUS else "CartPole-v1"


def train(agent: str, out: Path, **settings: Any) -> rockfall.Run:
    return rockfall.train(
        agent, source_of(agent), preset="tiny", out=out, **{"listeners": [], **settings}
    )


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", *AGENTS, *CONTINUOUS])
def test_every_line_says_them_and_they_are_those_that_were_taken(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = itertools.count()
    source = source_of(agent)
    kind: Any = type(gymnasium.make(source).unwrapped)
    original, counting = kind.step, [True]

    def counted(env: Any, action: Any) -> Any:
        if counting[0]:
            next(taken)
        return original(env, action)

    def heard(event: rockfall.Event) -> None:
        counting[0] = event.kind != "evaluating"

    monkeypatch.setattr(kind, "step", counted)
    begun = next(taken)
    run = train(agent, tmp_path, steps=STEPS, listeners=[heard])
    said = [line["environment_steps"] for line in run.metrics]
    assert said == sorted(set(said))
    assert run.result is not None
    assert said[-1] == run.result["environment_steps"] == run.environment_steps
    checked = 1  # before the training
    assert next(taken) - begun - 1 - checked == said[-1]
    score = [line["score"] for line in run.metrics if "score" in line]
    assert bool(score) == (agent not in CONTINUOUS)  # whose episodes are of 200 steps


@pytest.mark.long
def test_two_agents_are_compared_over_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [train("pqn", tmp_path, steps=1_500), train("ppo", tmp_path, steps=2_000)]
    drawn: list[Panel] = []
    curves = comparison.curves
    monkeypatch.setattr(comparison, "curves", lambda panels: drawn.extend(panels) or curves(panels))
    compared = Comparison([run.directory for run in runs])
    labels = [label for label, _ in compared.rows()]
    assert len(set(labels)) == len(labels), "two rows of one name"
    rows = dict(compared.rows())
    assert rows["environment steps"] == [f"{run.environment_steps:,}" for run in runs]
    compared.draw(tmp_path / "compared.png")
    assert {panel.across for panel in drawn} == {"environment steps", "seconds"}
    assert drawn[0].title == "score"
    for curve, run in zip(drawn[0].curves, runs, strict=True):
        assert curve.points[-1][0] == run.environment_steps


@pytest.mark.long
def test_a_run_that_said_them_only_later_is_drawn_over_its_own_steps(tmp_path: Path) -> None:
    run = train("pqn", tmp_path, steps=1_500)
    assert RunPage(run.directory).axis == "environment_steps"
    lines = [json.loads(line) for line in run.directory.metrics_file.read_text().splitlines()]
    del lines[0]["environment_steps"]  # as an older version wrote it
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run.directory.metrics_file.write_text(text)
    page = RunPage(RunDirectory(run.directory.path))
    assert page.axis == "step"
    assert [x for x, _ in page.curve("loss", page.axis).points] == [*range(len(lines))]


@pytest.mark.parametrize("missing", [*AXES[2:], None])
def test_a_series_has_the_axes_that_all_its_lines_have(missing: str | None) -> None:
    series = Series()
    for number in range(5):
        line = {
            "step": number,
            "seconds": number / 2,
            "environment_steps": 8 * number,
            "epoch": 3 * number,
        }
        if number == 3 and missing:
            del line[missing]
        series.add(line, number**2)
    assert series.axes == set(AXES) - {missing}
    for axis, each in (("step", 1), ("seconds", 0.5), ("environment_steps", 8), ("epoch", 3)):
        if axis in series.axes:
            assert series.points(axis) == [(n * each, n**2) for n in range(5)]


@pytest.mark.long
def test_plugins_and_the_progress_line_hear_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def call(_: Observers, hook: str, **given: Any) -> None:
        if hook == "rockfall_run_logged":
            heard.append(given["step"])
            assert "environment_steps" not in given["metrics"]

    monkeypatch.setattr(Observers, "_call", call)
    monkeypatch.setattr(Observers, "_followers", lambda *_: [("a plugin", call)])
    run = train("pqn", tmp_path, steps=1_500)
    assert heard == [line["environment_steps"] for line in run.metrics]
    event = {"fraction": 0.5, "seconds": 2.0, "metrics": {}, "environment_steps": 3_000}
    assert "1,500 steps/s" in str(TerminalListener(Console(width=200))._line(event))
    assert "steps/s" not in str(TerminalListener()._line({**event, "environment_steps": 0}))
