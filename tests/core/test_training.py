"""`rockfall.train` and its companions from Python, and a tracker that follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.errors import ConfigError, RockfallError, UsageError
from rockfall.sources.dataset import Dataset

TINY: dict[str, Any] = {"preset": "tiny", "listeners": []}


def train(out: Path, **more: Any) -> rockfall.Run:
    return rockfall.train("mlp", out=out, **{**TINY, **more})


def figures(run: rockfall.Run) -> Any:
    assert run.result is not None
    return run.result["figures"]


def test_train_returns_a_run_whose_model_works(tmp_path: Path) -> None:
    run = train(tmp_path)
    assert run.name == "mlp-digits-1"
    accuracy = figures(run)["accuracy"]
    data = rockfall.open_source("digits")
    assert isinstance(data, Dataset)
    model: Any = run.model
    right = model.classify(data.test.inputs).argmax(1) == data.test.labels
    assert accuracy["value"] == pytest.approx(right.float().mean().item())
    assert accuracy["count"] == len(data.test)
    assert accuracy["baselines"]["commonest class"]["value"] < 0.2
    assert [line["epoch"] for line in run.metrics if "accuracy" in line] == [0, 1]


def test_settings_by_keyword_and_by_mapping(tmp_path: Path) -> None:
    run = train(tmp_path, config={"epochs": 1}, layers=(4,))
    assert run.record.config["layers"] == [4]
    assert run.record.config["epochs"] == 1
    with pytest.raises(ConfigError, match="did you mean layers"):
        train(tmp_path, layer=3)
    with pytest.raises(UsageError, match="seed"):
        train(tmp_path, seed=-1)
    assert [path.name for path in tmp_path.iterdir()] == ["mlp-digits-1"]


def test_an_opened_run_is_the_run_that_was_trained(tmp_path: Path) -> None:
    run = train(tmp_path)
    before = torch.get_rng_state()
    opened = rockfall.open_run(run.directory.path)
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(opened.model.state_dict()[name], tensor)
    assert rockfall.evaluate(opened) == figures(run)
    best = rockfall.open_run("mlp", out=tmp_path, checkpoint="best")
    assert best.step <= opened.step


def test_a_finished_run_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has finished"):
        rockfall.resume(train(tmp_path).directory.path)


def test_killed_between_the_last_checkpoint_and_the_result(tmp_path: Path) -> None:
    run = train(tmp_path)
    before, lines = figures(run), run.metrics
    run.directory.result_file.unlink()
    resumed = rockfall.resume(run.directory.path, listeners=[])
    assert figures(resumed) == before
    assert resumed.metrics == lines


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.record_file.write_text('{"format": 2}')
    with pytest.raises(RockfallError, match="format 2"):
        rockfall.open_run("last", out=tmp_path)
    run.directory.record_file.write_text("{")
    with pytest.raises(RockfallError, match="damaged"):
        rockfall.open_run("last", out=tmp_path)


def test_bf16_trains_on_the_cpu_too(tmp_path: Path) -> None:
    exact, coarse = train(tmp_path), train(tmp_path, precision="bf16")
    assert all(t.dtype == torch.float32 for t in coarse.model.state_dict().values())
    assert [m.get("loss") for m in coarse.metrics] != [m.get("loss") for m in exact.metrics]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_and_opens(tmp_path: Path) -> None:
    run = train(tmp_path, device="cuda")
    assert all(t.is_cuda for t in run.model.state_dict().values())
    assert rockfall.evaluate(rockfall.open_run(run.directory.path)) == figures(run)


def test_tensorboard_follows_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = train(tmp_path)
    assert not (run.directory.path / "tensorboard").exists()
    monkeypatch.setenv("ROCKFALL_TENSORBOARD", "1")
    followed = train(tmp_path)
    events = accumulator.EventAccumulator(str(followed.directory.path / "tensorboard"))
    events.Reload()
    seen = [(e.step, pytest.approx(e.value)) for e in events.Scalars("accuracy")]
    assert [(m["step"], m["accuracy"]) for m in followed.metrics if "accuracy" in m] == seen
    assert figures(followed) == figures(run)
