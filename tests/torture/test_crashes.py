"""A run that is killed, or whose machine loses its power, between any two operations on files."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import rockfall
from rockfall.run.directory import RunDirectory, all_runs
from rockfall.testing.comparing import difference
from rockfall.testing.complaints import undisturbed
from rockfall.testing.rehearsal import outcome
from tests.torture.filesystem import Log, Moment, logged

SHORT = {"layers": (8,), "epochs": 1, "batch_size": 650}
"""Two steps, two checkpoints on the way, the best one and the last."""


def record(root: Path, forgotten: Callable[[int], bool] = lambda mode: False) -> Log:
    """Train below `root`; what is told: each checkpoint by its name, and the end."""
    with undisturbed(), logged(root, forgotten) as log:

        def tell(event: rockfall.Event) -> None:
            if event.kind in ("checkpoint", "finished"):
                log.told.append((event.kind, Path(event.data.get("path", "")).stem))

        rockfall.train(
            "mlp", config=SHORT, out=root / "runs", listeners=[tell], checkpoint_every=0.0
        )
    return log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def expected(log: Log) -> dict[str, Any]:
    return left_by(log.root / "runs" / "mlp-digits-1")


def left_by(path: Path) -> dict[str, Any]:
    """All that is promised to be the same, the pictures too, and that nothing else is there."""
    result = RunDirectory(path).result()
    assert result is not None
    pictures = {file.name: file.read_bytes() for file in (path / "pictures").iterdir()}
    others = sorted(str(file.relative_to(path)) for file in path.rglob("*"))
    return {**outcome(RunDirectory(path)), "pictures": pictures, "files": others}


def check(folder: Path, moment: Moment, expected: dict[str, Any]) -> bool:
    """What is left goes on to the same end; False if nothing is, and nothing was promised."""
    saved = [name for kind, name in moment.told if kind == "checkpoint"]
    runs = all_runs(folder / "runs")
    if not runs:
        assert not saved, f"after {moment.operation} the run is lost, and its checkpoint"
        return False
    (run,) = runs
    for name in saved:
        assert run.has_checkpoint(name), f"after {moment.operation} checkpoint {name} is lost"
    finished = ("finished", "") in moment.told
    if finished:
        assert not difference(expected["figures"], (run.result() or {}).get("figures"))
        assert {file.name for file in run.pictures.glob("*.png")} == set(expected["pictures"])
    heard: list[rockfall.Event] = []
    resumed = rockfall.resume(run.path, listeners=[heard.append], checkpoint_every=0.0)
    told = [event.data["message"] for event in heard if event.kind == "warning"]
    assert not [message for message in told if "lost lines" in message], told
    if "last" in saved and not finished:
        begun = [event.data["resumed"] for event in heard if event.kind == "started"]
        assert begun != [None], f"after {moment.operation} it began anew"
    where = difference(expected, left_by(resumed.directory.path))
    assert not where, f"after {moment.operation}, resumed, it differs in {where}"
    return True


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with undisturbed():
        yield


def test_the_log_sees_each_flush_and_each_name(log: Log) -> None:
    operations = [moment.operation.split()[0] for moment in log.moments]
    assert operations.count("fsync") >= 20
    assert operations.count("replace") >= 8
    assert log.told.count(("checkpoint", "last")) >= 2
    assert log.told[-1] == ("finished", "")


@pytest.mark.slow
def test_killed_after_any_operation(log: Log, expected: dict[str, Any], tmp_path: Path) -> None:
    """All pictures are there in the end, and nothing that was half written."""
    gone_on = 0
    for number, moment in enumerate(log.moments):
        folder = tmp_path / str(number)
        log.killed(moment, folder)
        gone_on += check(folder, moment, expected)
        shutil.rmtree(folder)
    assert gone_on > len(log.moments) // 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_without_power_after_any_operation(
    log: Log, expected: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    for number, moment in enumerate(log.moments):
        folder = tmp_path / str(number)
        log.without_power(moment, folder, seed if seed <= 1 else 1000 * seed + number)
        check(folder, moment, expected)
        shutil.rmtree(folder)


@pytest.mark.long
def test_some_of_these_crashes(log: Log, expected: dict[str, Any], tmp_path: Path) -> None:
    for number in range(3, len(log.moments), max(1, len(log.moments) // 12)):
        moment = log.moments[number]
        log.killed(moment, tmp_path / f"{number}-killed")
        check(tmp_path / f"{number}-killed", moment, expected)
        log.without_power(moment, tmp_path / str(number), seed=number)
        check(tmp_path / str(number), moment, expected)


def losses(log: Log, expected: dict[str, Any], folder: Path) -> bool:
    """Whether some power cut loses what was promised."""
    for number, moment in enumerate(log.moments):
        for seed in (0, 1):
            left = folder / f"{number}-{seed}"
            log.without_power(moment, left, seed)
            try:
                check(left, moment, expected)
            except (AssertionError, rockfall.RockfallError):
                return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("forgotten", ["folders", "files"])
def test_what_is_not_flushed_is_missed(
    forgotten: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    """The test can fail: without one kind of flush, some crash loses what was promised."""
    (tmp_path / "recorded").mkdir()
    log = record(tmp_path / "recorded", {"folders": stat.S_ISDIR, "files": stat.S_ISREG}[forgotten])
    assert losses(log, expected, tmp_path)


@pytest.mark.slow
def test_metrics_that_are_not_flushed_are_missed(expected: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    with mock.patch("rockfall.run.metrics.Metrics.sync"):
        log = record(tmp_path / "recorded")
    assert losses(log, expected, tmp_path)
