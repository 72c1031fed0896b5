"""A run that has finished goes on with more steps, and a killed one of those is the same again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import rockfall
from rockfall.cli import rockfall as cli
from rockfall.errors import ConfigError, UsageError
from rockfall.kit.optimizers import SGD
from rockfall.kit.schedules import LinearToZero
from rockfall.lengthening import lengthen
from rockfall.run.directory import RunDirectory
from tests.agents.sb3_runs import AGENTS, CONTINUOUS, fit, record_for, start
from tests.agents.test_sb3_resume import outcome

OURS = ("pqn", "reinforce")
RECORDED = Path(__file__).parents[1] / "recorded_runs" / "v0.1"


def trained(agent: str, out: Path, steps: int = 640) -> rockfall.Run:
    source = "Pendulum-v1" if agent in CONTINUOUS else "CartPole-v1"
    few = {"evaluation_episodes": 2}
    return rockfall.train(
        agent, source, preset="tiny", source_options=few, steps=steps, out=out, listeners=[]
    )


def longer_for(agent: str) -> int:
    """Steps for which three updates more are not enough; those of some take long, and are short."""
    return 960 if agent in CONTINUOUS else 3_200


@pytest.mark.long
@pytest.mark.parametrize("agent", [*OURS, *AGENTS, *CONTINUOUS])
def test_it_goes_on_where_it_was_and_is_recorded(agent: str, tmp_path: Path) -> None:
    run, more = trained(agent, tmp_path), longer_for(agent)
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    lines, path = run.metrics, run.directory.path
    longer = rockfall.resume(path, steps=more, listeners=[])
    assert longer.result is not None
    assert longer.result["environment_steps"] >= more > run.environment_steps >= 640
    assert longer.metrics[: len(lines)] == lines
    assert longer.record.lengthened == [{"step": run.step, "steps": 640}]
    assert RunDirectory(path).record().config["steps"] == more
    after = longer.model.state_dict()
    assert any(not torch.equal(after[name], before[name]) for name in before)
    if agent in OURS:  # their rate has fallen to 0 by the end
        kept: Any = longer._kept["schedule"]
        assert kept.total_iters == longer.step and kept.last_epoch == longer.step


@pytest.mark.long
@pytest.mark.parametrize("agent", [*OURS, "dqn", "ppo", "sac"])
def test_killed_while_it_goes_on_it_is_the_same_to_the_bit(agent: str, tmp_path: Path) -> None:
    run = trained(agent, tmp_path)
    killed = RunDirectory(shutil.copytree(run.directory.path, tmp_path / "killed"))
    for directory in (run.directory, killed):
        lengthen(directory, {"steps": longer_for(agent)})
    fit(run.directory)
    for stop in (run.step, run.step + 1, run.step + 3):
        assert fit(killed, stop).step == stop
    fit(killed)
    (lines, values, tensors), resumed = outcome(run.directory), outcome(killed)
    assert (lines, values) == resumed[:2]
    assert tensors.keys() == resumed[2].keys()
    for name, tensor in tensors.items():
        assert torch.equal(resumed[2][name], tensor), name


def test_killed_before_it_is_recorded_it_finishes_as_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("pqn", tmp_path)
    result = run.result

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            lengthen(run.directory, {"steps": 3_200})
    again = rockfall.resume(run.directory.path, listeners=[])
    assert again.result is not None and result is not None
    assert {**again.result, "seconds": 0} == {**result, "seconds": 0}
    assert again.record.lengthened == []


@pytest.mark.long
def test_one_that_was_interrupted_goes_on_to_more(tmp_path: Path) -> None:
    record = record_for("pqn", "CartPole-v1", steps=640)
    directory = start(tmp_path, record)
    fit(directory, stop_at=2)
    run = rockfall.resume(directory.path, steps=3_200, listeners=[])
    assert run.environment_steps == 3_200 // 128 * 128
    assert run.record.lengthened == [{"step": 2, "steps": 640}]


@pytest.mark.long
def test_one_that_an_older_version_finished_goes_on(tmp_path: Path) -> None:
    path = shutil.copytree(RECORDED / "ppo-cartpole", tmp_path / "old")
    old = rockfall.open_run(path)
    more = 2 * old.model.config.steps
    run = rockfall.resume(path, steps=more, listeners=[])
    assert run.environment_steps >= more and run.step >= 2 * old.step


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["steps=640"], "steps=640 already"),
        (["steps=1"], "steps=1 is no more"),
        (["lr=0.1"], "other steps alone"),
        (["steps=2000", "gamma=0.5"], "another gamma begin a new run"),
        (["source.size=5"], "the source that it has"),
        (["steps=many"], "valid integer"),
        (["stepz=2000"], "other steps alone"),
    ],
)
def test_what_is_not_more_is_refused(words: list[str], why: str, tmp_path: Path) -> None:
    run = trained("pqn", tmp_path)
    files = {path: path.read_bytes() for path in run.directory.path.rglob("*") if path.is_file()}
    done = CliRunner().invoke(cli, ["resume", str(run.directory.path), *words])
    assert isinstance(done.exception, UsageError | ConfigError) and why in str(done.exception)
    assert all(path.read_bytes() == content for path, content in files.items())


def test_a_model_without_a_length_says_so(tmp_path: Path) -> None:
    run = rockfall.train("mlp", "digits", preset="tiny", out=tmp_path, listeners=[])
    with pytest.raises(UsageError, match="mlp has no setting that makes a training longer"):
        rockfall.resume(run.directory.path, epochs=100, listeners=[])


@pytest.mark.parametrize(("then", "now"), [(4, 4), (4, 10), (4, 5)])
def test_the_rate_of_a_longer_training_is_taken_on(then: int, now: int) -> None:
    def made(total: int) -> tuple[SGD, LinearToZero]:
        optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
        return optimizer, LinearToZero(optimizer, total)

    def stepped(optimizer: SGD, schedule: LinearToZero) -> None:
        optimizer.step()
        schedule.step()

    old, new, straight = made(then), made(now), made(now)
    for _ in range(then):
        stepped(*old)
        stepped(*straight)
    new[0].load_state_dict(old[0].state_dict())
    new[1].load_state_dict(old[1].state_dict())
    for _ in range(now - then + 1):
        rates = [optimizer.param_groups[0]["lr"] for optimizer, _ in (new, straight)]
        assert rates[0] == pytest.approx(rates[1], abs=1e-12)
        stepped(*new)
        stepped(*straight)
