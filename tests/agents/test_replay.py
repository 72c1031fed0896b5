"""A replay buffer comes back from a checkpoint as it was, and takes little room there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from rockfall.kit import checkpoint
from rockfall_agents.replay import ReplayBufferState, checkpoint_megabytes

ROWS, ENVS, PIXELS = 6, 3, 1024
ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def empty(rows: int = ROWS) -> ReplayBuffer:
    space = spaces.Box(0, 255, (PIXELS,), np.uint8)
    return ReplayBuffer(rows * ENVS, space, spaces.Discrete(3), device="cpu", n_envs=ENVS)


def fill(buffer: ReplayBuffer, steps: int, generator: np.random.Generator) -> None:
    """Add transitions as collecting does: each follows the last, but where an episode ended."""
    observation = generator.integers(256, size=(ENVS, PIXELS), dtype=np.uint8)
    for _ in range(steps):
        next_observation = generator.integers(256, size=(ENVS, PIXELS), dtype=np.uint8)
        done = generator.random(ENVS) < 0.3
        truncated = done & (generator.random(ENVS) < 0.5)
        final = np.where(
            done[:, None], generator.integers(256, size=observation.shape), next_observation
        )
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": bool(cut)} for cut in truncated]
        action, reward = generator.integers(3, size=ENVS), generator.random(ENVS)
        buffer.add(observation, final, action, reward, done, infos)
        observation = next_observation


@pytest.mark.parametrize("steps", [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS - 1])
def test_it_comes_back_as_it_was(steps: int, tmp_path: Path) -> None:
    buffer, loaded = empty(), empty()
    fill(buffer, steps, np.random.default_rng(steps))
    fill(loaded, 4, np.random.default_rng(99))
    checkpoint.write(tmp_path / "replay.safetensors", ReplayBufferState(buffer).state_dict())
    ReplayBufferState(loaded).load_state_dict(checkpoint.read(tmp_path / "replay.safetensors"))
    assert (loaded.pos, loaded.full) == (buffer.pos, buffer.full)
    for name in ARRAYS:
        theirs, ours = getattr(buffer, name), getattr(loaded, name)
        np.testing.assert_array_equal(ours[: buffer.size()], theirs[: buffer.size()], name)


def test_its_size_is_as_computed_and_only_of_what_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "replay.safetensors"
    buffer = empty(10_000)
    checkpoint.write(path, ReplayBufferState(buffer).state_dict())
    assert path.stat().st_size < 5_000
    fill(buffer, 100, np.random.default_rng(0))
    buffer.dones[:] = 0
    checkpoint.write(path, ReplayBufferState(buffer).state_dict())
    assert path.stat().st_size / 1e6 == pytest.approx(
        checkpoint_megabytes(100 * ENVS, PIXELS), rel=0.05
    )
