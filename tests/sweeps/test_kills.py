"""Real sweeps, in real processes, killed for real, again and again: nothing is lost or changed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rockfall_sweeps.study import Study
from tests.sweeps.pretending import told

FIXED = "hidden=16 latent=4 epochs=60 batch_size=256"
MODEL = ("autoencoder", *FIXED.split(), "lr=1e-4..1e-1:log")
HOW = ["--trials", "3", "--seeds", "2", "--pruner", "none"]
HOW += ["--checkpoint-every", "0.3", "--name", "s"]


def begin(folder: Path, *how: str) -> subprocess.Popen[bytes]:
    words = ["-m", "rockfall", "sweep", *MODEL, *HOW, *how, "--out", str(folder), "--json"]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, *words],
            stdout=said,
            stderr=said,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )


def finished(folder: Path, *how: str) -> Study:
    code = begin(folder, *how).wait(300)
    assert code == 0, (folder / "said").read_text()[-2000:]
    return Study.open(folder / "s")


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in found.read_text().split()] if found.exists() else []


def trials_of(driver: int) -> list[int]:
    """The processes of its trials, which a child of it forks into, and not that child; none before
    the first.
    """
    return [trial for nursery in children(driver) for trial in children(nursery)]


def some_trial(driver: subprocess.Popen[bytes]) -> list[int]:
    """Its trials, of which there may be none for a moment; none once it has ended."""
    deadline = time.monotonic() + 60
    while not (found := trials_of(driver.pid)) and driver.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def learned(study: Study) -> dict[str, list[dict[str, Any]]]:
    """Every logged line of every run, but for its time."""
    runs = [run for trial in study.trials for run in study.runs_of(trial)]
    return {run.path.name: [{**line, "seconds": 0} for line in run.logged()] for run in runs}


def figures(study: Study) -> dict[str, Any]:
    runs = [run for trial in study.trials for run in study.runs_of(trial)]
    return {run.path.name: (run.result() or {})["figures"] for run in runs}


@pytest.mark.slow
def test_killed_at_any_moment_a_sweep_gives_what_it_would_have(tmp_path: Path) -> None:
    """The driver, or a trial, or both, are killed after some time; then the same command."""
    (tmp_path / "whole").mkdir()
    whole = finished(tmp_path / "whole")
    folder = tmp_path / "killed"
    folder.mkdir()
    chance, kills = random.Random(0), dict.fromkeys(("driver", "trial"), 0)
    for victim in ("trial", "driver", "trial", "trial", "driver", "trial"):
        driver = begin(folder)
        try:
            some_trial(driver)
            time.sleep(chance.uniform(0, 4))
            victims = some_trial(driver) if victim == "trial" else [driver.pid]
            for pid in victims:
                kills[victim] += 1
                with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                    os.kill(pid, signal.SIGKILL)
            time.sleep(chance.uniform(0, 2))
        finally:
            driver.kill()
        if driver.wait() == 0:
            break
    assert kills["driver"] and kills["trial"]
    study = finished(folder)
    assert told(study) == told(whole)
    assert learned(study) == learned(whole)
    assert figures(study) == figures(whole)
    assert study.figures == whole.figures and study.figures["measured_on"] == "test"


@pytest.mark.slow
def test_ctrl_c_stops_tidily_and_no_trial_outlives_its_driver(tmp_path: Path) -> None:
    driver = begin(tmp_path)
    while not (tmp_path / "s" / "trial-0-seed-0" / "run.json").exists():
        time.sleep(0.1)
    time.sleep(1)
    (trial,) = trials_of(driver.pid)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(60) == 130
    said = (tmp_path / "said").read_text()
    assert "the same command goes on with the sweep" in said and "Traceback" not in said
    ends(trial, 10)
    assert (tmp_path / "s" / "trial-0-seed-0" / "checkpoint" / "last.safetensors").exists()


@pytest.mark.slow
def test_a_trial_whose_driver_is_killed_stops_with_a_checkpoint(tmp_path: Path) -> None:
    driver = begin(tmp_path)
    while not (tmp_path / "s" / "trial-0-seed-0" / "run.json").exists():
        time.sleep(0.1)
    (trial,) = trials_of(driver.pid)
    driver.kill()
    driver.wait()
    ends(trial, 60)


@pytest.mark.slow
def test_a_metric_that_no_trial_has_is_one_line(tmp_path: Path) -> None:
    code = begin(tmp_path, "--metric", "acuracy").wait(120)
    said = (tmp_path / "said").read_text().splitlines()
    assert code == 2
    assert said[-1].startswith("rockfall: no trial has a metric acuracy: autoencoder measures ")
    assert "validation_loss" in said[-1]


def ends(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
