"""The tensor form: vectorised environments in torch."""

import pytest
import torch
from gymnasium.error import ResetNeeded
from torch.utils._python_dispatch import TorchDispatchMode

from falling_rocks.tensor import FallingRocksTensorEnv

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_shapes_and_types(device, dtype) -> None:
    env = FallingRocksTensorEnv(5, device, seed=0, size=6, observation="planes", dtype=dtype)
    assert (env.num_envs, env.num_actions, env.single_observation_shape) == (5, 3, (2, 6, 6))
    observation = env.reset()
    assert observation.dtype is getattr(torch, dtype)
    step = env.step(torch.zeros(5, dtype=torch.int64, device=device))
    assert [part.shape for part in step] == [(5, 2, 6, 6), (5,), (5,), (5,), (5, 2, 6, 6)]
    assert [part.dtype for part in step[1:4]] == [torch.float32, torch.bool, torch.bool]
    assert {part.device.type for part in step} == {device}


def test_games_restart_in_the_step_in_which_they_end(device) -> None:
    env = FallingRocksTensorEnv(4, device, seed=0, steps=3)
    env.reset()
    stay = torch.zeros(4, dtype=torch.int64, device=device)
    for _ in range(2):
        observation, _, _, truncated, final_obs = env.step(stay)
        assert not truncated.any()
        assert final_obs is observation
    spawns = torch.full_like(stay, 7)
    observation, _, terminated, truncated, final_obs = env.advance(stay, spawns)
    assert truncated.all()
    assert not terminated.any()
    assert (final_obs[:, 0, 7] == 1).all()
    assert (observation[:, :-1].sum((1, 2)) == 1).all()
    assert torch.equal(observation, env.observation)
    assert not env.step(stay)[3].any()


def trajectory(env: FallingRocksTensorEnv, seed: int | None) -> torch.Tensor:
    stay = torch.zeros(env.num_envs, dtype=torch.int64, device=env.device)
    return torch.stack([env.reset(seed), *(env.step(stay)[0] for _ in range(150))])


def test_a_seed_decides_everything(device) -> None:
    env = FallingRocksTensorEnv(3, device, seed=5)
    first = trajectory(env, None)
    assert not torch.equal(first, trajectory(env, None))
    assert torch.equal(first, trajectory(env, 5))
    assert not torch.equal(first, trajectory(env, 6))
    unseeded = FallingRocksTensorEnv(3, device)
    assert not torch.equal(first, trajectory(unseeded, None))


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="num_envs=0 is not allowed"):
        FallingRocksTensorEnv(0)
    with pytest.raises(ResetNeeded, match="not started"):
        FallingRocksTensorEnv(2).step(torch.zeros(2, dtype=torch.int64))


def test_a_step_does_not_wait_for_the_device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    env = FallingRocksTensorEnv(8, "cuda", seed=0, steps=3)
    env.reset()
    stay = torch.zeros(8, dtype=torch.int64, device="cuda")
    env.step(stay)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(600):  # beyond restarts and the next bulk of spawns
            env.step(stay)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("steps", [1, 3, 4, 7, 100])
def test_what_is_played_from_draws_is_what_steps_give(steps: int) -> None:
    parameters = {"size": 5, "steps": 7, "rock_probability": 0.5}
    env, other = (FallingRocksTensorEnv(4, seed=0, **parameters) for _ in range(2))
    env.reset(1)
    other.reset(1)
    actions = torch.randint(3, (60, 4), generator=torch.Generator().manual_seed(0))
    time = 0
    while time < 50:
        if time in (9, 22):  # steps and stretches take turns as they like
            for ours, theirs in zip(
                env.step(actions[time]), other.step(actions[time]), strict=True
            ):
                assert torch.equal(ours, theirs)
            time += 1
        drawn = env.draw(steps)
        copies = [part.clone() for part in drawn]
        stretch = env.play(*drawn)
        assert 1 <= len(stretch) <= steps
        assert torch.equal(stretch.observation, other.observation)
        for _ in range(len(stretch)):
            ours, theirs = stretch.step(actions[time]), other.step(actions[time])
            assert all(map(torch.equal, ours, theirs))
            assert stretch.ended == bool(theirs[3].all())
            time += 1
        assert all(map(torch.equal, drawn, copies))  # a function: what it is given stays
        env.go_on(len(stretch), *stretch.games)
        assert torch.equal(env.observation, other.observation)
        state, expected = env.state_dict(), other.state_dict()
        assert state.pop("elapsed") == expected.pop("elapsed")
        for name in ("rocks", "bowl", "generator", "spawns"):
            assert torch.equal(state[name], expected[name])


class Operations(TorchDispatchMode):
    """Counts the operations that compute or copy, each of which is a launch on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not func.is_view:
            self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.long
def test_a_step_takes_three_launches() -> None:
    env = FallingRocksTensorEnv(8, seed=0, steps=64)
    env.reset()
    stay = torch.zeros(8, dtype=torch.int64)
    env.step(stay)
    with Operations() as operations:
        for _ in range(9):
            env.step(stay)
    assert operations.names == 9 * ["add", "add", "index_select"]
