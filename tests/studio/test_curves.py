"""Curves: read on as their file grows, smoothed without bias, thinned so that they look alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rockfall import RockfallError
from rockfall_studio.curves import CHECKED, Log, Logs, smoothed, thinned

NUMBERS = st.floats(-1e6, 1e6)


def lines(*steps: int, **more: Any) -> str:
    return "".join(
        json.dumps({"step": step, "seconds": step / 2, "loss": 1 / (step + 1), **more}) + "\n"
        for step in steps
    )


def points(log: Log, metric: str = "loss", axis: str = "step") -> list[tuple[float, float]]:
    return log.metrics[metric].points(axis)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_a_file_that_is_not_there_yet_has_no_metrics(file: Path) -> None:
    log = Log(file, {})
    log.read()
    assert not log.metrics and log.version == 0


def test_it_reads_on_and_a_line_is_read_once_it_is_whole(file: Path) -> None:
    log = Log(file, {})
    whole = lines(0, 1, 2)
    file.write_text(whole[:-5])
    log.read()
    assert points(log) == [(0, 1), (1, 1 / 2)]
    version = log.version
    log.read()
    assert log.version == version  # nothing new
    file.write_text(whole + lines(3))
    log.read()
    assert points(log) == [(step, 1 / (step + 1)) for step in range(4)]
    assert points(log, axis="seconds")[-1] == (1.5, 1 / 4)
    assert log.version != version


def test_what_was_read_is_not_read_again(file: Path) -> None:
    log = Log(file, {})
    text = lines(*range(100))
    assert len(text) > 2 * CHECKED
    file.write_text(text)
    log.read()
    file.write_text("?" * (len(text) - CHECKED) + text[-CHECKED:] + lines(100))
    log.read()
    assert not log.error and len(points(log)) == 101


def test_a_file_that_was_cut_back_is_read_anew(file: Path) -> None:
    log = Log(file, {})
    file.write_text(lines(0, 1, 2, 3))
    log.read()
    file.write_text(lines(0, 1))
    log.read()
    assert [x for x, _ in points(log)] == [0, 1]


def test_a_file_that_was_cut_back_and_has_outgrown_itself_is_read_anew(file: Path) -> None:
    log = Log(file, {})
    file.write_text(lines(0, 1, 2, 3))
    log.read()
    file.write_text(lines(0, 1, 2) + lines(3, 4, 5, loss=7.0))
    log.read()
    assert points(log)[-3:] == [(3, 7), (4, 7), (5, 7)]


@pytest.mark.parametrize(
    "damage",
    [
        "no JSON",
        "[1]",
        "{}",
        '{"step": 1, "seconds": 1, "loss": NaN}',
        '{"step": 1, "seconds": 1, "loss": 1e999}',
        '{"step": 1, "seconds": 1, "loss": "high"}',
        '{"step": 1, "seconds": 1, "loss": [1]}',
        '{"step": 1, "seconds": 1, "loss": 1' + "0" * 400 + "}",
        '{"step": true, "seconds": "x", "loss": 1}',
        "[" * 100_000,
    ],
)
def test_a_damaged_line_is_said_and_nothing_after_it_is_drawn(file: Path, damage: str) -> None:
    log = Log(file, {})
    file.write_text(lines(0) + damage + "\n" + lines(2))
    log.read()
    assert log.error == f"{file} is damaged: line 2" and points(log) == [(0, 1)]
    with file.open("a") as more:
        more.write(lines(3))
    log.read()
    assert points(log) == [(0, 1)]


def test_a_line_without_an_end_takes_no_memory(file: Path) -> None:
    log = Log(file, {})
    file.write_bytes(b"{" * (5 << 20))
    log.read()
    assert "no end" in log.error and len(log._rest) <= 3 << 20


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "else").write_text(lines(0))
    file.symlink_to(tmp_path / "else")
    with pytest.raises(RockfallError, match="link"):
        Log(file, {}).read()


def test_former_names_of_metrics_are_read(file: Path) -> None:
    log = Log(file, {"loss": "train loss"})
    file.write_text(lines(0))
    log.read()
    assert list(log.metrics) == ["train loss"]


def test_only_so_many_logs_are_kept(tmp_path: Path) -> None:
    logs = Logs()
    first = logs.of(tmp_path / "0", {})
    for number in range(1, 61):
        logs.of(tmp_path / str(number), {})
    assert logs.of(tmp_path / "60", {}) is logs.of(tmp_path / "60", {})
    assert logs.of(tmp_path / "0", {}) is not first


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.floats(0, 0.99))
def test_smoothing_is_the_weighted_mean_of_what_came_before(
    values: list[float], factor: float
) -> None:
    found = smoothed(values, factor)
    for end in range(1, len(values) + 1):
        weights = factor ** np.arange(end)[::-1]
        assert np.isclose(found[end - 1], np.average(values[:end], weights=weights), atol=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 10**6), NUMBERS), max_size=300),
    st.integers(10, 40),
    st.booleans(),
)
def test_thinned_curves_keep_their_ends_and_extremes(
    found: list[tuple[int, float]], most: int, log: bool
) -> None:
    curve = sorted(found, key=lambda point: point[0])
    x, y = [float(x) for x, _ in curve], [y for _, y in curve]
    thin = thinned(x, y, most, log=log)
    assert thin.dtype == np.float32 and thin.shape[0] == 2 and thin.shape[1] <= most
    kept = [(np.float32(a), np.float32(b)) for a, b in zip(x, y, strict=True) if a > 0 or not log]
    assert set(zip(*thin, strict=True)) <= set(kept)
    assert (np.diff(thin[0]) >= 0).all()
    if kept:
        assert (thin[0][0], thin[0][-1]) == (kept[0][0], kept[-1][0])
        assert (thin[1].min(), thin[1].max()) == (min(kept, key=lambda p: p[1])[1],
                                                   max(kept, key=lambda p: p[1])[1])  # fmt: skip


def test_a_single_peak_among_many_points_is_seen() -> None:
    y = np.zeros(10_000)
    y[5003] = 1
    thin = thinned(range(10_000), y.tolist(), 800)
    assert thin[1].max() == 1 and 700 <= thin.shape[1] <= 800
