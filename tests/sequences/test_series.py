"""Tables of one's own: windows of one series, several of other lengths, and what is no number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import rockfall
from rockfall import UsageError
from rockfall_sequences.sequences import Sequences


def waves(path: Path, count: int, header: str = "sine,cosine\n") -> Path:
    rows = "".join(f"{math.sin(n / 5):.5f},{2 + math.cos(n / 5):.5f}\n" for n in range(count))
    path.write_text(header + rows, encoding="utf-8")
    return path


def opened(path: Path, **options: object) -> Sequences:
    source = rockfall.open_source(path, options)
    assert isinstance(source, Sequences)
    return source


@pytest.mark.parametrize("header", ["sine,cosine\n", ""])
def test_the_next_row_is_the_target(tmp_path: Path, header: str) -> None:
    data = opened(waves(tmp_path / "waves.csv", 400, header), length=8)
    assert data.columns == (("sine", "cosine") if header else ("column 1", "column 2"))
    inputs, labels = data.train[:]
    assert inputs.shape[1:] == (8, 2) and inputs.shape == labels.shape
    assert inputs[:, 1:].equal(labels[:, :-1])
    first, last = data.train.inputs[0, 0], data.test.labels[-1, -1]
    assert first.tolist() == [0.0, 3.0]
    assert last[0].item() == pytest.approx(math.sin(399 / 5), abs=0.4)  # of the last windows
    assert data.info.statistics["target mean"] == pytest.approx([0, 2], abs=0.1)


def test_a_memory_learns_it_beside_the_last_value(tmp_path: Path) -> None:
    path = waves(tmp_path / "waves.csv", 600)
    run = rockfall.train(
        "gru",
        path,
        epochs=30,
        units=8,
        batch_size=8,
        out=tmp_path,
        listeners=[],
        source_options={"length": 8},
    )
    assert run.result is not None
    found = run.result["figures"]["test squared error"]
    baselines = {name: each["value"] for name, each in found["baselines"].items()}
    assert baselines["last value"] < baselines["mean"]
    assert found["value"] < baselines["last value"]
    assert {path.stem for path in (run.directory.path / "pictures").glob("*.png")} >= {"memory"}


def test_series_of_other_lengths_are_filled_up_and_masked(tmp_path: Path) -> None:
    path = tmp_path / "several.csv"
    lengths = {"a": 5, "b": 3, "c": 2, "d": 4, "e": 1}
    rows = [f"{n},{name},{10 * n}" for name, count in lengths.items() for n in range(count)]
    path.write_text("\n".join(["value,who,tens", *rows]), encoding="utf-8")
    data = opened(path, series="who")
    assert data.info.shape == (4, 2)
    assert "3 of 4 series are shorter than 5 rows" in data.warnings[0]
    seen = []
    for split in data.splits.values():
        for inputs, labels in zip(*split[:], strict=True):
            count = int((~labels[:, 0].isnan()).sum())
            assert labels[:count, 1].tolist() == [10.0 * (n + 1) for n in range(count)]
            assert inputs[: count + 1, 0].tolist() == list(map(float, range(count + 1)))[:4]
            assert labels[count:].isnan().all() and inputs.isfinite().all()
            seen.append(count)
    assert sorted(seen) == [1, 2, 3, 4]


def test_what_is_missing_is_asked_for_nowhere(tmp_path: Path) -> None:
    path = waves(tmp_path / "waves.csv", 400)
    lines = path.read_text("utf-8").splitlines()
    lines[4] = f"NA,{lines[4].partition(',')[2]}"
    path.write_text("\n".join(lines), encoding="utf-8")
    data = opened(path, length=8)
    inputs, labels = data.train[0]
    assert labels[2, 0].isnan() and not labels[2, 1].isnan()
    assert inputs[3, 0] == inputs[2, 0]
    assert torch.isfinite(data.train.inputs).all()


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        ("a,b\n1,2\n1,x\n", {}, "column b holds text, such as 'x'"),
        ("a,b\n1,2\n1\n", {}, "row 3 has 1 columns, not 2"),
        ("1,2\n1,2\n", {}, "has 2 rows, too few for windows of 32"),
        ("1,2\n1,2\n", {"length": 1}, "has 2 rows, too few for windows of 1: it takes 40"),
        ("", {}, "has no rows"),
        (
            "a,b\n1,2\n1,3\n",
            {"series": "a"},
            "has 1 series of two rows or more by a: it takes three",
        ),
        ("a,b\n1,2\n1,3\n", {"series": "z"}, "has no column z: a, b"),
        ("a,b\n1,inf\n", {}, "column b holds text, such as 'inf'"),
    ],
)
def test_one_line_says_why_not(
    tmp_path: Path, content: str, options: dict[str, object], reason: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=reason):
        rockfall.open_source(path, options)
