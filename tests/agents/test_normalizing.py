"""Running statistics, those of all rows at once; what they do to rewards; where they move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers.utils import RunningMeanStd
from hypothesis import given, settings
from hypothesis import strategies as st

import rockfall
from rockfall.kit import checkpoint
from rockfall.testing import check_model
from rockfall_agents.a2c import A2c
from rockfall_agents.dqn import Dqn
from rockfall_agents.networks import Network
from rockfall_agents.normalizing import CLIP, Normalizer, RewardScale, RunningMoments
from rockfall_agents.pqn import Pqn
from rockfall_agents.reinforce import Reinforce
from rockfall_agents.replay import ScaledReplayBuffer, newest_observations
from rockfall_agents.sac import Sac


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


SOURCES = {"sac": "Pendulum-v1", "td3": "Pendulum-v1"}
"""Of those that take no CartPole."""


def trained(agent: str, folder: Path, **settings: Any) -> rockfall.Run:
    return rockfall.train(
        agent,
        SOURCES.get(agent, "CartPole-v1"),
        preset="tiny",
        source_options={"evaluation_episodes": 1},
        out=folder,
        listeners=[],
        **settings,
    )


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", "ppo", "a2c", "dqn", "sac", "td3"])
def test_statistics_move_in_training_and_never_in_use(agent: str, tmp_path: Path) -> None:
    run = trained(agent, tmp_path, normalize_observations=True, normalize_rewards=True)
    model = run.model
    statistics = {n: v.clone() for n, v in model.state_dict().items() if "normalizer" in n}
    counts = {int(value) for name, value in statistics.items() if "count" in name}
    config = run.record.config
    rollout = config["envs"] * config.get("rollout_steps", config.get("train_freq"))
    steps = config["steps"]
    assert all(count + rollout >= steps and count < steps + rollout for count in counts)
    assert len(counts) == 1  # also in the copy that acts, and in targets
    model.train()
    model.act(torch.randn(50, *run.record.info["shape"]))
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


@pytest.mark.long
@pytest.mark.parametrize("agent", ["dqn", "sac", "td3"])
def test_of_a_replay_buffer_every_observation_counts_once(agent: str, tmp_path: Path) -> None:
    run = trained(agent, tmp_path, normalize_observations=True, buffer_size=3_000, seed=3)
    kept = checkpoint.read(run.directory.path / "checkpoint" / "last.safetensors")["kept"]
    seen = torch.as_tensor(kept["memory"]["observations"]).flatten(0, 1)
    state = run.model.state_dict()
    name = next(each for each in state if each.endswith("normalizer.mean"))
    torch.testing.assert_close(state[name], seen.mean(0), rtol=1e-4, atol=1e-4)
    assert state[name.replace("mean", "count")] == len(seen)


def test_a_replay_buffer_scales_what_is_drawn_by_what_is_known_then() -> None:
    """It holds what was paid, in its place; the newest observations are found across its end."""
    box = gymnasium.spaces.Box(-9, 9, (1,))
    scale = RewardScale(2, 0.5, at_once=False)
    buffer = ScaledReplayBuffer(6, box, box, "cpu", n_envs=2, scale=scale)
    torch.manual_seed(0)
    for step in range(5):
        reward = torch.randn(2) * 100
        assert torch.equal(scale(reward[None], torch.zeros(1, 2).bool())[0], reward)
        seen = np.full((2, 1), step, np.float32)
        buffer.add(seen, seen, seen, reward.numpy(), np.zeros(2), [{}, {}])
        paid = set(buffer.rewards[: buffer.size()].flatten().tolist())
        drawn = buffer.sample(50).rewards * (scale.variance + 1e-8).sqrt()
        assert all(any(abs(each - own) < 1e-3 for own in paid) for each in drawn.flatten().tolist())
    assert newest_observations(buffer, 2)[:, 0, 0].tolist() == [4, 3]
    assert newest_observations(buffer, 9)[:, 0, 0].tolist() == [4, 3, 2]


@pytest.mark.long
@pytest.mark.parametrize("agent", ["reinforce", "a2c", "dqn"])
def test_scores_are_those_of_the_environment(agent: str, tmp_path: Path) -> None:
    """Though the rewards that it learns from are scaled: CartPole's returns are 8 and more."""
    run = trained(agent, tmp_path, normalize_rewards=True)
    lines = run.directory.metrics_file.read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    scores = [each.get("score", each.get("return")) for each in logged]
    assert min(score for score in scores if score is not None) >= 8


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", "ppo", "a2c", "dqn", "sac", "td3"])
def test_scaled_rewards_are_what_is_learned_from(agent: str, tmp_path: Path) -> None:
    weights = []
    for on in (False, True):
        run = trained(agent, tmp_path, normalize_rewards=on)
        weights.append(torch.cat([each.flatten() for each in run.model.parameters()]))
    assert not torch.equal(*weights)


@pytest.mark.slow
@pytest.mark.parametrize("agent", [A2c, Dqn, Sac], ids=lambda agent: agent.__name__.lower())
def test_conforms(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumes bit for bit wherever it is stopped, among the rest that the kit checks."""
    switches = {"normalize_observations": True, "normalize_rewards": True}
    monkeypatch.setitem(agent.presets, "tiny", {**agent.presets["tiny"], **switches})
    check_model(agent.__name__.lower())
