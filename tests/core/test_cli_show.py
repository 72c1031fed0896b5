"""`rockfall show` and `rockfall compare`, as typed, and the charts that they draw."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rockfall.kit.console import console
from rockfall.kit.drawing.blocks import bar, sparkline
from rockfall.kit.drawing.chart import short, ticks
from rockfall.kit.drawing.curves import Curve, Panel, curves
from tests.core.test_cli_train import rockfall
from tests.core.toys import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs `tiny` and `small` of `mlp` on digits, and `plays` on falling rocks."""
    path = tmp_path_factory.mktemp("work")
    with toys(path / "site"):
        for words in (
            ("mlp", "--preset", "tiny", "--name", "tiny"),
            ("mlp", "layers=8", "epochs=1", "--seed", "1", "--name", "small"),
            ("player", "speed=3", "--name", "plays"),
        ):
            assert rockfall(path, "train", *words).returncode == 0
        yield path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


# show RUN -------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_run(folder: Path) -> None:
    done = rockfall(folder, "show", "tiny")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("tiny: mlp on digits, seed 0, cpu: finished, 22 steps in ")
    assert " · 1,210 parameters · " in lines[0]
    assert lines[0].endswith(" examples a second")
    assert lines[1] == "settings: epochs=2 layers=16 (preset tiny)"
    assert lines[2].startswith("test accuracy 0.")
    assert "nearest neighbour" in lines[3]
    assert lines[4].startswith("train accuracy 0.")
    assert lines[5].startswith("train loss")
    assert set(lines[5].split()[-1]) <= set("▁▂▃▄▅▆▇█")
    assert lines[-2] == "wrote runs/tiny/pictures/curves.png"
    assert lines[-1] == "next: rockfall evaluate tiny  ·  rockfall classify tiny PICTURE"


@pytest.mark.long
def test_a_run_for_programs(folder: Path) -> None:
    (folder / "runs/tiny/pictures/drawn-3.png").write_bytes(b"")
    data = json.loads(rockfall(folder, "show", "tiny", "--json").stdout)
    assert data["unusual"] == {"layers": "16", "epochs": "2"}
    assert data["status"] == "finished"
    assert data["figures"]["test accuracy"]["count"] == 359
    assert data["figures"]["train accuracy"]["count"] == 1294
    assert (data["parameters"], data["steps"], data["examples"]) == (1210, 22, 2588)
    assert set(data["metrics"]) == {
        "train loss",
        "train accuracy",
        "validation loss",
        "validation accuracy",
    }
    left = {"confusion.png", "mistakes.png", "saliency.png", "weights.png", "layers.png"}
    steps = {"drawn-3.png", "weights-11.png"}
    # A second look is taken if there is time for it.
    assert set(data["pictures"]) - {"weights-22.png"} == steps | left, (
        "its curves are no picture of it"
    )
    assert data["warnings"] == []
    assert data["picture"] == "runs/tiny/pictures/curves.png"


@pytest.mark.long
def test_its_curves_have_a_panel_a_metric(folder: Path) -> None:
    rockfall(folder, "show", "tiny", "--out", "curves")
    drawn = pixels(folder / "curves.png")
    left, right = np.array_split(drawn, 2, axis=1)
    for panel in (left, right):
        blue = (panel[..., 2] - panel[..., 0]) > 60
        assert blue.sum() > 100
        assert (panel.mean(axis=2) < 120).sum() > 50  # letters


@pytest.mark.long
def test_a_run_that_was_stopped_can_be_shown(folder: Path) -> None:
    for name in ("stopped", "begun"):
        rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", name)
        (folder / "runs" / name / "result.json").unlink()
    (folder / "runs/begun/metrics.jsonl").unlink()
    done = rockfall(folder, "show", "stopped")
    assert "cpu: resumable" in done.stdout
    assert "next: rockfall resume stopped" in done.stdout
    done = rockfall(folder, "show", "begun")
    assert done.returncode == 0
    assert "wrote" not in done.stdout


def test_a_run_whose_model_is_gone(folder: Path) -> None:
    record = folder / "runs/small/run.json"
    before = record.read_text()
    record.write_text(before.replace("rockfall-vision:mlp", "gone:mlp"))
    done = rockfall(folder, "show", "small")
    record.write_text(before)
    assert done.returncode == 0, done.stderr
    assert "settings: epochs=1 batches=0 batch_size=128 optimizer=adamw" in done.stdout


def test_forty_columns(folder: Path) -> None:
    console.cache_clear()
    shown = rockfall(folder, "show", "tiny", COLUMNS="40").stdout.splitlines()
    console.cache_clear()
    assert all(len(line) <= 40 for line in shown if "→" in line)
    compared = rockfall(folder, "compare", "tiny", "small", COLUMNS="40").stdout.splitlines()
    console.cache_clear()
    assert all(len(line) <= 40 for line in compared[:-1])
    assert compared[compared.index("layers:") + 1] == "  tiny: 16"


# show DATASET ---------------------------------------------------------------------------------


def test_a_dataset(folder: Path) -> None:
    done = rockfall(folder, "show", "digits")
    assert done.returncode == 0, done.stderr
    assert "examples: 1,294 train, 144 validation, 359 test" in done.stdout
    assert "each: 1 × 8 × 8 uint8, 0 to 255" in done.stdout
    assert "10 classes: 0, 1, 2" in done.stdout
    assert "licence: CC BY 4.0" in done.stdout
    assert done.stdout.splitlines()[-2] == "wrote digits.png"
    sheet = pixels(folder / "digits.png")
    # One row a class: ten bands of black pictures between white gaps, right of the names.
    dark = (sheet[:, 40:] == 0).any(axis=(1, 2))
    assert (np.diff(dark.astype(int)) == 1).sum() + dark[0] == 10
    assert (sheet[:, :16] < 128).any()


def test_a_dataset_for_programs(folder: Path) -> None:
    data = json.loads(rockfall(folder, "show", "digits", "--json", "--out", "d.png").stdout)
    assert data["licence"] == "CC BY 4.0"
    assert data["sizes"]["test"] == 359
    assert data["picture"] == "d.png"
    assert (folder / "d.png").exists()


def test_a_beginning_that_several_runs_have(folder: Path) -> None:
    second = folder / "runs/smaller"
    shutil.copytree(folder / "runs/small", second)
    done = rockfall(folder, "show", "sma")
    shutil.rmtree(second)
    assert done.returncode == 2
    assert "sma begins the names of 2 runs: small, smaller" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("digist",), "no run, dataset or picture named digist; did you mean digits?"),
        (("tin",), ""),
        (("falling-rocks-8x8",), "falling-rocks-8x8 is no dataset or picture to show"),
        (("CartPole-v1",), "CartPole-v1 is no dataset or picture to show"),
        (("zzz",), "no run named zzz"),
        (("digits", "--out", "a.jpg"), "what is written is a PNG, say a.png"),
        (("digits", "--out", "."), "is a folder"),
    ],
)
def test_one_line_says_why_not(folder: Path, words: tuple[str, ...], expected: str) -> None:
    done = rockfall(folder, "show", *words)
    assert done.returncode == (2 if expected else 0)
    assert expected in done.stderr
    assert done.stderr.count("\n") == bool(expected)


def test_figures_are_told_even_if_the_picture_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("rockfall.kit.files.tempfile.mkstemp", refuse)
    done = rockfall(folder, "show", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert "test accuracy 0." in done.stdout
    assert "can't write runs/tiny/pictures/curves.png: Read-only file system" in done.stdout
    asked = rockfall(folder, "show", "tiny", "--out", "curves.png")
    assert (asked.returncode, asked.stderr.count("\n")) == (1, 1)


# compare --------------------------------------------------------------------------------------


def test_side_by_side(folder: Path) -> None:
    done = rockfall(folder, "compare", "tiny", "small")
    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert done.stdout.split()[:2] == ["tiny", "small"]
    assert rows["layers"] == ["layers", "16", "8"]
    assert rows["seed"] == ["seed", "0", "1"]
    assert "lr" not in rows  # the same in both
    assert rows["test accuracy"][3] == rows["test accuracy"][6] == "±"
    assert rows["train accuracy"][3] == rows["train accuracy"][6] == "±"
    assert rows["parameters"] == ["parameters", "1,210", "610"]
    assert rows["training steps"] == ["training", "steps", "22", "11"]
    assert all(float(cell.replace(",", "")) > 100 for cell in rows["examples a second"][3:])
    assert rows["training time"][-1] == "s"
    assert "not comparable" not in done.stdout
    assert done.stdout.splitlines()[-2] == "wrote compare.png"
    for half in np.array_split(pixels(folder / "compare.png"), 2):  # the accuracy, and the loss
        for panel in np.array_split(half, 2, axis=1):  # by steps, and by seconds
            orange = (panel[..., 0] - panel[..., 2]) > 120
            blue = (panel[..., 2] - panel[..., 0]) > 120
            assert orange.sum() > 50
            assert blue.sum() > 50


def test_each_figure_is_beside_its_own_baseline(folder: Path) -> None:
    """Though two figures' baselines have the same name."""
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", "twofold")
    path = folder / "runs/twofold/result.json"
    result = json.loads(path.read_text())
    for name, value in (("distance", 0.25), ("recall", 0.75)):
        baselines = {"training examples": {"value": value, "error": 0.01}}
        result["figures"][name] = {"value": 0.5, "error": 0.01, "baselines": baselines}
    path.write_text(json.dumps(result))
    lines = rockfall(folder, "compare", "twofold", "tiny").stdout.splitlines()
    for name, value in (("distance", "0.25"), ("recall", "0.75")):
        after = next(k for k, line in enumerate(lines) if line.startswith(name)) + 1
        assert lines[after].split() == ["(training", "examples)", value, "±", "0.01"]


@pytest.mark.long
def test_a_result_of_before_they_said_what_they_took(folder: Path) -> None:
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", "older")
    path = folder / "runs/older/result.json"
    result = json.loads(path.read_text())
    del result["parameters"], result["examples"], result["figures"]["train accuracy"]
    path.write_text(json.dumps(result))
    shown = rockfall(folder, "show", "older")
    assert shown.returncode == 0, shown.stderr
    assert "parameters" not in shown.stdout
    compared = rockfall(folder, "compare", "older", "tiny")
    assert compared.returncode == 0, compared.stderr
    rows = {line.split("  ")[0]: line.split() for line in compared.stdout.splitlines()}
    assert rows["parameters"] == ["parameters", "1,210"]
    data = json.loads(rockfall(folder, "compare", "older", "tiny", "--json").stdout)
    assert [run["examples"] for run in data["runs"]] == [None, 2588]


def test_the_first_metric_is_the_one_that_is_monitored(folder: Path) -> None:
    data = json.loads(rockfall(folder, "compare", "tiny", "small", "--json").stdout)
    assert data["metrics"][0] == "validation accuracy"  # though the train loss is logged first
    assert [run["run"] for run in data["runs"]] == ["tiny", "small"]
    assert data["runs"][1]["figures"]["test accuracy"]["value"] < 0.9
    assert data["picture"] == "compare.png"


@pytest.mark.long
def test_a_headline_is_drawn_before_what_is_monitored(folder: Path) -> None:
    for model, metrics in (("player", ["bad", "good"]), ("maker", ["good", "bad"])):
        names = [f"{model}-of-{seed}" for seed in (1, 2)]
        for name in names:
            assert rockfall(folder, "train", model, "--name", name).returncode == 0
        data = json.loads(rockfall(folder, "compare", *names, "--json").stdout)
        assert data["metrics"] == metrics, "bad is logged first, and good is monitored"


@pytest.mark.long
def test_runs_on_other_sources_are_not_comparable(folder: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        words = ("mlp", f"source.seed={seed}", "--preset", "tiny", "--name", name)
        assert rockfall(folder, "train", *words).returncode == 0
    done = rockfall(folder, "compare", "one", "two")
    expected = "not comparable: they learned from digits source.seed=1 and digits source.seed=2"
    assert expected in done.stdout
    done = rockfall(folder, "compare", "one", "plays", "--out", "nothing.png")
    assert "not comparable" in done.stdout
    assert "no picture: they log no metric in common" in done.stdout
    assert not (folder / "nothing.png").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "Missing argument"),
        (("tiny",), "`rockfall show tiny`"),
        (("tiny", "runs/tiny"), "names a run twice"),
        (("tiny", "nonsuch"), "no run named nonsuch"),
    ],
)
def test_what_cannot_be_compared(folder: Path, words: tuple[str, ...], expected: str) -> None:
    done = rockfall(folder, "compare", *words)
    assert done.returncode == 2
    assert expected in done.stderr


# The drawings ---------------------------------------------------------------------------------


def test_a_curve_goes_where_its_points_are() -> None:
    rising = [(float(x), float(x)) for x in range(400)]
    image = curves([Panel("rising", "step", [Curve("a", rising)])])
    blue = np.asarray(image).astype(int)
    rows, columns = np.nonzero((blue[..., 2] - blue[..., 0]) > 100)
    assert np.corrcoef(rows, columns)[0, 1] < -0.99  # up is a smaller row
    assert columns.max() - columns.min() > 0.8 * image.width
    assert rows.max() - rows.min() > 0.6 * (image.height - 80)


def test_curves_without_any_spread_can_be_drawn() -> None:
    for points in ([(0.0, 0.0)], [(5.0, 2.0)] * 3, [(0.0, -1e-9), (1.0, 1e12)]):
        assert curves([Panel("flat", "step", [Curve("a", points), Curve("b", points)])]).width > 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.1, 2.4, [0, 0.5, 1, 1.5, 2]),
        (0.78, 0.99, [0.8, 0.85, 0.9, 0.95]),
        (0, 1.6e6, [0, 5e5, 1e6, 1.5e6]),
    ],
)
def test_axes_are_marked_at_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (1500, "1500"), (20_000, "20k"), (1.6e6, "1.6M")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_sparklines_and_bars() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 7, 7], 2) == "▁█"
    assert sparkline([3], 9) == "▁"
    assert bar(1, 4) == "████"
    assert bar(0.5, 4) == "██  "
    assert bar(1 / 32, 4) == "▏   "
    assert bar(0, 4) == "    "


def test_what_all_of_them_made_is_below_the_curves(folder: Path) -> None:
    for name, seed in (("made", "1"), ("made-too", "2")):
        words = ("maker", "--seed", seed, "--name", name)
        assert rockfall(folder, "train", *words).returncode == 0
    assert (
        "wrote made.png"
        in rockfall(folder, "compare", "made", "made-too", "--out", "made.png").stdout
    )
    (folder / "runs/made-too/pictures/samples.png").rename(folder / "away.png")
    rockfall(folder, "compare", "made", "made-too", "--out", "curves.png")
    (folder / "away.png").rename(folder / "runs/made-too/pictures/samples.png")
    both, curves = pixels(folder / "made.png"), pixels(folder / "curves.png")
    height, width, _ = curves.shape
    assert np.array_equal(both[:height], curves) and both.shape[1] == width
    below = both[height + 12 :]
    assert below.shape[0] > 300, "two of them, half as wide each, and their names"
    left, right = below[24:, : width // 2], below[24:, width // 2 :]
    for half, name in ((left, "made"), (right, "made-too")):
        sheet = pixels(folder / f"runs/{name}/pictures/samples.png")
        assert abs(half[half.std(1).mean(1) > 10].mean() - sheet.mean()) < 12, name
    assert not np.array_equal(left, right)


# show PICTURE -----------------------------------------------------------------------------------


def test_a_registered_picture(folder: Path) -> None:
    done = rockfall(folder, "show", "flower", "source.size=64")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("flower: ")
    assert lines[1] == "64 × 43 pixels"
    assert lines[2] == "licence: CC BY 2.0"
    assert lines[-2] == "wrote flower.png"
    assert lines[-1].startswith("next: rockfall train ")
    assert lines[-1].endswith(" flower source.size=64")
    assert pixels(folder / "flower.png").shape == (43, 64, 3)


def test_a_picture_file_is_told_of_and_written_only_if_asked(folder: Path) -> None:
    Image.new("RGB", (12, 8), "red").save(folder / "red.png")
    before = sorted(folder.iterdir())
    done = rockfall(folder, "show", "red.png", "--json")
    assert json.loads(done.stdout)["shape"] == [3, 8, 12]
    assert json.loads(done.stdout)["picture"] is None
    assert sorted(folder.iterdir()) == before
    done = rockfall(folder, "show", "red.png", "--out", "again.png")
    assert "wrote again.png" in done.stdout
    assert (pixels(folder / "again.png") == (255, 0, 0)).all()
