"""Running statistics, those of all rows at once; what they do to rewards; where they move."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.wrappers.utils import RunningMeanStd
from hypothesis import given, settings
from hypothesis import strategies as st

import rockfall
from rockfall.testing import check_model
from rockfall_agents.a2c import A2c
from rockfall_agents.networks import Network
from rockfall_agents.normalizing import CLIP, Normalizer, RewardScale, RunningMoments
from rockfall_agents.pqn import Pqn
from rockfall_agents.reinforce import Reinforce


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.sampled_from([(), (3,), (2, 2)]),
    st.floats(-1e3, 1e3),
    st.floats(1e-2, 1e3),
)
def test_running_moments_are_those_of_all_rows(
    sizes: list[int], shape: tuple[int, ...], center: float, scale: float
) -> None:
    torch.manual_seed(len(sizes))
    rows = torch.randn(sum(sizes), *shape) * scale + center
    moments = RunningMoments(shape)
    for part in rows.split(sizes):
        moments.update(part)
    torch.testing.assert_close(moments.mean, rows.mean(0), rtol=1e-4, atol=1e-3)
    expected = rows.var(0, correction=0)
    torch.testing.assert_close(moments.variance, expected, rtol=1e-2, atol=1e-3)
    assert moments.count == sum(sizes)


def test_observations_are_scaled_and_clipped_and_left_alone_before_the_first() -> None:
    normalizer = Normalizer((2,))
    rows = torch.randn(500, 2) * torch.tensor([1e-3, 1e4]) + torch.tensor([5.0, -3e4])
    assert torch.equal(normalizer(torch.ones(1, 2)), torch.ones(1, 2))
    normalizer.update(rows)
    scaled = normalizer(rows)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(2), atol=1e-2, rtol=0)
    torch.testing.assert_close(scaled.std(0), torch.ones(2), atol=2e-2, rtol=0)
    assert normalizer(rows * 1e6).abs().max() == CLIP


def test_rewards_are_divided_by_the_deviation_of_the_discounted_returns() -> None:
    """As Gymnasium's own statistics have it, fed with the returns step by step."""
    torch.manual_seed(0)
    rewards, ended = torch.randn(30, 4) * 50 + 20, torch.rand(30, 4) < 0.2
    scale, gamma = RewardScale(4, 0.9), 0.9
    theirs, running = RunningMeanStd(epsilon=1e-9), np.zeros(4)
    for rows in (slice(0, 10), slice(10, 30)):  # across two rollouts
        scaled = scale(rewards[rows], ended[rows])
        for reward, over in zip(rewards[rows].numpy(), ended[rows].numpy(), strict=True):
            running = running * gamma + reward
            theirs.update(running)
            running = running * ~over
        expected = rewards[rows] / float(np.sqrt(theirs.var))
        torch.testing.assert_close(scaled, expected.clamp(-CLIP, CLIP), rtol=1e-3, atol=1e-3)


def test_pixels_are_normalised_as_the_network_sees_them() -> None:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(2, 2), dtype="uint8", low=0.0, high=255.0)
    network = Network("mlp", info, (), 1, normalize=True)
    network.observe(torch.randint(256, (99, 2, 2), dtype=torch.uint8))
    assert network.normalizer is not None
    assert 0.3 < network.normalizer.mean.mean() < 0.7


@pytest.mark.parametrize("agent", ["pqn", "reinforce", "ppo", "a2c"])
def test_statistics_move_in_training_and_never_in_use(agent: str, tmp_path: Path) -> None:
    run = rockfall.train(
        agent,
        "CartPole-v1",
        preset="tiny",
        normalize_observations=True,
        normalize_rewards=True,
        out=tmp_path,
        listeners=[],
    )
    model = run.model
    statistics = {n: v.clone() for n, v in model.state_dict().items() if "normalizer" in n}
    counts = {int(value) for name, value in statistics.items() if "count" in name}
    config = run.record.config
    rollout = config["envs"] * config["rollout_steps"]
    assert {count + rollout >= 2_000 and count < 2_000 + rollout for count in counts} == {True}
    assert len(counts) == 1  # also in the copy that acts
    model.train()
    model.act(torch.randn(50, 4))
    assert all(torch.equal(model.state_dict()[name], old) for name, old in statistics.items())
    reopened = rockfall.open_run(run.directory.path).model.state_dict()
    assert all(torch.equal(reopened[name], old) for name, old in statistics.items())


def test_what_is_off_adds_nothing_to_a_state_dict() -> None:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=2)
    for kind in (Pqn, Reinforce):
        for on in (False, True):
            config = kind.Config.build("s", {"hidden": (4,), "normalize_observations": on})
            names = kind(config, info).state_dict()  # type: ignore[arg-type]
            assert any("normalizer" in name for name in names) == on


@pytest.mark.parametrize("agent", ["reinforce", "a2c"])
def test_scores_are_those_of_the_environment(agent: str, tmp_path: Path) -> None:
    """Though the rewards that it learns from are scaled: CartPole's returns are 8 and more."""
    run = rockfall.train(
        agent, "CartPole-v1", preset="tiny", normalize_rewards=True, out=tmp_path, listeners=[]
    )
    lines = run.directory.metrics_file.read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    scores = [each.get("score", each.get("return")) for each in logged]
    assert min(score for score in scores if score is not None) >= 8


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", "ppo", "a2c"])
def test_scaled_rewards_are_what_is_learned_from(agent: str, tmp_path: Path) -> None:
    weights = []
    for on in (False, True):
        run = rockfall.train(
            agent, "CartPole-v1", preset="tiny", normalize_rewards=on, out=tmp_path, listeners=[]
        )
        weights.append(torch.cat([each.flatten() for each in run.model.parameters()]))
    assert not torch.equal(*weights)


@pytest.mark.slow
def test_conforms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumes bit for bit wherever it is stopped, among the rest that the kit checks."""
    switches = {"normalize_observations": True, "normalize_rewards": True}
    monkeypatch.setitem(A2c.presets, "tiny", {**A2c.presets["tiny"], **switches})
    check_model("a2c")
