"""Home's asks: runs, their curves and pictures, and what is offered to begin with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rockfall import UnknownName, UsageError
from rockfall.plugin import registry
from rockfall.verbs import RunDirectory
from rockfall_studio.asks import Answer
from rockfall_studio.studio import Studio
from rockfall_studio.trainings import Trainings
from tests.studio.conftest import Asking


@pytest.fixture
def run(studio: Studio, trained: Callable[[str], Path]) -> RunDirectory:
    """A run that tests may change."""
    assert studio.out is not None
    path = studio.out / "lenet5"
    shutil.copytree(trained("lenet5"), path)
    return RunDirectory(path)


def answer(stream: Iterator[Answer | None]) -> Answer:
    """The next there is, without waiting."""
    found = next(stream)
    assert found is not None
    return found


def test_without_runs_there_is_a_model_to_begin_with(asking: Asking) -> None:
    assert asking("home.runs").data == {"runs": []}
    offers = asking("home.offers").data
    first = registry().models.find(offers["first"])
    assert registry().source(first.spec.default_source) is not None  # nothing is downloaded
    assert [model["name"] for model in offers["models"]] == [
        registry().models.shown_name(entry) for entry in registry().models.as_registered()
    ]


@pytest.mark.long
def test_a_run_is_described_with_its_figures_and_capabilities(
    asking: Asking, run: RunDirectory
) -> None:
    (found,) = asking("home.runs").data["runs"]
    assert (found["name"], found["model"], found["source"]) == ("lenet5", "lenet5", "digits")
    assert found["status"] == "finished" and found["ready"] and not found["elsewhere"]
    assert "classifies" in found["capabilities"]
    assert found["figures"]["test accuracy"]["baselines"]
    assert found["address"] == str(run.path)
    json.dumps(found)


def test_a_damaged_run_says_so_and_hides_no_other(
    asking: Asking, run: RunDirectory, studio: Studio
) -> None:
    assert studio.out is not None
    (studio.out / "broken").mkdir()
    (studio.out / "broken" / "run.json").write_text("{")
    by_name = {each["name"]: each for each in asking("home.runs").data["runs"]}
    assert by_name["broken"]["status"] == "damaged" and "damaged" in by_name["broken"]["error"]
    assert by_name["lenet5"]["status"] == "finished"


def test_a_run_that_another_process_trains_says_so(asking: Asking, run: RunDirectory) -> None:
    with run.lock():
        (found,) = asking("home.runs").data["runs"]
        assert found["status"] == "running" and found["elsewhere"]
        with pytest.raises(UsageError, match="Ctrl-C stops it where it was begun"):
            asking("train.stop", run="lenet5")


def test_watching_tells_what_has_changed_and_nothing_else(
    asking: Asking, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rockfall_studio.board.FRESH", 0.0)
    watching = asking.stream("home.watch")
    assert answer(watching).data["runs"][0]["status"] == "finished"
    assert next(watching) is None

    def never(self: RunDirectory) -> Any:
        raise AssertionError("read again though nothing was written")

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "record", never)
        assert next(watching) is None
    run.result_file.unlink()
    assert answer(watching).data["runs"][0]["status"] == "resumable"
    shutil.rmtree(run.path)
    assert answer(watching).data["runs"] == []
    watching.close()  # type: ignore[attr-defined]


def test_why_a_training_failed_is_said_in_one_line(
    asking: Asking, run: RunDirectory, studio: Studio
) -> None:
    run.result_file.unlink()

    class Failed:
        run, running, error = "lenet5", False, "loss became nan at step 3"

    studio.trainings.begun.append(Failed())  # type: ignore[arg-type]
    assert asking("home.runs").data["runs"][0]["said"] == "loss became nan at step 3"
    studio.trainings.begun.clear()


def test_a_training_that_left_no_run_says_why(asking: Asking, studio: Studio) -> None:
    class Failed:
        run, running, error = "gone-1", False, "out of memory: take smaller batches"

    studio.trainings.begun += [Failed(), Failed()]  # type: ignore[list-item]
    (found,) = asking("home.runs").data["runs"]
    assert (found["name"], found["status"], found["error"]) == ("gone-1", "failed", Failed.error)
    studio.trainings.begun.clear()


def test_curves_come_and_grow(asking: Asking, run: RunDirectory) -> None:
    following = asking.stream(
        "home.curves", runs=["lenet5"], metrics=["train loss"], smoothing=0.5, points=20
    )
    first = answer(following)
    logged = [line for line in run.lines() if "train loss" in line]
    assert first.data["run"] == "lenet5" and "validation accuracy" in first.data["metrics"]
    assert {"step", "seconds"} <= set(first.data["axes"]) and not first.data["error"]
    (curve,) = first.data["curves"]
    raw, smooth = first.planes[curve["raw"]], first.planes[curve["smooth"]]
    assert raw.dtype == np.float32 and 10 < raw.shape[1] <= 20 and raw.shape[0] == 2
    assert raw[1].max() == np.float32(max(line["train loss"] for line in logged))
    assert smooth[1].max() < raw[1].max()
    assert next(following) is None
    assert next(following) is None
    last = logged[-1]["step"]
    with run.metrics_file.open("a") as file:
        file.write(json.dumps({"step": last + 1, "seconds": 99.0, "train loss": 50.0}) + "\n")
    grown = answer(following)
    assert grown.planes[0][:, -1].tolist() == [last + 1, 50.0]
    assert next(following) is None


def test_curves_of_a_damaged_file_end_in_words(asking: Asking, run: RunDirectory) -> None:
    with run.metrics_file.open("a") as file:
        file.write("no JSON\n")
    following = asking.stream("home.curves", runs=["lenet5"], metrics=["train loss"])
    assert "damaged" in answer(following).data["error"]
    assert next(following) is None


def test_curves_of_a_run_that_there_is_not_are_refused(asking: Asking) -> None:
    with pytest.raises(UnknownName):
        next(asking.stream("home.curves", runs=["../elsewhere"]))


def test_pictures_are_listed_and_given_byte_for_byte(asking: Asking, run: RunDirectory) -> None:
    (run.pictures / "weights-7.png").write_bytes(b"seven")
    (run.pictures / "weights-12.png").write_bytes(b"twelve")
    (run.pictures / "film.gif").write_bytes(b"GIF89a")
    found = asking("home.pictures", run="lenet5").data["pictures"]
    of_steps = [(each["of"], each["step"]) for each in found if each["step"] is not None]
    assert of_steps == sorted(of_steps) and {("weights", 7), ("weights", 12)} <= set(of_steps)
    assert [each["step"] is None for each in found] == sorted(
        (each["step"] is None for each in found), reverse=True
    )
    for each in found:
        given = asking("home.picture", run="lenet5", name=each["name"])
        assert given.planes[0].tobytes() == (run.pictures / each["name"]).read_bytes()
        assert given.data["type"] == ("image/gif" if each["name"] == "film.gif" else "image/png")


@pytest.mark.parametrize(
    "name", ["../run.json", "run.json", "/etc/passwd", "link.png", "", "pipe.png", "more.txt"]
)
def test_no_other_file_is_given(
    asking: Asking, run: RunDirectory, name: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (run.pictures / "link.png").symlink_to(tmp_path / "secret.png")
    (run.pictures / "more.txt").write_text("more")
    os.mkfifo(run.pictures / "pipe.png")
    with pytest.raises(UnknownName):
        asking("home.picture", run="lenet5", name=name)
    listed = asking("home.pictures", run="lenet5").data["pictures"]
    assert name not in [each["name"] for each in listed]


def test_a_folder_without_pictures_has_none(asking: Asking, run: RunDirectory) -> None:
    shutil.rmtree(run.pictures)
    assert asking("home.pictures", run="lenet5").data == {"pictures": []}


def test_what_a_run_was_asked_for_trains_the_same_again(
    asking: Asking, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking("train.run", run="lenet5").data
    assert asked["settings"] == {"epochs": 12}  # batch_size=32 it has of itself
    assert (asked["model"], asked["source"], asked["seed"]) == ("lenet5", "digits", 0)
    told: list[Any] = []
    monkeypatch.setattr(Trainings, "resume", lambda self, *given: told.append(given) or self)
    monkeypatch.setattr(Trainings, "run", "lenet5", raising=False)
    asking("train.resume", run="lenet5", settings={"epochs": "20"})
    ((directory, words),) = told
    assert directory.path == run.path and words == ["epochs=20"]
