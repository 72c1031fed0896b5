"""The tensor form: vectorised environments in torch."""

import pytest
import torch
from gymnasium.error import ResetNeeded

from drifting_rocks.tensor import DriftingRocksTensorEnv

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param


def coast(env: DriftingRocksTensorEnv) -> torch.Tensor:
    if env.rules.actions == "discrete":
        return torch.zeros(env.num_envs, dtype=torch.int64, device=env.device)
    return torch.zeros(env.num_envs, 2, device=env.device)


@pytest.mark.parametrize("actions", ["continuous", "discrete"])
def test_shapes_and_types(device, actions) -> None:
    env = DriftingRocksTensorEnv(5, device, seed=0, rocks=3, actions=actions)
    assert (env.num_envs, env.single_observation_shape) == (5, (16,))
    assert env.reset().dtype is torch.float32
    step = env.step(coast(env))
    assert [part.shape for part in step] == [(5, 16), (5,), (5,), (5,), (5, 16)]
    assert [part.dtype for part in step[1:4]] == [torch.float32, torch.bool, torch.bool]
    assert {part.device.type for part in step} == {device}


def test_games_restart_in_the_step_in_which_they_end(device) -> None:
    env = DriftingRocksTensorEnv(4, device, seed=0, steps=3, rock_speed=0.001)
    env.reset()
    state = env.state
    rocks = state.rocks.clone()
    rocks[:, 0, 2] = 0
    env.set_state(state._replace(rocks=rocks))
    observation, _, terminated, truncated, final_obs = env.step(coast(env))
    assert terminated.tolist() == [False, False, True, False]
    assert not truncated.any()
    kept = ~terminated
    assert torch.equal(observation[kept], final_obs[kept])
    assert (observation[2, 4:16].abs() >= 0.299).all()
    assert final_obs[2, 4:16].abs().min() < 0.01
    assert env.elapsed.tolist() == [1, 1, 0, 1]
    env.step(coast(env))
    _, _, terminated, truncated, _ = env.step(coast(env))
    assert truncated.tolist() == [True, True, False, True]
    assert not terminated.any()
    assert env.elapsed.tolist() == [0, 0, 2, 0]


def trajectory(env: DriftingRocksTensorEnv, seed: int | None) -> torch.Tensor:
    return torch.stack([env.reset(seed), *(env.step(coast(env))[0] for _ in range(60))])


def test_a_seed_decides_everything(device) -> None:
    env = DriftingRocksTensorEnv(3, device, seed=5, steps=9)
    first = trajectory(env, None)
    assert not torch.equal(first, trajectory(env, None))
    assert torch.equal(first, trajectory(env, 5))
    assert not torch.equal(first, trajectory(env, 6))
    assert not torch.equal(first, trajectory(DriftingRocksTensorEnv(3, device, steps=9), None))


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0 is not allowed"):
        DriftingRocksTensorEnv(0)
    env = DriftingRocksTensorEnv(2)
    with pytest.raises(ResetNeeded, match="not started"):
        env.step(coast(env))


def test_a_step_does_not_wait_for_the_device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    env = DriftingRocksTensorEnv(8, "cuda", seed=0, steps=3)
    env.reset()
    rest = coast(env)
    env.step(rest)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(20):  # beyond restarts
            env.step(rest)
    finally:
        torch.cuda.set_sync_debug_mode("default")
