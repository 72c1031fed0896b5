"""Episodes that are played to measure a policy: other than those trained on, and never endless."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import rockfall
from rockfall.errors import Interrupted
from rockfall.kit.environments import Episodes, play_episodes
from rockfall.sources.environment import Environment


class Lasting(gymnasium.Env[Any, Any]):
    """An episode ends after a number of steps that its seed decides; one in `endless` never does.

    A reward of 1 a step, so that a return is a length.
    """

    observation_space = spaces.Box(0, 1, (1,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, endless: float = 0.0) -> None:
        self.endless = endless

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.draw = self.np_random.random()
        ends = self.np_random.random() >= self.endless
        self.left = int(1 + 10 * self.draw) if ends else 10**9
        return np.array([self.draw]), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return np.array([self.draw]), 1.0, self.left <= 0, False, {}


gymnasium.register("RockfallTestLasting-v0", entry_point=Lasting)


def opened(**options: Any) -> Environment:
    source = rockfall.open_source("RockfallTestLasting-v0", options)
    assert isinstance(source, Environment)
    return source


def played(source: Environment, episodes: int = 50, **options: Any) -> Episodes:
    return play_episodes(
        source, lambda batch: source.baseline("random", batch), episodes, **options
    )


def test_returns_and_lengths_are_those_of_the_first_episodes() -> None:
    found = played(opened(), seed=3)
    first = opened().for_evaluation().batch(50, seed=3).observation[:, 0]
    assert torch.equal(found.lengths, (1 + 10 * first).long())
    assert torch.equal(found.returns, found.lengths.float())
    assert not found.cut.any()


def test_several_episodes_of_each_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rockfall.kit.environments.episodes.MAX_ENVS", 16)
    found = played(opened(), 40)
    assert found.returns.shape == (40,)
    assert torch.equal(found.returns[:16], played(opened(), 16).returns)
    assert torch.equal(found.returns, found.lengths.float())
    assert len(set(found.returns[:16].tolist()) ^ set(found.returns[16:].tolist())) < 10


@pytest.mark.parametrize("most", [1, 5, 40])
def test_what_does_not_end_is_cut_off_and_told(most: int) -> None:
    found = played(opened(endless=0.5, evaluation_steps=most))
    assert found.lengths.max() == most
    assert torch.equal(found.returns, found.lengths.float())
    whole = played(opened(endless=0.5, evaluation_steps=50))
    assert torch.equal(found.cut, whole.lengths > most)
    assert 10 < whole.cut.sum() < 40
    assert torch.equal(found.lengths, whole.lengths.clamp(max=most))


def test_an_environment_that_was_cut_off_plays_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next episode would be the rest of the one before."""
    monkeypatch.setattr("rockfall.kit.environments.episodes.MAX_ENVS", 10)
    found = played(opened(endless=0.3, evaluation_steps=20), 30)
    assert 0 < found.cut.sum() <= 10
    assert len(found.returns) <= 30
    assert (found.lengths[~found.cut] <= 11).all()
    assert (found.lengths[found.cut] == 20).all()


def test_every_limit_that_an_environment_states_holds() -> None:
    assert opened().evaluation_steps == 10_000
    assert opened(max_episode_steps=7).evaluation_steps == 7
    assert opened(max_episode_steps=7, evaluation_steps=3).evaluation_steps == 3
    found = played(opened(endless=1.0, max_episode_steps=7))
    assert (found.lengths == 7).all() and not found.cut.any()  # it is the environment that ends


@pytest.mark.parametrize("name", ["RockfallTestLasting-v0", "CartPole-v1", "falling-rocks-8x8"])
@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_no_episode_of_an_evaluation_is_one_of_the_training(name: str, seed: int) -> None:
    source = rockfall.open_source(name)
    assert isinstance(source, Environment)
    batches = [
        each.batch(32, seed=seed).observation.flatten(1).double()
        for each in (source, source.for_evaluation(), source.for_evaluation(1))
    ]
    unlike = 12 if name == "falling-rocks-8x8" else 0  # its first screens are few
    for index, one in enumerate(batches):
        for other in batches[:index]:
            assert (one == other).all(1).sum() <= unlike
    again = source.for_evaluation().for_evaluation().batch(32, seed=seed).observation
    assert torch.equal(again.flatten(1).double(), batches[1])


def test_progress_is_told_if_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rockfall.kit.progress.PATIENCE", 0.0)
    monkeypatch.setattr("rockfall.kit.progress.PIPE_SECONDS", 0.0)
    played(opened(endless=1.0, evaluation_steps=9), 3)
    said = capsys.readouterr().err
    assert "playing RockfallTestLasting-v0, 3 episodes at once: steps: 8" in said


@pytest.mark.long
def test_ctrl_c_stops_an_evaluation_and_resume_makes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an environment that never ends, which held up both for ever."""

    def interrupted(items: Any, *_: Any) -> Any:
        for number, item in enumerate(items):
            if number == 5:
                os.kill(os.getpid(), signal.SIGINT)
            yield item

    with monkeypatch.context() as patched:
        patched.setattr("rockfall.kit.environments.episodes.counted", interrupted)
        with pytest.raises(Interrupted, match="rockfall resume"):
            rockfall.train(
                "pqn",
                "RockfallTestLasting-v0",
                preset="tiny",
                source_options={"endless": 1.0, "evaluation_steps": 30, "evaluation_episodes": 4},
                name="endless",
                out=tmp_path,
                listeners=[],
            )
    run = rockfall.resume(tmp_path / "endless", listeners=[])
    assert run.result is not None
    score = run.result["figures"]["score"]
    assert score["value"] == 30
    assert score["note"].startswith("4 of 4 episodes were cut off after 30 steps")
