"""Progress as a terminal, a pipe, a notebook and a program see it."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import pytest
from rich.console import Console

from rockfall.kit.measurements import measured
from rockfall.kit.units import duration
from rockfall.progress import default_listener
from rockfall.progress.notebook import NotebookListener
from rockfall.progress.terminal import TerminalListener
from rockfall.run.events import Event
from rockfall.summary import effort, measurement_lines, uses

FIGURES = {
    "score": {
        "value": 6.3,
        "error": 0.03,
        "count": 4096,
        "baselines": {
            "random": {"value": 1.5, "error": 0.02},
            "oracle": {"value": 6.4, "error": 0.03},
        },
        "times_random": 4.2,
        "percent_of_oracle": 98.4,
    }
}
STORY = [
    Event(
        "started",
        {"run": "a", "model": "x:pqn", "source": "rocks", "device": "cpu", "resumed": None},
    ),
    Event(
        "progress",
        {"fraction": 0.5, "step": 10, "label": "", "seconds": 60.0, "metrics": {"loss": 0.12345}},
    ),
    Event("warning", {"message": "odd [thing]"}),
    Event("evaluating", {"what": "rocks"}),
    Event(
        "finished",
        {
            "run": "a",
            "address": "a",
            "model": "rockfall-vision:mlp",
            "kinds": ["pictures", "labelled-pictures"],
            "seconds": 75.0,
            "result": {"figures": FIGURES},
            "pictures": ["runs/a/pictures/weights.png", "runs/a/pictures/confusion.png"],
        },
    ),
]


def test_figures_say_it_all_in_a_line() -> None:
    assert measurement_lines(FIGURES) == [
        "score 6.3 ± 0.03 · 98.4 % of the oracle · 4.2 × random",
        "  beside random 1.5 ± 0.02 · oracle 6.4 ± 0.03",
    ]


@pytest.mark.parametrize(
    ("kinds", "verbs"),
    [
        (["pictures", "labelled-pictures"], ["rockfall classify a PICTURE"]),
        (["vectors", "labelled-vectors"], []),
    ],
)
def test_only_verbs_that_the_source_allows_are_told(kinds: list[str], verbs: list[str]) -> None:
    assert uses("mlp", kinds, "a") == verbs


def test_a_figures_note_follows_it() -> None:
    figure = {"value": 0.25, "error": 0.01, "baselines": {}, "note": "3 of 5 dead"}
    assert measurement_lines({"active units": figure}) == ["active units 0.25 ± 0.01 · 3 of 5 dead"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.017123, 0.0000881, "0.01712 ± 0.000088"),
        (-86.342, 0.1234, "-86.34 ± 0.12"),
        (123456.0, 1234.0, "123500 ± 1200"),
        (1.0, 0.0, "1"),
    ],
)
def test_figures_have_no_powers_of_ten(value: float, error: float, text: str) -> None:
    assert measured({"value": value, "error": error}) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (75, "1 min 15 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"parameters": 1234567, "examples": 100_000, "seconds": 3.0},
            ["1,234,567 parameters", "33,300 examples a second"],
        ),
        (
            {"parameters": 8, "examples": 1, "seconds": 3.0},
            ["8 parameters", "0.333 examples a second"],
        ),
        ({"parameters": 8, "examples": 0, "seconds": 3.0}, ["8 parameters"]),
        ({"examples": 5, "seconds": 0.0}, []),
        ({"steps": 5, "seconds": 2.0}, []),
    ],
)
def test_what_a_run_took_as_far_as_its_result_says(
    result: dict[str, float], said: list[str]
) -> None:
    assert effort(result) == said


@pytest.mark.parametrize("width", [40, 100])
def test_a_terminal_redraws_one_line_that_fits(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = io.StringIO()
    listener = TerminalListener(
        Console(file=screen, force_terminal=True, width=width, color_system=None)
    )
    for event in STORY:
        listener(event)
    drawn = screen.getvalue()
    assert "50 % 1 min 00 s" in drawn
    assert "odd [thing]" in drawn
    progress = next(line for line in drawn.split("\r") if "50 %" in line)
    assert len(progress.splitlines()[0]) < width + 20  # with the codes that move the cursor
    said = capsys.readouterr().out
    assert said.startswith("run a is trained: 1 min 15 s\nscore 6.3 ± 0.03")
    assert "\npictures in runs/a/pictures:\n  weights, confusion\n" in said
    assert said.endswith("next: rockfall classify a PICTURE  ·  rockfall show a\n")


def test_what_is_logged_last_is_seen_on_a_narrow_line() -> None:
    screen = io.StringIO()
    listener = TerminalListener(Console(file=screen, width=70))
    metrics = {"loss": 0.1, "value": 0.2, "entropy": 0.3, "score": 8.5}
    listener(Event("progress", {**STORY[1].data, "metrics": metrics}))
    assert "score 8.5" in screen.getvalue()
    assert "loss" not in screen.getvalue()


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    screen = io.StringIO()
    listener = TerminalListener(Console(file=screen, width=100))
    listener(STORY[0])
    for _ in range(9):
        listener(STORY[1])
    lines = screen.getvalue().splitlines()
    assert lines[0] == "training: pqn on rocks (cpu), run a"
    assert 3 <= len(lines) - 1 <= 6
    assert "\x1b" not in screen.getvalue()


class Handle:
    """Stands in for IPython's display handle."""

    shown: list[dict[str, str]]

    def __init__(self) -> None:
        self.shown = []

    def update(self, bundle: dict[str, str], raw: bool) -> None:
        self.shown.append(bundle)


def test_a_notebook_updates_one_output(monkeypatch: pytest.MonkeyPatch) -> None:
    handle, warned = Handle(), []

    def display(bundle: dict[str, str], raw: bool, display_id: bool = False) -> Any:
        if display_id:
            handle.shown.append(bundle)
            return handle
        warned.append(bundle)
        return None

    ipython = types.ModuleType("IPython")
    ipython.display = types.SimpleNamespace(display=display)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    listener = default_listener()
    assert isinstance(listener, NotebookListener)
    for event in STORY:
        listener(event)
    assert len(handle.shown) == 4
    assert '<progress value="0.500">' in handle.shown[1]["text/html"]
    assert "98.4 % of the oracle" in handle.shown[-1]["text/plain"]
    assert warned == [{"text/plain": "warning: odd [thing]"}]
