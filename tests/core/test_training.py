"""`rockfall.train` and its companions from Python, and a tracker that follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

import rockfall
from rockfall.errors import CheckpointError, ConfigError, RockfallError, UsageError
from rockfall.kit.files import TEMPORARY, write_json
from rockfall.kit.modules import parameters
from rockfall.run.directory import RunDirectory
from rockfall.sources.dataset import Dataset
from rockfall.training import draw
from tests.core.conftest import record

TINY: dict[str, Any] = {"preset": "tiny", "listeners": []}


def train(out: Path, **more: Any) -> rockfall.Run:
    return rockfall.train("mlp", out=out, **{**TINY, **more})


def figures(run: rockfall.Run) -> Any:
    assert run.result is not None
    return run.result["figures"]


def test_train_returns_a_run_whose_model_works(tmp_path: Path) -> None:
    run = train(tmp_path)
    assert run.name == "mlp-digits-1"
    accuracy = figures(run)["test accuracy"]
    data = rockfall.open_source("digits")
    assert isinstance(data, Dataset)
    model: Any = run.model
    right = model.classify(data.test.inputs).argmax(1) == data.test.labels
    assert accuracy["value"] == pytest.approx(right.float().mean().item())
    assert accuracy["count"] == len(data.test)
    assert accuracy["baselines"]["commonest class"]["value"] < 0.2
    assert [line["epoch"] for line in run.metrics if "validation accuracy" in line] == [0, 1]


@pytest.mark.long
def test_a_result_says_what_it_took(tmp_path: Path) -> None:
    run = train(tmp_path, layers=(16,), epochs=3)
    result = run.result
    assert result is not None
    assert result["parameters"] == (64 + 1) * 16 + (16 + 1) * 10
    assert result["examples"] == 3 * 1294
    assert result["seconds"] == round(run.seconds, 2)  # the clock stopped when it had learned
    run.directory.result_file.unlink()
    again = rockfall.resume(run.directory.path, listeners=[]).result
    assert again is not None
    assert again["examples"] == result["examples"]
    assert again["seconds"] == pytest.approx(result["seconds"], abs=0.1)


def test_parameters_are_the_numbers_that_were_learned() -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Linear(3, 2)
            self.same = self.one
            self.frozen = torch.nn.Linear(5, 5).requires_grad_(False)
            self.register_buffer("mean", torch.zeros(7))

    assert parameters(Tied()) == 3 * 2 + 2
    layer = {"weights": np.zeros((3, 2)), "bias": np.zeros(2, np.float32), "seen": np.ones(4, int)}
    state = {"layers": [layer], "scale": torch.zeros(5), "steps": 12}
    assert parameters(mock.Mock(state_dict=lambda: state)) == 3 * 2 + 2 + 5


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


def test_a_finished_run_is_opened_not_trained(tmp_path: Path) -> None:
    run = train(tmp_path)
    heard: list[rockfall.Event] = []
    resumed = rockfall.resume(run.directory.path, listeners=[heard.append])
    assert [event.kind for event in heard] == ["finished"]
    assert heard[0].data["result"] == run.result
    assert resumed.metrics == run.metrics
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor)


@pytest.mark.long
def test_a_source_that_has_changed_is_told_when_a_run_goes_on(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.result_file.unlink()
    for seed, told in ((0, []), (1, ["digits has changed since this run began: other statistics"])):
        record = json.loads(run.directory.record_file.read_text())
        record["source_options"] = {"seed": seed}
        run.directory.record_file.write_text(json.dumps(record))
        heard: list[rockfall.Event] = []
        rockfall.resume(run.directory.path, listeners=[heard.append])
        assert [event.data["message"] for event in heard if event.kind == "warning"] == told
        run.directory.result_file.unlink()


def test_a_source_of_another_shape_is_refused(tmp_path: Path) -> None:
    run = train(tmp_path)
    record = json.loads(run.directory.record_file.read_text())
    record["info"]["shape"] = [81]
    run.directory.record_file.write_text(json.dumps(record))
    run.directory.result_file.unlink()
    run.record = replace(run.record, info=record["info"])
    for again in (rockfall.evaluate, draw, lambda run: rockfall.resume(run.directory.path)):
        with pytest.raises(RockfallError, match=r"digits has changed since .* other shape"):
            again(run)


def test_a_source_that_has_changed_is_told_when_it_is_measured_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = train(tmp_path)
    record = json.loads(run.directory.record_file.read_text())
    record["source_options"] = {"seed": 1}
    run.directory.record_file.write_text(json.dumps(record))
    rockfall.evaluate(rockfall.open_run(run.directory.path))
    assert "digits has changed since this run began: other statistics" in capfd.readouterr().err


def test_a_mistake_is_told_before_the_source_is_opened(tmp_path: Path) -> None:
    with mock.patch("rockfall.training.open_source", side_effect=AssertionError("opened")):
        for wrong in ({"epochs": 0}, {"device": "abacus"}, {"preset": "huge"}):
            with pytest.raises(UsageError):
                rockfall.train("mlp", "digits", out=tmp_path, **wrong)


def test_killed_between_the_last_checkpoint_and_the_result(tmp_path: Path) -> None:
    run = train(tmp_path)
    before, lines = figures(run), run.metrics
    run.directory.result_file.unlink()
    resumed = rockfall.resume(run.directory.path, listeners=[])
    assert figures(resumed) == before
    assert resumed.metrics == lines


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.record_file.write_text('{"format": 3}')
    with pytest.raises(RockfallError, match="format 3"):
        rockfall.open_run("last", out=tmp_path)
    run.directory.record_file.write_text("{")
    with pytest.raises(RockfallError, match="damaged"):
        rockfall.open_run("last", out=tmp_path)


@pytest.mark.long
def test_bf16_trains_on_the_cpu_too(tmp_path: Path) -> None:
    exact, coarse = train(tmp_path), train(tmp_path, precision="bf16")
    assert all(t.dtype == torch.float32 for t in coarse.model.state_dict().values())
    losses = [[line.get("train loss") for line in run.metrics] for run in (coarse, exact)]
    assert losses[0] != losses[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_and_opens(tmp_path: Path) -> None:
    run = train(tmp_path, device="cuda")
    assert all(t.is_cuda for t in run.model.state_dict().values())
    assert rockfall.evaluate(rockfall.open_run(run.directory.path)) == figures(run)


@pytest.mark.long
def test_tensorboard_follows_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = train(tmp_path)
    assert not (run.directory.path / "tensorboard").exists()
    monkeypatch.setenv("ROCKFALL_TENSORBOARD", "1")
    followed = train(tmp_path)
    events = accumulator.EventAccumulator(str(followed.directory.path / "tensorboard"))
    events.Reload()
    seen = [(e.step, pytest.approx(e.value)) for e in events.Scalars("validation accuracy")]
    assert [
        (line["step"], line["validation accuracy"])
        for line in followed.metrics
        if "validation accuracy" in line
    ] == seen
    assert figures(followed) == figures(run)


@pytest.mark.long
def test_an_interrupt_while_it_is_measured_says_how_to_go_on(tmp_path: Path) -> None:
    events: list[rockfall.Event] = []
    with (
        mock.patch("rockfall.completing.evaluate_model", side_effect=KeyboardInterrupt),
        pytest.raises(rockfall.Interrupted, match=r"`rockfall resume .*mlp-digits-1`"),
    ):
        train(tmp_path, listeners=[events.append])
    assert events[-1].kind == "interrupted"
    resumed = rockfall.resume(tmp_path / "mlp-digits-1", listeners=[])
    assert figures(resumed) == figures(train(tmp_path))


def test_a_checkpoint_that_can_not_be_reached_is_not_one_that_never_was(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.result_file.unlink()
    lines = run.metrics
    path = run.directory.checkpoint("last")
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(CheckpointError, match="can't read"):
        rockfall.resume(run.directory.path, listeners=[])
    assert run.metrics == lines


@pytest.mark.long
def test_what_a_kill_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.result_file.unlink()
    left = run.directory.checkpoint("last").with_name(f"{TEMPORARY}last.safetensors.k1ll3d")
    left.write_bytes(b"half")
    rockfall.resume(run.directory.path, listeners=[])
    assert not left.exists()


def test_settings_that_no_longer_fit_are_said_in_one_line(tmp_path: Path) -> None:
    run = train(tmp_path)
    text = run.directory.record_file.read_text()
    run.directory.record_file.write_text(text.replace('"lr": ', '"speed": 1, "lr": -'))
    with pytest.raises(ConfigError, match=r"lr: .*; no setting named speed") as said:
        rockfall.open_run(run.directory.path)
    assert "\n" not in str(said.value)


def test_a_finished_run_without_a_best_checkpoint(tmp_path: Path) -> None:
    run = train(tmp_path)
    run.directory.checkpoint("best").unlink()
    with pytest.raises(RockfallError, match="no checkpoint best") as said:
        rockfall.open_run(run.directory.path, checkpoint="best")
    assert "resume" not in str(said.value), "which would refuse it"


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": 1.5},
        {"seed": "1"},
        {"seed": 2**70},
        {"threads": 10**9},
        {"threads": 0},
        {"checkpoint_every": float("nan")},
    ],
)
def test_what_can_not_be_leaves_no_folder(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        train(tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


def test_a_record_that_is_no_json_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        RunDirectory.create(tmp_path, "", "toy", record(info={"x": object()}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("begins", [False, True])
def test_what_is_refused_before_its_first_step_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bool
) -> None:
    from rockfall_vision.mlp import Mlp

    def fit(self: Any, data: Any, run: rockfall.Run) -> None:
        for _ in run.steps(2) if begins else ():
            run.log(loss=1.0)
        raise RockfallError("there is no such file")

    monkeypatch.setattr(Mlp, "fit", fit)
    with pytest.raises(RockfallError, match="no such file"):
        train(tmp_path, name="refused")
    assert (tmp_path / "refused").exists() == begins


def test_former_names_are_read_of_runs_of_any_age(tmp_path: Path) -> None:
    directory = train(tmp_path).directory
    result = json.loads(directory.result_file.read_text())
    recorded = result["figures"]
    lines = directory.logged()
    assert "train loss" in lines[0]
    directory.metrics_file.write_text(
        directory.metrics_file.read_text().replace('"train loss"', '"loss"')
    )
    assert directory.logged() == lines

    test = recorded.pop("test accuracy")
    write_json(directory.result_file, {**result, "figures": {**recorded, "accuracy": test}})
    assert (directory.result() or {})["figures"] == {**recorded, "test accuracy": test}
    both = {"test accuracy": test, "accuracy": {"value": 0.0}}  # another capability's
    write_json(directory.result_file, {**result, "figures": both})
    assert (directory.result() or {})["figures"] == both
