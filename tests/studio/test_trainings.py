"""Child processes that train: begun, followed, stopped and resumed.

Most are stand-ins that say what a training says, for how they are dealt with is the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rockfall import RockfallError, UsageError
from rockfall.cli import rockfall as command_line
from rockfall.verbs import RunDirectory
from rockfall_studio import trainings as module
from rockfall_studio.trainings import EMPTIED, MOST, Training, Trainings

STAND_IN = """
import json, signal, sys, time
def say(event, **more): print(json.dumps({"event": event, **more}), flush=True)
def stop(*_): sys.exit(130)
how = sys.argv[sys.argv.index("--") + 1]
if how == "refuses":
    print("a warning", file=sys.stderr)
    print("rockfall: no model of that name", file=sys.stderr)
    sys.exit(2)
if how == "slow": time.sleep(30)
say("started", run=how)
if how == "goes-on":
    time.sleep(1)
    for step in range(3000): say("progress", step=step)
    open(sys.argv[-1], "w").close()
signal.signal(signal.SIGTERM, stop)
if how == "fails":
    time.sleep(0.3)
    print("rockfall: loss became nan", file=sys.stderr)
    sys.exit(1)
if how == "talks":
    for step in range(40_000): print(json.dumps({"event": "progress", "step": step, "x": "y" * 60}))
    print("{cut off")
if how == "lingers":
    say("progress", step=3, fraction=0.5)
    time.sleep(60)
say("finished")
"""


def within(seconds: float, done: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def trainings(tmp_path: Path) -> Iterator[Trainings]:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    found = Trainings(tmp_path / "runs")
    found.rockfall = (sys.executable, str(script))
    yield found
    for training in found.begun:
        with contextlib.suppress(ProcessLookupError):
            training.process.kill()
        training.process.wait()


def ended(training: Training) -> None:
    within(20, lambda: not training.running)
    within(5, lambda: training.error or training.process.returncode in (0, 130))


def test_one_is_followed_and_stopped_as_ctrl_c_does(trainings: Trainings) -> None:
    training = trainings.train("lingers", [])
    assert training.run == "lingers" and trainings.of("lingers") is training
    within(5, lambda: training.progress.get("fraction") == 0.5)
    trainings.stop("lingers")
    assert training.stopping
    ended(training)
    assert training.process.returncode == 130 and not training.error
    with pytest.raises(UsageError, match="not being trained from here"):
        trainings.stop("lingers")


def test_what_one_that_is_refused_says_is_the_error(trainings: Trainings) -> None:
    with pytest.raises(RockfallError, match=r"^no model of that name$"):
        trainings.train("refuses", [])


def test_what_a_failure_says_is_kept(trainings: Trainings) -> None:
    training = trainings.train("fails", [])
    ended(training)
    assert training.error == "loss became nan"


def test_a_killed_one_is_no_zombie_and_says_so(trainings: Trainings) -> None:
    training = trainings.train("lingers", [])
    training.process.kill()
    ended(training)
    assert "killed" in training.error
    assert not os.path.exists(f"/proc/{training.process.pid}")


def test_one_that_is_stopped_before_it_has_begun_did_not_fail(
    trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NAMED_WITHIN", 0.3)
    training = trainings.train("slow", [])
    assert training.running and not training.run
    training.stop()
    within(5, lambda: not training.running)
    time.sleep(0.3)
    assert not training.error


@pytest.mark.long
def test_one_that_says_much_is_never_waited_for_and_fills_no_disk(trainings: Trainings) -> None:
    training = trainings.train("talks", [])
    ended(training)
    assert training.process.returncode == 0
    within(5, lambda: training.event == "finished")
    assert training.progress["step"] == 39_999  # though more was said than is kept
    assert 2 * EMPTIED < 40_000 * 90


def test_only_so_many_at_once(trainings: Trainings) -> None:
    for _ in range(MOST):
        trainings.train("lingers", [])
    with pytest.raises(RockfallError, match="stop one"):
        trainings.train("lingers", [])
    trainings.close()
    assert not any(training.running for training in trainings.begun)
    trainings.train("refuses-not", [])


def test_files_are_closed_and_the_ended_forgotten(
    trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENDED", 2)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        ended(trainings.train("done", []))
    within(5, lambda: len(os.listdir("/proc/self/fd")) <= before)
    assert len(trainings.begun) <= 3


@pytest.mark.parametrize("word", ["--out=/etc", "-h", "--", "--traceback", "a\0b"])
@pytest.mark.parametrize("place", [0, 1])
def test_no_word_becomes_an_option(trainings: Trainings, word: str, place: int) -> None:
    words = ["done", "digits"]
    words[place] = word
    with pytest.raises(UsageError, match="is no setting"):
        trainings.train(words[0], words[1:])
    assert not trainings.begun


def test_an_options_value_can_be_no_other_option(trainings: Trainings) -> None:
    training = trainings.train("done", ["digits", "lr=1"], {"name": "--out=/etc", "seed": "3"})
    verb, *arguments = training.arguments
    command = command_line.get_command(None, verb)  # type: ignore[arg-type]
    read = command.make_context(verb, list(arguments)).params
    assert read["name"] == "--out=/etc" and read["seed"] == 3 and read["as_json"]
    assert read["out"] == str(trainings.out) and read["words"] == ("digits", "lr=1")


def test_a_run_is_resumed_by_its_absolute_path(
    trainings: Trainings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    training = trainings.resume(RunDirectory(Path("-h")), ["steps=5"])
    assert training.arguments == ("resume", "--json", "--", str(tmp_path / "-h"), "steps=5")
    assert training.run == "-h" and trainings.of("-h") is training


def test_two_threads_begin_no_more_than_there_may_be(trainings: Trainings) -> None:
    refused = []

    def begin() -> None:
        try:
            trainings.train("lingers", [])
        except RockfallError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin) for _ in range(MOST + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3


def test_a_training_goes_on_when_the_studio_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    studio = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from rockfall_studio.trainings import Trainings\n"
            f"t = Trainings(); t.rockfall = (sys.executable, {str(script)!r})\n"
            f"t.train('goes-on', [{str(tmp_path / 'done')!r}])\n"
            "print('begun', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert studio.stdout is not None and studio.stdout.readline() == b"begun\n"
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    studio.stdout.close()
    assert not (tmp_path / "done").exists()
    within(20, (tmp_path / "done").exists)


@pytest.mark.slow
def test_a_real_one_is_stopped_and_goes_on_to_its_end(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path)
    training = trainings.train("mlp", ["digits", "epochs=100000"], {"seed": "3", "preset": "tiny"})
    directory = RunDirectory(tmp_path / training.run)
    assert directory.status == "running" and directory.record().seed == 3
    within(60, lambda: training.progress.get("step", 0) > 10)
    trainings.stop(training.run)
    ended(training)
    assert not training.error and directory.status == "resumable"
    trainings.resume(directory)
    assert directory.status == "running"
    with pytest.raises(RockfallError, match="another process"):
        Trainings(tmp_path).resume(directory)
    trainings.stop(training.run)
    trainings.close()
