"""What can't be trained is refused before anything is opened, downloaded, trained or made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.catalogue import Catalogue
from rockfall.kit import pictures
from rockfall.registry import registry
from rockfall.specs import ModelSpec


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any) -> None:
        raise AssertionError("the source was opened")

    monkeypatch.setattr("rockfall.training.open_source", opened)


@pytest.mark.parametrize(
    ("model", "source"),
    [("pqn", "cifar10"), ("pqn", "flower"), ("lenet5", "ring"), ("painter", "mnist")],
)
@pytest.mark.usefixtures("unopened")
def test_a_source_of_the_wrong_kind(model: str, source: str, tmp_path: Path) -> None:
    with pytest.raises(rockfall.UsageError, match=f"{model} learns from .*, and {source} is"):
        rockfall.train(model, source, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("capability", "how"),
    [
        ("flies", "; did you mean fires?"),
        ("rockfall-moves:dances", ": pip install rockfall-moves"),
    ],
)
@pytest.mark.usefixtures("unopened")
def test_a_capability_that_nobody_registered(
    capability: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = registry().models.find("mlp")
    models = Catalogue(ModelSpec)
    models.add(entry.owner, replace(entry.spec, capabilities=("classifies", capability)))
    monkeypatch.setattr(registry(), "models", models)
    bare = capability.rpartition(":")[2]
    with pytest.raises(rockfall.UsageError, match=f"mlp names the capability {bare}, ") as refused:
        rockfall.train("mlp", out=tmp_path / "runs")
    assert str(refused.value).endswith(how)
    assert not (tmp_path / "runs").exists()


def test_a_full_name_says_which_distribution_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = registry().models.find("mlp")
    models = Catalogue(ModelSpec)
    full = replace(entry.spec, capabilities=("rockfall-capabilities:classifies",))
    models.add(entry.owner, full)
    monkeypatch.setattr(registry(), "models", models)
    run = rockfall.train("mlp", preset="tiny", out=tmp_path, listeners=[])
    assert "test accuracy" in (run.result or {})["figures"]


# Another device -------------------------------------------------------------------------------


def begun_on(device: str, folder: Path) -> Path:
    """A run that was killed before its first checkpoint, on a device that is not here."""
    run = rockfall.train("mlp", preset="tiny", out=folder, listeners=[])
    record = json.loads(run.directory.record_file.read_text())
    run.directory.record_file.write_text(json.dumps({**record, "device": device}))
    run.directory.result_file.unlink()
    run.directory.checkpoint("last").unlink()
    return run.directory.path


def test_a_run_begun_elsewhere_says_how_to_go_on(tmp_path: Path) -> None:
    folder = begun_on("cuda:7", tmp_path)
    with pytest.raises(rockfall.UsageError, match="no device cuda:7 here; `--device auto` takes"):
        rockfall.resume(folder, listeners=[])
    with pytest.raises(rockfall.UsageError, match="no device abacus here"):
        rockfall.resume(folder, device="abacus", listeners=[])
    assert json.loads((folder / "run.json").read_text())["device"] == "cuda:7"


@pytest.mark.long
def test_a_run_goes_on_on_another_device_and_says_what_that_means(tmp_path: Path) -> None:
    folder = begun_on("cuda:7", tmp_path)
    heard: list[rockfall.Event] = []
    run = rockfall.resume(folder, device="cpu", listeners=[heard.append])
    (warning,) = [event.data["message"] for event in heard if event.kind == "warning"]
    assert warning.startswith("begun on cuda:7, it goes on on cpu: ")
    assert warning.endswith("not bit for bit")
    assert run.result is not None
    assert run.device.type == "cpu"


@pytest.mark.long
def test_on_the_same_device_nothing_is_said(tmp_path: Path) -> None:
    folder = begun_on("cpu", tmp_path)
    heard: list[rockfall.Event] = []
    rockfall.resume(folder, device="cpu", listeners=[heard.append])
    assert not [event for event in heard if event.kind == "warning"]


# Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["flower", "hills.png"])
def test_settings_are_validated_once(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures.save(Path("hills.png"), torch.randint(256, (3, 12, 16), dtype=torch.uint8))
    config: Any = registry().models.find("painter").spec.load().Config
    built: list[str] = []
    build = config.build
    monkeypatch.setattr(config, "build", lambda *given: built.append(given[0]) or build(*given))
    rockfall.train("painter", source, preset="tiny", source_options={"size": 12}, listeners=[])
    assert built == ["painter"]


def test_a_gymnasium_id_has_the_preset_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was typed as the one or the other, a run begins with the same settings."""

    def stop(record: Any, config: Any) -> None:
        raise StopIteration(config)

    monkeypatch.setattr("rockfall.training.build_model", stop)
    found = []
    for source in ("falling-rocks-8x8", "rockfall/FallingRocks-8x8-v0", "rockfall/FallingRocks-v0"):
        with pytest.raises(StopIteration) as stopped:
            rockfall.train("reinforce", source)
        found.append(stopped.value.value)
    assert found[0] == found[1] != found[2]
