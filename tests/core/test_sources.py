"""Sources: opened by name, id or path; described truly; batched and resumed exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from PIL import Image

from rockfall.errors import RockfallError, UnknownName, UsageError
from rockfall.kinds import require_kind
from rockfall.kit.environments.batched import LoopBatch
from rockfall.kit.pictures import save
from rockfall.kit.splits import hold_out
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.environment import Environment
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source
from rockfall.sources.picture import Picture

CPU = torch.device("cpu")


def test_each_way_to_name_a_source(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    assert isinstance(open_source("digits"), Dataset)
    assert isinstance(open_source("rockfall-datasets:digits"), Dataset)
    assert isinstance(open_source("CartPole-v1"), Environment)
    assert isinstance(open_source("falling-rocks-8x8"), Environment)
    assert isinstance(open_source("rockfall/FallingRocks-8x8-v0"), Environment)
    assert isinstance(open_source("falling_rocks:rockfall/FallingRocks-v0"), Environment)
    assert isinstance(open_source(tmp_path / "a.png"), Picture)


@pytest.mark.parametrize("name", ["flower", "rockfall-datasets:flower"])
def test_a_registered_picture(name: str) -> None:
    opened = open_source(name)
    assert isinstance(opened, Picture)
    assert opened.info.name == "flower"
    assert opened.info.kinds == ("picture",)
    assert opened.info.shape == tuple(opened.pixels.shape) == (3, 427, 640)


def test_another_picture_has_another_description(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    levels = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None]
    seen = [open_source(save(path, levels.expand(3, 2, 4) + more)).info for more in (0, 1)]
    assert seen[0].statistics == {"mean": [10, 20, 30], "std": [0, 0, 0]}
    assert seen[0] != seen[1]


def test_the_size_of_a_picture(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(60, dtype=np.uint8)[:, None, None] * 4, 30, 1).repeat(3, 2)
    Image.fromarray(rows).save(tmp_path / "tall.png")
    whole, small = (open_source(tmp_path / "tall.png", options) for options in ({}, {"size": "20"}))
    assert isinstance(small, Picture) and isinstance(whole, Picture)
    assert small.info.shape == (3, 20, 10)
    inner = slice(2, -2)  # each third row lies in the middle of three that are averaged
    np.testing.assert_allclose(small.pixels[0, inner, 5], whole.pixels[0, 1::3, 5][inner], atol=1)
    same = open_source(tmp_path / "tall.png", {"size": 61})
    assert isinstance(same, Picture) and torch.equal(same.pixels, whole.pixels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size: input should be greater than or equal to 1"),
        ({"sice": 5}, "no setting named sice; did you mean size?"),
    ],
)
def test_options_that_a_picture_has_not(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_source("flower", options)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("digit", "did you mean digits?"),
        ("flowr", "flower"),
        ("falling-rocks-8", "falling-rocks-8x8"),
        ("qqq", "list"),
    ],
)
def test_an_unknown_source(text: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=hint):
        open_source(text)


def test_options_reach_the_source() -> None:
    first, again = (open_source("digits", {"seed": seed}) for seed in ("1", 1))
    other = open_source("digits")
    assert torch.equal(first.test.labels, again.test.labels)  # type: ignore[attr-defined]
    assert not torch.equal(first.test.labels, other.test.labels)  # type: ignore[attr-defined]
    env = open_source("falling-rocks-8x8", {"bowl_width": "5"})
    assert env.make().unwrapped.rules.bowl_width == 5  # type: ignore[attr-defined]


def test_a_gymnasium_id_brings_what_its_plugin_knows_of_it() -> None:
    by_id, by_name = open_source("rockfall/FallingRocks-8x8-v0"), open_source("falling-rocks-8x8")
    assert by_id.info == by_name.info
    assert isinstance(by_id, Environment)
    assert by_id.baselines == ("random", "oracle")


@pytest.mark.parametrize("source", ["digits", "falling-rocks-8x8", "CartPole-v1"])
def test_an_unknown_option(source: str) -> None:
    with pytest.raises(UsageError, match="sede"):
        open_source(source, {"sede": "1"})


def test_a_model_on_a_source_it_cannot_learn_from() -> None:
    info = open_source("falling-rocks-8x8").info
    mlp = registry().models.find("mlp").spec
    with pytest.raises(
        UsageError, match="mlp learns from labelled-pictures, and falling-rocks-8x8"
    ):
        require_kind(mlp, info.name, info.kinds)
    with pytest.raises(UsageError, match=r"try .*digits"):
        require_kind(mlp, info.name, info.kinds)


@pytest.mark.parametrize("source", ["digits", "falling-rocks-16x16", "CartPole-v1", "Pendulum-v1"])
def test_info_survives_json(source: str) -> None:
    info = open_source(source).info
    assert SourceInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_info_of_environments() -> None:
    cart = open_source("CartPole-v1").info
    assert (cart.kinds, cart.shape, cart.actions) == (("environment", "discrete-actions"), (4,), 2)
    rocks = open_source("falling-rocks-16x16").info
    assert (rocks.shape, rocks.dtype, rocks.low, rocks.high) == ((16, 16), "uint8", 0.0, 1.0)
    assert "continuous-actions" in open_source("Pendulum-v1").info.kinds


def test_hold_out_is_a_partition() -> None:
    kept, held = hold_out(10, 0.3, 5)
    assert len(held) == 3
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(10))
    assert torch.equal(held, hold_out(10, 0.3, 5)[1])
    assert not torch.equal(held, hold_out(10, 0.3, 6)[1])


def test_statistics_are_a_channel() -> None:
    pictures = torch.stack([torch.full((6, 4, 4), 10), torch.full((6, 4, 4), 20)], 1).byte()
    pictures[:3, 0] = 30
    split = Split(pictures, torch.zeros(6))
    info = Dataset("x", dict.fromkeys(("train", "validation", "test"), split), kinds=("p",)).info
    assert info.statistics["mean"] == [20, 20]
    assert info.statistics["std"] == pytest.approx([10, 0])


def test_numbers_have_a_reach_too() -> None:
    """Binary units take values from 0 to 1, and say so before they are given others."""
    numbers = torch.tensor([[1.0, -5.0], [3.0, 0.5], [2.0, 7.25]])
    split = Split(numbers, torch.zeros(3))
    info = Dataset("x", dict.fromkeys(("train", "validation", "test"), split), kinds=("v",)).info
    assert info.statistics["min"] == [1, -5]
    assert info.statistics["max"] == [3, 7.25]
    assert SourceInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_extent_is_that_of_the_drawn() -> None:
    pictures = torch.zeros(3, 1, 10, 10, dtype=torch.uint8)
    pictures[0, 0, 2:8, 4:6] = 255  # 6 × 2
    pictures[1, 0, 0:10, 3:7] = 200  # 10 × 4; the third is empty and does not count
    split = Split(pictures, torch.zeros(3))
    info = Dataset("x", dict.fromkeys(("train", "validation", "test"), split), kinds=("p",)).info
    assert info.statistics["extent"] == pytest.approx([0.8, 0.3])


def test_a_split_has_its_former_name_for_evenly_spaced_examples() -> None:
    split = Split(torch.arange(7), torch.arange(7))
    assert split.spread(3).inputs.tolist() == [0, 2, 4]
    assert split.spread(None).inputs.tolist() == list(range(7))


def test_a_dataset_needs_its_splits_to_agree() -> None:
    a, b = Split(torch.zeros(2, 3), torch.zeros(2)), Split(torch.zeros(2, 4), torch.zeros(2))
    with pytest.raises(ValueError, match="no split test, validation"):
        Dataset("x", {"train": a}, kinds=())
    with pytest.raises(ValueError, match="test differs"):
        Dataset("x", {"train": a, "validation": a, "test": b}, kinds=())
    with pytest.raises(ValueError, match="2 inputs but 3 labels"):
        Split(torch.zeros(2), torch.zeros(3))


class Counter(gymnasium.Env[Any, Any]):
    """Counts to a random end; the observation tells (episode draw, steps so far)."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, honest: bool = True) -> None:
        self.honest = honest

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.draw = self.np_random.random() if self.honest else np.random.rand()
        self.end = int(self.np_random.integers(2, 5))
        self.count = 0
        return self._see(), {}

    def step(self, action: Any) -> Any:
        self.count += 1
        over = self.count == self.end
        return self._see(), float(action), over and self.draw < 0.5, over and self.draw >= 0.5, {}

    def _see(self) -> Any:
        return np.array([self.draw, self.count], np.float32)


def test_loop_batch_autoresets_in_the_same_step() -> None:
    batch = LoopBatch([Counter(), Counter()], CPU)
    batch.reset(7)
    lengths = [env.unwrapped.end for env in batch.envs]  # type: ignore[attr-defined]
    draws = batch.observation[:, 0].clone()
    for time in range(1, max(lengths) + 1):
        step = batch.step(torch.tensor([0, 2]))
        assert step.reward.tolist() == [0, 2]
        for index in (0, 1):
            if time == lengths[index]:
                assert step.terminated[index] != step.truncated[index]
                assert step.final_observation[index].tolist() == [draws[index], time]
                assert step.observation[index, 1] == 0
                assert step.observation[index, 0] != draws[index]
            elif time < lengths[index]:
                assert step.observation[index].tolist() == [draws[index], time]
                assert torch.equal(step.final_observation[index], step.observation[index])


def test_loop_batch_resumes_in_mid_episode() -> None:
    actions = torch.randint(3, (30, 3), generator=torch.Generator().manual_seed(0))
    straight = LoopBatch([Counter() for _ in range(3)], CPU)
    straight.reset(7)
    for action in actions[:13]:
        straight.step(action)
    state = straight.state_dict()
    other = LoopBatch([Counter() for _ in range(3)], CPU)
    other.reset(8)
    other.load_state_dict(state)
    assert torch.equal(other.observation, straight.observation)
    for action in actions[13:]:
        for left, right in zip(straight.step(action), other.step(action), strict=True):
            assert torch.equal(left, right)


def test_environments_of_a_batch_differ_and_seeds_decide() -> None:
    def first(seed: int) -> Any:
        batch = LoopBatch([Counter() for _ in range(3)], CPU)
        return batch.reset(seed)[:, 0].tolist()

    assert len(set(first(0))) == 3
    assert first(0) == first(0) != first(1)


def test_an_environment_that_does_not_replay_is_noticed() -> None:
    batch = LoopBatch([Counter(honest=False)], CPU)
    batch.reset(0)
    with pytest.raises(RockfallError, match="did not play the same episode"):
        batch.load_state_dict(batch.state_dict())


@pytest.mark.parametrize("source", ["CartPole-v1", "falling-rocks-8x8"])
def test_a_batch_follows_the_plain_environment(source: str) -> None:
    """The sum of rewards and the episode's length, by Gymnasium alone, from the same seed."""
    opened = open_source(source)
    assert isinstance(opened, Environment)
    batch = opened.batch(1, seed=5)
    rewards, over = [], False
    while not over:
        step = batch.step(torch.tensor([1]))
        rewards.append(step.reward.item())
        over = bool(step.terminated | step.truncated)
    if source == "CartPole-v1":  # falling rocks' own forms are compared in its own tests
        env = gymnasium.make(source)
        env.reset(seed=int(np.random.SeedSequence((5, 0, 0)).generate_state(1)[0]))
        plain, over = [], False
        while not over:
            _, reward, terminated, truncated, _ = env.step(1)
            plain.append(reward)
            over = terminated or truncated
        assert rewards == plain
    else:
        assert len(rewards) == 64


MODULE = """
import gymnasium
import numpy as np
from gymnasium import spaces

class Waiting(gymnasium.Env):
    observation_space, action_space = spaces.Box(0, 1, (3,), np.float32), spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.random(3, np.float32), {}
    def step(self, action):
        self.steps += 1
        return self.np_random.random(3, np.float32), float(action), self.steps >= 9, False, {}

gymnasium.register("Waiting-v0", entry_point="waiting_rooms:Waiting")
"""


def test_a_gymnasium_id_keeps_the_module_that_registers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run could not be resumed in another process, where nobody imported the module."""
    (tmp_path / "waiting_rooms.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    source = open_source("waiting_rooms:Waiting-v0")
    assert source.info.name == "waiting_rooms:Waiting-v0"
    assert isinstance(source, Environment)
    source.batch(2, seed=0).close()


@pytest.mark.parametrize("code", ["1 / 0", "def:", "raise SystemExit(3)"])
def test_a_module_that_fails(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_rooms.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"failing_rooms.* can't be imported"):
        open_source("failing_rooms:Any-v0")


@pytest.mark.parametrize("text", ["x" * 5000, "~nobody-at-all/x", "a\0b"])
def test_what_can_be_no_path(text: str) -> None:
    with pytest.raises(UnknownName):
        open_source(text)
