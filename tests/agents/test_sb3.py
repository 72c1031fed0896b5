"""dqn, ppo and a2c: how they treat an episode's end, what they refuse, that they learn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer

import rockfall
from rockfall.building import build_model
from rockfall.errors import ConfigError, UsageError
from rockfall.registry import registry
from rockfall.run.run import Run
from rockfall_agents.on_policy_buffer import UploadedRolloutBuffer
from rockfall_agents.sb3 import Sb3Agent
from rockfall_agents.vec_env import BatchVecEnv, flat_spaces
from tests.agents.sb3_runs import AGENTS, record_for, start

TRUNCATED = {"max_episode_steps": 5}  # before a pole can fall: it takes eight steps


class StepRecorder:
    """Records the steps that an agent gets from its environment, beside its own buffers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[Any]]] = []
        step_wait = BatchVecEnv.step_wait

        def recorded(env: BatchVecEnv) -> Any:
            observation, reward, done, infos = step_wait(env)
            self.steps.append((observation, reward.copy(), done, infos))
            return observation, reward, done, infos

        monkeypatch.setattr(BatchVecEnv, "step_wait", recorded)


def model_and_run(
    folder: Path, agent: str, options: dict[str, Any], **settings: Any
) -> tuple[Sb3Agent, Run]:
    record = record_for(agent, "CartPole-v1", options, **settings)
    model = build_model(record)
    assert isinstance(model, Sb3Agent)
    return model, Run(start(folder, record), record, model)


@pytest.mark.parametrize("options", [{}, TRUNCATED])
def test_dqn_bootstraps_where_an_episode_is_truncated(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stable_baselines3 import DQN

    recorder = StepRecorder(monkeypatch)
    model, run = model_and_run(tmp_path, "dqn", options)
    source = rockfall.open_source("CartPole-v1", options)
    with model.learner(DQN, source, run, 640, buffer_size=640, train_freq=80) as (
        dqn,
        collect_rollouts,
    ):
        buffer = dqn.replay_buffer
        collect_rollouts(dqn.train_freq, buffer, learning_starts=640)
        everything = buffer._get_samples(np.repeat(np.arange(80), 8))
        ended = 0
        for row, (observation, _, done, infos) in enumerate(recorder.steps):
            for env in range(8):
                next_observation = (
                    infos[env]["terminal_observation"] if done[env] else observation[env]
                )
                np.testing.assert_array_equal(buffer.next_observations[row, env], next_observation)
                ended += done[env]
        assert ended > 20
        assert (everything.dones.sum() > 0) == (not options)


@pytest.mark.parametrize("options", [{}, TRUNCATED])
def test_a_rollout_bootstraps_where_an_episode_is_truncated(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stable_baselines3 import PPO

    recorder = StepRecorder(monkeypatch)
    model, run = model_and_run(tmp_path, "ppo", options)
    source = rockfall.open_source("CartPole-v1", options)
    with model.learner(PPO, source, run, 640, n_steps=80, batch_size=640) as (
        ppo,
        collect_rollouts,
    ):
        collect_rollouts(ppo.rollout_buffer, 80)
        rewards = ppo.rollout_buffer.rewards
    assert len(recorder.steps) == 80
    for row, (_, reward, done, infos) in enumerate(recorder.steps):
        for env in range(8):
            expected = reward[env]
            if done[env] and options:
                last = torch.from_numpy(infos[env]["terminal_observation"])[None]
                with torch.no_grad():
                    expected += model.config.gamma * model.policy.predict_values(last).item()
            assert rewards[row, env] == pytest.approx(expected, rel=1e-5)


class Lamps(gymnasium.Env[NDArray[np.float32], int]):
    """One of three lamps is lit: press its button. The lamps have no memory."""

    observation_space = gymnasium.spaces.Box(0, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.light(), {}

    def step(self, action: int) -> Any:
        reward = float(action == self.lit)
        return self.light(), reward, False, False, {}

    def light(self) -> NDArray[np.float32]:
        self.lit = int(self.np_random.integers(3))
        return np.eye(3, dtype=np.float32)[self.lit]


gymnasium.register("Lamps-v0", Lamps, max_episode_steps=10)


@pytest.mark.long
@pytest.mark.parametrize("agent", AGENTS)
def test_it_learns_a_contextual_bandit_in_a_second(agent: str, tmp_path: Path) -> None:
    settings = {"gamma": 0.0, "lr": 0.02}
    record = record_for(agent, "Lamps-v0", **settings)
    model = build_model(record)
    run = Run(start(tmp_path, record), record, model)
    model.fit(rockfall.open_source("Lamps-v0"), run)
    assert torch.equal(model.act(torch.eye(3)), torch.arange(3))
    assert run.metrics[-1]["score"] > 5  # of ten; by chance 3.3


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
def test_it_plays_falling_rocks_as_well_as_it_should(agent: str, tmp_path: Path) -> None:
    run = rockfall.train(agent, "falling-rocks-8x8", out=tmp_path, listeners=[])
    assert run.result["figures"]["score"]["percent_of_oracle"] >= 95


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
def test_it_balances_the_pole(agent: str, tmp_path: Path) -> None:
    run = rockfall.train(agent, "CartPole-v1", out=tmp_path, listeners=[])
    assert run.result["figures"]["score"]["value"] >= 475


@pytest.mark.parametrize("network", ["mlp", "conv", "vin"])
@pytest.mark.parametrize("agent", AGENTS)
def test_it_acts_greedily(agent: str, network: str) -> None:
    model = build_model(record_for(agent, "falling-rocks-8x8", network=network))
    assert isinstance(model, Sb3Agent)
    screens = torch.randint(2, (64, 8, 8), dtype=torch.uint8)
    actions = model.act(screens)
    flat = screens.flatten(1)
    if agent == "dqn":
        best = model.policy.q_net(flat)
    else:
        best = model.policy.get_distribution(flat).distribution.logits
    assert torch.equal(actions, best.argmax(1))


@pytest.mark.parametrize("agent", ["ppo", "pqn", "reinforce"])
@pytest.mark.parametrize("shape", [(8, 8), (8,), (), (1, 64), (2, 8, 7), (1, 2, 8, 8)])
def test_a_tensor_that_is_no_batch_is_refused(agent: str, shape: tuple[int, ...]) -> None:
    model: Any = build_model(record_for(agent, "falling-rocks-8x8"))
    with pytest.raises(UsageError, match="takes a tensor"):
        model.act(torch.zeros(shape, dtype=torch.uint8))


def test_pixels_are_scaled_once_whatever_their_shape() -> None:
    """SB3 would take (H, W, 3) of bytes for a picture, move its axes and divide it by 255."""
    info = rockfall.SourceInfo(
        name="pixels",
        kinds=("discrete-actions",),
        shape=(10, 12, 3),
        dtype="uint8",
        low=0.0,
        high=255.0,
        actions=4,
    )
    pixels = torch.arange(360, dtype=torch.uint8).reshape(1, 10, 12, 3)
    for agent in AGENTS:
        kind = registry().models.find(agent).spec.load()
        model = kind(kind.Config(hidden=(8,)), info)
        inputs_seen: list[torch.Tensor] = []
        for module in model.policy.modules():
            if isinstance(module, torch.nn.Flatten):
                module.register_forward_pre_hook(
                    lambda _, inputs, seen=inputs_seen: seen.append(*inputs)
                )
        model.act(pixels)
        torch.testing.assert_close(inputs_seen[0], pixels / 255)


def test_a_replay_buffer_too_large_for_a_checkpoint_is_refused() -> None:
    with pytest.raises(UsageError, match=r"buffer_size=\d+"):
        build_model(record_for("dqn", "falling-rocks-32x32", buffer_size=1_000_000))


def test_batches_of_ppo_must_fit_its_rollouts() -> None:
    with pytest.raises(
        ConfigError, match="batch_size=256 does not divide envs × rollout_steps = 640"
    ):
        record_for("ppo", "CartPole-v1", envs=10)


def test_conv_refuses_what_is_not_a_grid() -> None:
    with pytest.raises(UsageError, match="network=mlp"):
        build_model(record_for("ppo", "CartPole-v1", network="conv"))


def test_the_table_of_contents_imports_neither_torch_nor_sb3() -> None:
    code = (
        "import sys, rockfall_agents.plugin;"
        "print([m for m in ('torch', 'stable_baselines3', 'gymnasium') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_minibatches_are_those_of_the_rollout_buffer() -> None:
    info = rockfall.SourceInfo(
        name="s", kinds=(), shape=(2, 3), dtype="uint8", low=0, high=1, actions=4
    )
    generator = np.random.default_rng(0)
    buffers = [
        made(5, *flat_spaces(info), device="cpu", n_envs=3)
        for made in (RolloutBuffer, UploadedRolloutBuffer)
    ]
    for _ in range(2):  # the second rollout is not the first again
        drawn = [
            (
                generator.integers(2, size=(3, 6)).astype(np.uint8),
                generator.integers(4, size=(3, 1)),
                *generator.normal(size=(2, 3)).astype(np.float32),
                *torch.from_numpy(generator.normal(size=(2, 3)).astype(np.float32)),
            )
            for _ in range(5)
        ]
        expected, got = [], []
        for buffer, parts in zip(buffers, (expected, got), strict=True):
            buffer.reset()
            for transition in drawn:
                buffer.add(*transition)
            buffer.compute_returns_and_advantage(torch.ones(3), np.zeros(3))
            np.random.seed(0)
            for size in (4, None):  # two epochs
                parts += buffer.get(size)
        assert [len(part.actions) for part in got] == [4, 4, 4, 3, 15]
        for one, other in zip(expected, got, strict=True):
            for name in one._fields:
                ours, theirs = getattr(other, name), getattr(one, name)
                assert ours.dtype == theirs.dtype and torch.equal(ours, theirs), name
