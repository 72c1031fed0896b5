"""What is said and drawn of a sweep, live and afterwards."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from rockfall import RockfallError
from rockfall.cli import rockfall as command
from rockfall_sweeps.page import SweepPage
from rockfall_sweeps.request import JOURNAL, WINNER
from rockfall_sweeps.table import TrialTable
from rockfall_sweeps.trial import Job
from tests.sweeps.pretending import Pretended, bowl, drive, request


def unlucky(job: Job, rung: int) -> float:
    if job.name == "trial-3":
        raise RuntimeError("Diverged: loss is nan")
    return bowl(job, rung)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("runs") / "s"
    asked = request(settings={"epochs": "3"}, source_options={"classes": "5"})
    drive(found, asked, Pretended(outcome=unlucky), trials=20)
    figure = {"value": 0.9, "error": 0.01, "baselines": {}}
    (found / WINNER).write_text(
        json.dumps({"trial": 0, "measured_on": "test", "seeds": 1, "figures": {"accuracy": figure}})
    )
    return found


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def shown(*words: str) -> Any:
    return CliRunner().invoke(command, list(words))


def test_the_best_settings_are_a_command_and_the_rest_is_said(folder: Path) -> None:
    said = shown("show", str(folder)).output
    page = SweepPage(folder)
    best = page.study.best
    assert best is not None
    line = next(line for line in said.splitlines() if "rockfall train" in line)
    assert line.strip() == (
        f"rockfall train mlp digits epochs=3 lr={best.params['lr']} "
        f"batch_size={best.params['batch_size']} source.classes=5"
    )
    assert "trial 3 failed: Diverged: loss is nan" in said
    assert "pruned" in said and "importance: lr" in said
    assert "trial 0 on test, which nothing else looked at:" in said and "accuracy 0.9" in said


def test_pictures_are_written_and_the_page_holds_them(folder: Path) -> None:
    assert shown("show", str(folder)).exit_code == 0
    names = {path.stem for path in (folder / "pictures").glob("*.png")}
    assert {"history", "importance", "slices", "parallel", "sweep"} <= names
    whole = size(folder / "pictures" / "sweep.png")
    parts = [size(folder / "pictures" / f"{name}.png") for name in ("slices", "parallel")]
    assert whole[1] > sum(part[1] for part in parts)
    out = folder.parent / "some.png"
    assert shown("show", str(folder), "--out", str(out)).exit_code == 0
    assert size(out) == whole


def test_json_has_every_trial(folder: Path) -> None:
    data = json.loads(shown("show", str(folder), "--json").output)
    assert [each["trial"] for each in data["trials"]] == list(range(20))
    assert data["trials"][3]["state"] == "fail" and data["trials"][3]["reason"]
    best = data["trials"][data["best"]]
    assert best["value"] == max(t["value"] for t in data["trials"] if t["state"] == "complete")
    assert sum(data["importances"].values()) == pytest.approx(1)
    assert data["importances"]["lr"] > 0.5


def test_runs_lists_it_and_one_that_is_damaged(folder: Path) -> None:
    listed = json.loads(shown("runs", "--out", str(folder.parent), "--json").output)
    (row,) = [each for each in listed if each["run"] == "s"]
    assert row["model"] == "sweep of mlp" and "finished" in row["status"]
    broken = folder.parent / "broken"
    broken.mkdir()
    (broken / "sweep.json").write_bytes((folder / "sweep.json").read_bytes())
    (broken / JOURNAL).write_text("nothing\n")
    try:
        said = shown("runs", "--out", str(folder.parent))
        assert said.exit_code == 0 and "damaged" in said.output and "mlp" in said.output
        refused = shown("show", str(broken))
        assert "journal.log is damaged: line 1" in str(refused.exception)
        (broken / "sweep.json").write_text("{")
        assert shown("runs", "--out", str(folder.parent)).exit_code == 0
    finally:
        for path in (broken / JOURNAL, broken / "sweep.json"):
            path.unlink()
        broken.rmdir()


def test_a_sweep_of_which_nothing_has_finished(tmp_path: Path) -> None:
    drive(tmp_path / "s", request(), trials=None, seconds=0.0)
    said = shown("show", str(tmp_path / "s"))
    assert said.exit_code == 0 and "nothing yet" in said.output


@pytest.mark.parametrize("name", ["~nobody-has-this-name", "a" * 5000, "a\0b", "", "/", "no/such"])
def test_what_can_be_no_folder_is_one_line(name: str) -> None:
    said = shown("show", name)
    assert said.exit_code != 0 and isinstance(said.exception, RockfallError | SystemExit)


def test_the_name_of_a_dataset_wins_over_that_of_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKFALL_RUNS", str(tmp_path))
    for name in ("digits", "mine"):
        drive(tmp_path / name, request(), Pretended(outcome=bowl), trials=2)
    assert "best" in shown("show", "mine").output
    said = shown("show", "digits", "--out", str(tmp_path / "digits.png")).output
    assert "examples: " in said
    assert "best" in shown("show", str(tmp_path / "digits")).output


def test_the_live_table_has_all_that_run_and_the_best_of_the_others() -> None:
    console = Console(width=100, height=24, force_terminal=True, file=io.StringIO())
    table = TrialTable(console)
    space = {"lr": "1e-4..1e-2"}
    table(
        "sweep",
        {
            "name": "s",
            "model": "mlp",
            "source": "digits",
            "space": space,
            "metric": "loss",
            "lowest": True,
            "begun": 0,
        },
    )
    for number in range(100):
        about = {"trial": number, "settings": {"lr": 0.001 * number}}
        table("begun", {"run": f"trial-{number}", **about})
        if number < 98:
            table("trial", {**about, "state": "complete", "reason": "", "value": 100.0 - number,
                            "error": 0.5})  # fmt: skip
    table("progress", {"run": "trial-99", **about, "fraction": 0.5, "metrics": {}})
    shown_table = table.table()
    table.close()
    with console.capture() as said:
        console.print(shown_table)
    lines = said.get().splitlines()
    assert len(lines) <= 24
    assert "2 running, 98 complete" in lines[0]
    assert any("99" in line and "50 %" in line for line in lines)
    assert any(line.strip().startswith("97 ") and "best" in line for line in lines)
    assert not any(line.strip().startswith("0 ") for line in lines)
