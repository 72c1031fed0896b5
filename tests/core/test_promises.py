"""What a verb that trains promised to write, and was stopped: `rockfall resume` writes it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner

import rockfall
from rockfall.cli import rockfall as cli
from rockfall.errors import Interrupted, RockfallError
from rockfall.run.directory import RunDirectory
from rockfall.verbs import promising
from rockfall.verbs.promises import Promise, keep_promise
from tests.core.test_cli_train import ROCKFALL

QUICK = ("network=grid", "hidden=8", "levels=2")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of promises, in an empty working directory."""
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path / "state" / "promises"


def promises(state: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in state.glob("*.json")]


def said(*words: str) -> str:
    done = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def stopped(promise: Promise, out: Path = Path("runs")) -> RunDirectory:
    """A run that was killed before its first step, and owes something."""

    def die(event: rockfall.Event) -> None:
        if event.kind == "started":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        rockfall.train(
            "painter", "flower", preset="tiny", listeners=[die], out=out, promised=promise
        )
    return RunDirectory(next(out.iterdir()))


@pytest.mark.long
def test_what_is_written_is_no_longer_owed(state: Path) -> None:
    said("paint", "flower", "--preset", "tiny", "--out", "a.png", "--gif", "a.gif")
    assert Path("a.png").exists()
    assert promises(state) == []


@pytest.mark.long
def test_resume_writes_what_was_promised_where_it_was(
    state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, gif = Path("a.png").resolve(), Path("b.gif").resolve()
    run = stopped(Promise("paint", ["--size", "40", "--out", str(out), "--gif", str(gif)]))
    half = out.with_name(".writing-a.png.k1ll3d")
    half.write_bytes(b"half")
    path = run.path.resolve()
    assert len(promises(state)) == 1
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    events = [json.loads(line) for line in said("resume", str(path), "--json").splitlines()]
    assert [event["event"] for event in events[-2:]] == ["finished", "paint"]
    assert events[-1]["picture"] == str(out)
    assert out.exists()
    assert gif.exists()
    assert not half.exists()
    assert promises(state) == []
    (finished,) = said("resume", str(path), "--json").splitlines()
    assert json.loads(finished)["event"] == "finished"


@pytest.mark.long
def test_a_folder_that_was_sent_makes_nobody_write(state: Path) -> None:
    """Not with the same run.json elsewhere, nor with another in the same place."""
    mine = stopped(Promise("paint", ["--out", str(Path("a.png").resolve())]))
    rockfall.resume(mine.path, listeners=[])
    sent = RunDirectory(shutil.copytree(mine.path, Path("sent")))
    keep_promise(sent)
    record = mine.record_file.read_bytes()
    mine.record_file.write_bytes(record.replace(b'"seed": 0', b'"seed": 1'))
    keep_promise(mine)
    assert not Path("a.png").exists()
    mine.record_file.write_bytes(record)
    keep_promise(mine)
    assert Path("a.png").exists()


@pytest.mark.long
def test_a_promise_that_can_not_be_kept_stays(state: Path) -> None:
    Path("there").mkdir()
    run = stopped(Promise("paint", ["--out", str(Path("there/a.png").resolve())]))
    Path("there").rmdir()
    rockfall.resume(run.path, listeners=[])
    with pytest.raises(RockfallError, match="there is no folder"):
        keep_promise(run)
    Path("there").mkdir()
    keep_promise(run)
    assert Path("there/a.png").exists()


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"run": 1}', "\0", '{"verb": "paint"}'])
def test_a_damaged_promise_is_said(state: Path, damage: str) -> None:
    run = stopped(Promise("paint", []))
    (file,) = state.glob("*.json")
    file.write_text(damage)
    with pytest.raises(RockfallError, match=rf"{file} is damaged"):
        keep_promise(run)


def test_promises_of_runs_that_are_gone_are_forgotten(state: Path) -> None:
    gone = stopped(Promise("paint", []))
    gone.remove()
    stopped(Promise("paint", ["--size", "7"]), Path("others"))
    (left,) = promises(state)
    assert left["options"] == ["--size", "7"]


def test_a_run_that_is_refused_owes_nothing(state: Path) -> None:
    with (
        mock.patch("rockfall.completing._fit", side_effect=RockfallError("not this one")),
        pytest.raises(RockfallError),
        promising("paint", size=3) as promised,
    ):
        rockfall.train("mlp", preset="tiny", out="runs", listeners=[], promised=promised)
    assert promised.directory
    assert promises(state) == []


def test_a_promise_that_can_not_be_noted_is_said(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state.parent.write_text("no folder")
    run = stopped(Promise("paint", []))
    assert f"`rockfall paint {run.name}` writes" in capsys.readouterr().err
    keep_promise(run)


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(
    "verb",
    [
        ("paint", "flower", "--size", "30"),
        ("stylize", "flower", "--style", "china", "--size", "30"),
    ],
)
def test_stopped_in_any_way_it_is_written_by_resume(
    state: Path, how: signal.Signals, verb: tuple[str, ...]
) -> None:
    process = subprocess.Popen(
        [*ROCKFALL, *verb, "--out", "a.png", "--gif", "a.gif", "--checkpoint-every", "0.05"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(6000):
        if list(Path().glob("runs/*/checkpoint/last.safetensors")) or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(how)
    _, told = process.communicate()
    assert process.returncode == (-how if how == signal.SIGKILL else 130), told
    assert not Path("a.png").exists()
    (run,) = Path("runs").iterdir()
    subprocess.run([*ROCKFALL, "resume", run.name], check=True, capture_output=True)
    assert Path("a.png").exists()
    assert Path("a.gif").exists()
    assert promises(state) == []
