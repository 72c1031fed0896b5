"""`--devices 2`: two processes of this machine, killed, stopped and restarted, against one that was
never stopped; and every model that declares it, against one process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rockfall.errors import RockfallError, UsageError
from rockfall.kit import launching
from rockfall.kit.checkpoint import read
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import undisturbed
from rockfall.testing.parallel import check_parallel, compare, resume_together
from rockfall.testing.rehearsal import copy_of, outcome
from rockfall.training import train

PATIENCE = 240.0
COMMAND = sys.executable, "-m", "rockfall"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@contextlib.contextmanager
def started(folder: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def said(process: subprocess.Popen[str]) -> list[str]:
    """The lines about what went wrong, once it has ended."""
    _, words = process.communicate(timeout=PATIENCE)
    return [line for line in words.splitlines() if line.startswith("rockfall: ")]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.02)


def children(process: subprocess.Popen[str]) -> list[int]:
    """In the order in which they were started: by rank."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
    )
    return sorted(map(int, found.stdout.split()))


def run_of(folder: Path, name: str) -> RunDirectory:
    return RunDirectory(folder / "runs" / name)


MODELS = [entry.full_name for entry in registry().models]
ALONE = {
    *("a2c", "beta-tc-vae", "dbn", "dqn", "evolve", "fast-style", "gatys", "iwae", "mu-ssrbm"),
    *("ppo", "rbm", "sac", "ssrbm", "td3"),
}
"""Those that say why they learn on one device alone; all others learn on two."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_two_processes_learn_what_one_does(name: str) -> None:
    """Or it says why not."""
    said = ""
    try:
        check_parallel(name)
    except (UsageError, AssertionError) as refused:
        said = str(refused)
    assert not said or " learns on one device alone: " in said
    assert bool(said) == (name.partition(":")[2] in ALONE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("mlp", "digits", "epochs=40"),
        ("vae", "digits", "epochs=20"),
        ("pqn", "falling-rocks-8x8", "steps=60000", "normalize_observations=true"),
    ],
)
def test_killed_and_resumed_it_ends_as_one_that_was_never_stopped(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    common = (*COMMAND, "train", *words, "--devices", "2", "--checkpoint-every", "0.2", "--name")
    subprocess.run((*common, "whole"), cwd=tmp_path, env=ENVIRONMENT, check=True)
    for rank in (0, 1):
        name = f"killed-{rank}"
        with started(tmp_path, *common, name) as process:
            wait_for(run_of(tmp_path, name).checkpoint("last"))
            os.kill(children(process)[rank], signal.SIGKILL)
            (line,) = said(process)
        assert process.returncode == 1
        assert "rockfall resume" in line
        again = (*COMMAND, "resume", name)
        subprocess.run(again, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
        ours, theirs = (outcome(run_of(tmp_path, each)) for each in ("whole", name))
        assert not difference(ours, theirs)
    whole = run_of(tmp_path, "whole")
    assert whole.record().devices == 2
    assert len(read(whole.checkpoint("last"))["ranks"]) == 1


@pytest.mark.slow
def test_stopped_by_a_signal_in_one_line_and_resumed_on_one_device(tmp_path: Path) -> None:
    command = (*COMMAND, "train", "mlp", "digits", "epochs=100000", "--devices", "2")
    with started(tmp_path, *command, "--name", "stopped", "--checkpoint-every", "0.2") as process:
        wait_for(run_of(tmp_path, "stopped").checkpoint("last"))
        process.send_signal(signal.SIGINT)
        (line,) = said(process)
    assert process.returncode == 130
    assert line.endswith("`rockfall resume stopped` goes on from there")
    with started(tmp_path, *COMMAND, "resume", "stopped", "--devices", "1", "--json") as process:
        assert process.stdout is not None
        warned = next(line for line in process.stdout if '"warning"' in line)
        assert "learned on 2 devices, not on 1 device: its figures will be alike" in warned
        process.send_signal(signal.SIGINT)
        said(process)


@pytest.mark.slow
def test_torchrun_starts_it_again_after_a_kill(tmp_path: Path) -> None:
    words = "train", "mlp", "digits", "epochs=40", "--checkpoint-every", "0.2", "--name"
    whole = (*COMMAND, *words, "whole", "--devices", "2")
    subprocess.run(whole, cwd=tmp_path, env=ENVIRONMENT, check=True)
    torchrun = sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "2"
    command = (*torchrun, "--nproc-per-node", "2", "-m", "rockfall", *words, "restarted")
    with started(tmp_path, *command) as process:
        wait_for(run_of(tmp_path, "restarted").checkpoint("last"))
        os.kill(children(process)[-1], signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    ours, theirs = (outcome(run_of(tmp_path, each)) for each in ("whole", "restarted"))
    assert not difference(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rbm", "digits"), "rbm learns on one device alone: its updates"),
        (("ppo", "CartPole-v1"), "ppo learns on one device alone: stable-baselines3"),
        (("vae", "digits", "lr=1"), "a smaller learning rate often helps"),
        (("reinforce", "falling-rocks-8x8", "envs=7"), "7 environments can't be shared by 2"),
        (("mlp", "digits", "epochs=no"), "epochs: input should be a valid integer"),
    ],
)
def test_what_is_refused_or_fails_is_said_in_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with started(tmp_path, *COMMAND, "train", *words, "--devices", "2") as process:
        (line,) = said(process)
    assert process.returncode in (1, 2)
    assert message in line


@pytest.mark.slow
def test_fewer_examples_than_processes(tmp_path: Path) -> None:
    """Batches of one and of three examples for four processes: each learns from all of them."""
    asked = {"preset": "tiny", "epochs": 1, "batch_size": 1, "batches": 3, "listeners": []}
    record = train("mlp", out=tmp_path / "asked", **asked).record  # type: ignore[arg-type]
    with undisturbed():
        compare(record, tmp_path)
        four = copy_of(replace(record, devices=4), tmp_path)
        resume_together(four.path, devices=4)
    assert len(read(four.checkpoint("last"))["ranks"]) == 3


def launched(monkeypatch: pytest.MonkeyPatch, code: str) -> int:
    """What `launch` makes of two processes that run this, their rank being in `RANK`."""
    start = subprocess.Popen

    def popen(command: list[str], **how: object) -> subprocess.Popen[bytes]:
        return start([sys.executable, "-S", "-c", f"import os, sys, time; {code}"], **how)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(launching, "GRACE", 0.5)
    return launching.launch(2, [])


FIRST = "rank = int(os.environ['RANK'])"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(0)", 0),
        ("sys.exit(2)", 2),
        (f"{FIRST}; sys.exit(130 if rank else 3)", 3),
        (f"{FIRST}; rank or time.sleep(0.2); sys.exit(1)", 1),
        (f"{FIRST}; sys.exit(rank)", "rank 1: it ended without a word"),
        (
            f"{FIRST}; rank or time.sleep(60); sys.exit('rockfall: no device cuda:1 here')",
            "rank 1: no device cuda:1 here",
        ),
        (
            f"{FIRST}; rank or os.kill(os.getpid(), 9); time.sleep(60)",
            "rank 0 was killed (SIGKILL)",
        ),
        (f"{FIRST}; rank and os.kill(os.getpid(), 9); time.sleep(60)", "rank 1 was killed"),
    ],
)
def test_what_a_process_leaves_is_told_once(
    code: str, expected: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(expected, int):
        assert launched(monkeypatch, code) == expected
    else:
        with pytest.raises(RockfallError) as error:
            launched(monkeypatch, code)
        assert expected in str(error.value)
