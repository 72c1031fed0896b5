"""`run.stop`: a run that somebody ends for good, and `rockfall resume` goes on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import rockfall
from rockfall import Event, Interrupted, Run
from rockfall.cli import rockfall as command
from rockfall.run.directory import RunDirectory

TINY = {"hidden": (8,), "latent": 2, "epochs": 12, "batch_size": 256}


class Stopper:
    """A listener that stops the run after some step; the hook of a plugin would get the run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: list[Run] = []
        original = Run.interruptible

        def interruptible(run: Run):  # type: ignore[no-untyped-def]
            self.runs.append(run)
            return original(run)

        monkeypatch.setattr(Run, "interruptible", interruptible)
        monkeypatch.setattr("rockfall.run.run.TICK", 0.0)

    def __call__(self, event: Event) -> None:
        if event.kind == "progress" and event.data["step"] >= 20:
            self.runs[-1].stop("pruned: worse than others")
            self.runs[-1].stop("another reason")


def test_a_stopped_run_says_why_and_goes_on_to_what_it_would_have_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rockfall.train("autoencoder", config=TINY, out=tmp_path, name="whole", listeners=[])
    with monkeypatch.context() as patched:
        stopper = Stopper(patched)
        with pytest.raises(Interrupted, match="pruned: worse than others at step 20"):
            rockfall.train("autoencoder", config=TINY, out=tmp_path, name="s", listeners=[stopper])
    directory = RunDirectory(tmp_path / "s")
    result = directory.result()
    assert result is not None
    assert result["stopped"] == "pruned: worse than others"
    assert result["figures"] == {} and result["steps"] == 20
    assert directory.status == "stopped"
    shown = CliRunner().invoke(command, ["show", str(tmp_path / "s"), "--json"])
    assert json.loads(shown.output)["status"] == "stopped"
    listed = CliRunner().invoke(command, ["runs", "--out", str(tmp_path), "--json"])
    assert {each["run"]: each["status"] for each in json.loads(listed.output)} == {
        "whole": "finished",
        "s": "stopped",
    }
    again = rockfall.resume(tmp_path / "s", listeners=[])
    assert again.result is not None and whole.result is not None
    assert "stopped" not in again.result
    assert again.result["figures"] == whole.result["figures"]
    assert directory.status == "finished"


def test_figures_of_validation_are_of_its_examples_and_not_those_of_the_test(
    tmp_path: Path,
) -> None:
    runs = [
        rockfall.train(
            "mlp", preset="tiny", out=tmp_path, name=name, measured_on=name, listeners=[]
        )
        for name in ("test", "validation")
    ]
    test, validation = (run.result["figures"]["test accuracy"] for run in runs if run.result)
    data = rockfall.open_source("digits")
    assert isinstance(data, rockfall.Dataset)
    assert (test["count"], validation["count"]) == (len(data.test), len(data.validation))
    logged = [
        line["validation accuracy"] for line in runs[1].metrics if "validation accuracy" in line
    ]
    assert validation["value"] == pytest.approx(logged[-1], abs=1e-6)
    assert runs[0].metrics[-1]["validation accuracy"] == logged[-1]
    assert RunDirectory(tmp_path / "validation").record().measured_on == "validation"
    anew = rockfall.evaluate(rockfall.open_run(tmp_path / "validation"))
    assert anew["test accuracy"] == {**test, "value": anew["test accuracy"]["value"]}
    assert anew["test accuracy"]["value"] == test["value"]


def test_episodes_of_validation_are_others(tmp_path: Path) -> None:
    scores = {}
    for name in ("test", "validation"):
        run = rockfall.train(
            "pqn", preset="tiny", out=tmp_path, name=name, measured_on=name, listeners=[]
        )
        assert run.result is not None
        scores[name] = run.result["figures"]["score"]["value"]
    assert scores["test"] != scores["validation"]


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(rockfall.UsageError, match="measured_on must be test or validation"):
        rockfall.train("mlp", out=tmp_path, measured_on="train")


def test_settings_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"hidden": "8", "latent": 2, "epochs": 1, "source.classes": 3}')
    words = ["train", "autoencoder", "latent=3", "--settings", str(file), "--out", str(tmp_path)]
    done = CliRunner().invoke(command, [*words, "--name", "s"])
    assert done.exit_code == 0, done.output
    record = RunDirectory(tmp_path / "s").record()
    assert (record.config["hidden"], record.config["latent"]) == ([8], 3)
    assert record.source_options == {"classes": 3}
    file.write_text("[1]")
    refused = CliRunner().invoke(command, words)
    assert "holds no settings by name" in str(refused.exception)
