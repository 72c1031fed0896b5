"""`rockfall train`, `resume`, `evaluate`, `runs`, as typed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from rockfall.cli import main
from rockfall.errors import UnknownName
from rockfall.kit.console import console

ROCKFALL = [str(Path(sys.executable).with_name("rockfall"))]
SLOWER = ["layers=256,256", "epochs=25"]


def rockfall(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as typed in `folder`, in this process: importing torch anew takes seconds."""
    out, err = io.StringIO(), io.StringIO()
    console.cache_clear()  # a process has one, of the width that its first terminal has
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as exit,
    ):
        main(list(words))
    console.cache_clear()
    code = exit.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    text = (folder / "runs" / name / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(t).items() if k != "seconds"} for t in text.splitlines()]


def figures(folder: Path, name: str) -> Any:
    return json.loads((folder / "runs" / name / "result.json").read_text())["figures"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which `plain` was trained without a stop."""
    path = tmp_path_factory.mktemp("work")
    done = rockfall(path, "train", "mlp", *SLOWER, "--name", "plain")
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.long
def test_the_closing_lines(folder: Path) -> None:
    done = rockfall(folder, "train", "mlp", "--preset", "tiny")
    assert done.returncode == 0
    assert done.stdout.startswith("run mlp-digits-1 is trained: ")
    assert "accuracy 0." in done.stdout
    assert "commonest class" in done.stdout
    assert "next: rockfall classify mlp-digits-1" in done.stdout
    assert "training: mlp on digits (cpu)" in done.stderr


@pytest.mark.long
def test_same_seed_same_figures(folder: Path) -> None:
    for name, seed in (("same", "0"), ("other", "1")):
        rockfall(folder, "train", "mlp", *SLOWER, "--name", name, "--seed", seed)
    assert lines(folder, "same") == lines(folder, "plain")
    assert figures(folder, "same") == figures(folder, "plain")
    assert lines(folder, "other") != lines(folder, "plain")


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_and_resumed_it_is_as_if_it_never_was(folder: Path, how: signal.Signals) -> None:
    name = f"stopped-{how.name.lower()}"
    process = subprocess.Popen(
        [*ROCKFALL, "train", "mlp", *SLOWER, "--name", name, "--checkpoint-every", "0.1"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = folder / "runs" / name / "checkpoint" / "last.safetensors"
    for _ in range(2000):
        if checkpoint.exists():
            break
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(how)
    _, said = process.communicate()
    assert process.returncode == (-how if how == signal.SIGKILL else 130)
    assert not (folder / "runs" / name / "result.json").exists()
    if how != signal.SIGKILL:
        assert f"`rockfall resume {name}` goes on from there" in said
    listed = json.loads(rockfall(folder, "runs", "--json").stdout)
    assert {run["run"]: run["status"] for run in listed}[name] == "resumable"
    resumed = rockfall(folder, "resume", name)
    assert resumed.returncode == 0, resumed.stderr
    assert "going on at step" in resumed.stderr
    assert lines(folder, name) == lines(folder, "plain")
    assert figures(folder, name) == figures(folder, "plain")


@pytest.mark.long
def test_a_damaged_checkpoint_is_refused(folder: Path) -> None:
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", "damaged")
    checkpoint = folder / "runs" / "damaged" / "checkpoint" / "last.safetensors"
    content = bytearray(checkpoint.read_bytes())
    content[-3] ^= 1
    checkpoint.write_bytes(content)
    done = rockfall(folder, "evaluate", "damaged")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "does not match its SHA-256" in done.stderr


@pytest.mark.long
def test_a_finished_run_has_nothing_to_resume_and_says_how_it_ended(folder: Path) -> None:
    before = (folder / "runs" / "plain" / "result.json").read_bytes()
    done = rockfall(folder, "resume", "plain")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("run plain is trained: ")
    assert "accuracy 0." in done.stdout
    assert (folder / "runs" / "plain" / "result.json").read_bytes() == before


def test_events_for_programs(folder: Path) -> None:
    done = rockfall(folder, "train", "mlp", "--preset", "tiny", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "finished"
    assert 0 < events[-1]["result"]["figures"]["test accuracy"]["value"] <= 1
    assert done.stderr == ""


def test_evaluate_repeats_the_result(folder: Path) -> None:
    done = rockfall(folder, "evaluate", "plain", "--json")
    assert json.loads(done.stdout)["figures"] == figures(folder, "plain")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "mpl"], 2, "no model named mpl; did you mean mlp?"),
        (["train", "mlp", "digit"], 2, "did you mean digits?"),
        (["train", "mlp", "layer=3"], 2, "no setting named layer; did you mean layers?"),
        (["train", "mlp", "digits", "source.sede=1"], 2, "no option sede; did you mean seed?"),
        (["train", "mlp", "falling-rocks-8x8"], 2, "mlp learns from labelled-pictures"),
        (["train", "reinforce", "digits"], 2, "reinforce learns from continuous-actions or"),
        (["train", "pqn", "Pendulum-v1"], 2, "pqn learns from discrete-actions"),
        (["train", "pqn", "Pendulum-v1"], 2, "from which a2c, ppo, reinforce, sac learn"),
        (["train", "mlp", "--preset", "tyni"], 2, "no preset tyni; did you mean tiny?"),
        (["train", "mlp", "--device", "gpu"], 2, "no device gpu here"),
        (["train", "mlp", "--precision", "float8"], 2, "no precision float8"),
        (["train", "mlp", "--seed", "-1"], 2, "-1"),
        (["train", "mlp", "--name", "a/b"], 2, "use letters, digits"),
        (["train", "mlp", "--name", "plain"], 2, "rockfall resume plain"),
        (["train", "mlp", "lr=0", "epochs=0"], 2, "epochs"),
        (["train", "mlp", "name=x"], 2, "no setting named name"),
        (["train", "mlp", "digits", "more"], 2, "not key=value"),
        (["resume", "plian"], 2, "did you mean plain?"),
        (["evaluate", "nothing-like-it"], 2, "no run named nothing-like-it"),
        (["trian", "mlp"], 2, "did you mean train?"),
        (["train", "mlp", "--nmae", "x"], 2, "--name"),
        (["train", "mlp", "lr=1", "lr=2"], 2, "lr is given twice"),
        (["train", "mlp", ".lr=1"], 2, "write a model's setting as key=value"),
        (["train", "mlp", "--name", "last"], 2, "always means the newest run"),
        (["train", "dqn", "CartPole-v9"], 2, "did you mean CartPole-v"),
        (
            ["train", "pqn", "envs=100000000"],
            2,
            "envs: input should be less than or equal to 65536",
        ),
        (["train"], 2, "MODEL"),
        (["info", "mpl"], 2, "did you mean mlp?"),
    ],
)
def test_mistakes_are_one_line(folder: Path, words: list[str], code: int, said: str) -> None:
    before = sorted((folder / "runs").iterdir())
    done = rockfall(folder, *words)
    assert said in done.stderr
    assert done.stderr.startswith("rockfall: ")
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (code, "")
    assert sorted((folder / "runs").iterdir()) == before


def test_traceback_shows_the_rest(folder: Path) -> None:
    with contextlib.chdir(folder), pytest.raises(UnknownName):
        main(["train", "mpl", "--traceback"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = rockfall(tmp_path, "train", "mlp", "--preset", "tiny")
    assert done.returncode == 1
    assert "can't make a run in runs: Permission denied" in done.stderr


def test_a_runs_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    done = rockfall(tmp_path, "train", "mlp", "--preset", "tiny")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "can't make a run in runs" in done.stderr


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_and_resumable(folder: Path) -> None:
    """No file may grow: as when a disk fills up while training."""
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", "full")
    run = folder / "runs" / "full"
    for path in (run / "result.json", run / "metrics.jsonl", run / "checkpoint/last.safetensors"):
        path.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        done = rockfall(folder, "resume", "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.returncode, done.stderr.count("rockfall: ")) == (1, 1)
    assert "metrics.jsonl: File too large" in done.stderr
    assert not (run / "result.json").exists()
    assert rockfall(folder, "resume", "full").returncode == 0


@pytest.mark.parametrize("verb", [["list"], ["info", "mlp"], ["info", "digits"], ["runs"], []])
def test_narrow_and_without_colour(folder: Path, verb: list[str]) -> None:
    done = rockfall(folder, *verb, COLUMNS="40", NO_COLOR="1", TERM="dumb")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


def test_json_of_each_listing(folder: Path) -> None:
    assert {m["name"] for m in json.loads(rockfall(folder, "list", "--json").stdout)["models"]} >= {
        "mlp",
        "reinforce",
    }
    info = json.loads(rockfall(folder, "info", "mlp", "--json").stdout)
    assert info["settings"][0]["name"] == "epochs"  # what all classifiers share, and then its own
    runs = json.loads(rockfall(folder, "runs", "--json").stdout)
    assert next(r for r in runs if r["run"] == "plain")["figures"]["test accuracy"] > 0.9


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which `rockfall` is the command."""
    rockfall = f"{sys.executable} -c 'from rockfall.cli import main; main()'"
    return subprocess.run(
        ["bash", "-c", f'rockfall() {{ {rockfall} "$@"; }}; {line}'],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.long
@pytest.mark.parametrize("verb", ["runs", "info mlp", "train mlp --preset tiny --json"])
def test_nobody_listens(folder: Path, verb: str) -> None:
    done = shell(folder, f"rockfall {verb} >&- <&-")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("verb", ["info digits", "evaluate plain"])
def test_letters_that_the_terminal_lacks(folder: Path, verb: str) -> None:
    done = shell(folder, f"rockfall {verb}", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "two\nlines"], "no source two lines"),
        (["info", "./gone"], "no source ./gone: there is no such file or folder"),
        (["train", "mlp", "/gone"], "no source /gone: there is no such file or folder"),
        (["resume", "x" * 5000], "no run named"),
        (["train", "mlp", "--name", "x" * 300], "File name too long"),
        (["new-plugin", "x" * 300], "File name too long"),
        (["evaluate", "plain", "--seed", str(2**70)], "--seed"),
        (["play", "random", "--seed", str(2**70)], "--seed"),
        (["nosuchverb"], "`rockfall --help`"),
    ],
)
def test_more_mistakes_are_one_line(folder: Path, words: list[str], said: str) -> None:
    done = rockfall(folder, *words)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "--traceback" not in done.stderr


def test_one_run_that_can_not_be_read_hides_no_other(folder: Path, tmp_path: Path) -> None:
    done = rockfall(folder, "train", "mlp", "--preset", "tiny", "--out", str(tmp_path))
    assert done.returncode == 0
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "locked").mkdir(mode=0)  # to all but root
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{}")
    (tmp_path / "odd2").mkdir()
    (tmp_path / "odd2" / "run.json").write_bytes((tmp_path / "mlp-digits-1/run.json").read_bytes())
    (tmp_path / "odd2" / "result.json").write_text("[1]")
    done = rockfall(folder, "runs", "--json", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    statuses = {run["run"]: run["status"].partition(":")[0] for run in json.loads(done.stdout)}
    assert statuses == {"mlp-digits-1": "finished", "odd": "damaged", "odd2": "damaged"}


@pytest.mark.long
def test_a_run_elsewhere_is_named_so_that_it_is_found(folder: Path, tmp_path: Path) -> None:
    where = str(tmp_path / "mlp-digits-1")
    done = rockfall(folder, "train", "mlp", "--preset", "tiny", "--out", str(tmp_path))
    assert f"rockfall show {where}" in done.stdout
    (tmp_path / "mlp-digits-1" / "result.json").unlink()
    done = rockfall(folder, "resume", where, "--checkpoint-every", "1")
    assert f"rockfall show {where}" in done.stdout
    done = rockfall(folder, "resume", where)
    assert f"rockfall show {where}" in done.stdout
    done = rockfall(folder, "evaluate", where)
    assert f"rockfall show {where}" in done.stdout


@pytest.mark.long
def test_it_goes_on_on_a_device_that_is_here(folder: Path, tmp_path: Path) -> None:
    where = tmp_path / "mlp-digits-1"
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--out", str(tmp_path))
    (where / "result.json").unlink()
    record = json.loads((where / "run.json").read_text())
    (where / "run.json").write_text(json.dumps({**record, "device": "cuda:99"}))
    done = rockfall(folder, "resume", str(where))
    assert done.returncode == 2
    assert "no device cuda:99 here" in done.stderr
    done = rockfall(folder, "resume", str(where), "--device", "nonsense")
    assert done.returncode == 2
    assert "no device nonsense here" in done.stderr
    done = rockfall(folder, "resume", str(where), "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "begun on cuda:99, it goes on on cpu" in done.stderr
