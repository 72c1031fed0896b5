"""Many environments stepped at once, with tensors at the boundary and an exact state.

Three ways to get one, best first: the environment's own torch form, its own `VectorEnv` when that
offers its state, and a loop over plain environments, which works for every Gymnasium id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.environments.checking import (
    check_finite,
    check_info,
    code_of_environment,
    ends_of,
    name_of,
    rewards_of,
)
from rockfall.kit.environments.checking import close as close_one
from rockfall.kit.environments.replay import EpisodeReplay
from rockfall.kit.environments.spaces import Encoded, Spaces
from rockfall.kit.environments.uploads import to_device

Policy = Callable[[Tensor], Tensor]
"""Observations (N, …) to actions (N, …), as `rockfall.kit.environments.Spaces` says."""
Form = Literal["tensor", "vector", "plain"]
"""How a batch is made."""
Frame = np.ndarray | str
"""What one environment looks like: a picture (H, W, 3) uint8 or text, by its render mode."""


class Step(NamedTuple):
    """What one step of N environments gives.

    An environment that ends starts its next episode in the same step: `observation` is then the
    new episode's first and `final_observation` the old one's last (elsewhere the two are equal).
    """

    observation: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    final_observation: Tensor


class BatchedEnvironment(Protocol):
    """N environments. `observation` (N, …) is current and may be overwritten two steps later."""

    num_envs: int
    observation: Tensor
    native: Any
    """What is behind it: a `VectorEnv`, a torch form, or the list of plain environments."""
    ended_rows: Tensor | None
    """The environments (E,) whose episode the latest step ended: where the CPU knows their number
    anyway, which otherwise means to wait for the device. Where it doesn't, None."""
    earned: Tensor | None
    """The environments' own rewards (N,) of the latest step, where wrappers of training make others
    of them to learn from; else None. Scores are sums of these."""

    def reset(self, seed: int | None = None) -> Tensor: ...
    def step(self, actions: Tensor) -> Step: ...

    def render(self) -> list[Frame]:
        """A frame an environment, if the batch was made with a render mode."""

    def ended(self) -> list[Frame | None]:
        """The last frame of each episode that the latest step ended, before the next one began.

        None for an environment that goes on, and for one that can't tell.
        """

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
    def close(self) -> None: ...


class Earned(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps the reward of each step from the wrappers around it."""

    key = "rockfall: earned"

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, self.key: reward}


class VectorBatch:
    """A Gymnasium `VectorEnv` that offers its state, as a `BatchedEnvironment`."""

    earned: Tensor | None = None

    def __init__(self, env: VectorEnv[Any, Any, Any], device: torch.device) -> None:
        self.env: Any = env  # beyond Gymnasium's: state_dict, load_state_dict, observation
        self.native = env
        self.device = device
        self.num_envs = env.num_envs
        self.name = name_of(env)
        self.spaces = Spaces(env.single_observation_space, env.single_action_space)
        self.ended_rows: Tensor | None = None
        self._infos: dict[str, Any] = {}

    def reset(self, seed: int | None = None) -> Tensor:
        observation, _ = self.env.reset(seed=seed)
        self.observation = self._tensor(observation)
        return self.observation

    def step(self, actions: Tensor) -> Step:
        chosen = self.spaces.decode_many(actions.cpu().numpy())
        seen, reward, terminated, truncated, info = self.env.step(chosen)
        self._infos = info
        check_finite(self.name, "a reward", reward)
        observation = self.spaces.encode_many(seen)
        check_finite(self.name, "an observation", observation)
        arrays = [
            observation,
            reward.astype(np.float32, copy=False),
            terminated,
            truncated,
            np.flatnonzero(terminated | truncated),
        ]
        if "_final_obs" in info:
            done = info["_final_obs"]
            final = observation.copy()
            final[done] = np.stack([self.spaces.encode(each) for each in info["final_obs"][done]])
            arrays.append(final)
        self.observation, *rest = to_device(arrays, self.device)
        reward, terminated, truncated, self.ended_rows, *last = rest
        return Step(
            self.observation, reward, terminated, truncated, last[0] if last else self.observation
        )

    def render(self) -> list[Frame]:
        return list(self.env.render())

    def ended(self) -> list[Frame | None]:
        if "final_frame" not in self._infos:  # beyond Gymnasium's: the environment's own courtesy
            return [None] * self.num_envs
        frames, over = self._infos["final_frame"], self._infos["_final_obs"]
        return [frame if done else None for frame, done in zip(frames, over, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self.env.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.env.load_state_dict(state)
        self.observation = self._tensor(self.env.observation)

    def close(self) -> None:
        self.env.close()

    def _tensor(self, observations: Any) -> Tensor:
        return to_device([self.spaces.encode_many(observations)], self.device)[0]


class LoopBatch:
    """Plain environments in a loop, each replayable, as a `BatchedEnvironment`."""

    earned: Tensor | None = None

    def __init__(
        self, envs: list[gymnasium.Env[Any, Any]], device: torch.device, first: int = 0
    ) -> None:
        """first: the number of the first of them, if they are a part of a batch."""
        self.device = device
        self.num_envs = len(envs)
        self.name = name_of(envs[0])
        encoded = map(Encoded, envs)
        self.envs = [EpisodeReplay(env, seed=0, index=i) for i, env in enumerate(encoded, first)]
        self.native = envs
        self.ended_rows: Tensor | None = None
        self._draws = bool(envs[0].render_mode)
        self._none_ended: list[Frame | None] = [None] * len(envs)
        self._ended = self._none_ended

    def reset(self, seed: int | None = None) -> Tensor:
        """Start the first episode of every environment."""
        for env in self.envs:
            env.restart(seed)
        with code_of_environment(self.name, "reset()"):
            return self._observe([env.reset()[0] for env in self.envs])

    def step(self, actions: Tensor) -> Step:
        chosen = actions.tolist() if actions.ndim == 1 else actions.cpu().numpy().copy()
        with code_of_environment(self.name, "step()"):
            results = [env.step(action) for env, action in zip(self.envs, chosen, strict=True)]
            seen, reward, terminated, truncated, infos = zip(*results, strict=True)
            check_info(self.name, infos[0])
            keeps_own = Earned.key in infos[0]
            last = np.stack(seen)
            ends, cuts = ends_of(self.name, terminated, truncated)
            done = ends | cuts
            self._ended = self._none_ended
            if done.any() and self._draws:
                pairs = zip(self.envs, done, strict=True)
                self._ended = [self._frame(env) if over else None for env, over in pairs]
        first = last
        if done.any():
            first = last.copy()
            with code_of_environment(self.name, "reset()"):
                for index in np.flatnonzero(done):
                    first[index] = self.envs[index].reset()[0]
            check_finite(self.name, "an observation", last)
        check_finite(self.name, "an observation", first)
        arrays = [
            first,
            rewards_of(self.name, reward),
            ends,
            cuts,
            np.flatnonzero(done),
            *([] if first is last else [last]),
        ]
        if keeps_own:
            own = rewards_of(self.name, tuple(info[Earned.key] for info in infos))
            self.earned = to_device([own], self.device)[0]
        self.observation, *rest = to_device(arrays, self.device)
        rewards, over, cut, self.ended_rows, *final = rest
        return Step(self.observation, rewards, over, cut, final[0] if final else self.observation)

    def render(self) -> list[Frame]:
        return [self._frame(env) for env in self.envs]

    def ended(self) -> list[Frame | None]:
        return self._ended

    def state_dict(self) -> dict[str, Any]:
        return {"envs": [env.state_dict() for env in self.envs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pairs = zip(self.envs, state["envs"], strict=True)
        self._observe([env.load_state_dict(saved) for env, saved in pairs])

    def close(self) -> None:
        for env in self.envs:
            close_one(env)

    def _frame(self, env: gymnasium.Env[Any, Any]) -> Frame:
        with code_of_environment(self.name, "render()"):
            frame: Any = env.render()
            return frame if isinstance(frame, str) else _picture(np.asarray(frame))

    def _observe(self, observations: list[Any]) -> Tensor:
        self.observation = to_device([np.stack(observations)], self.device)[0]
        return self.observation


def _picture(frame: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As Gymnasium has it, (H, W, 3) uint8; some give brightness from 0 to 1, whole numbers of
    another type, no colours, or a fourth one, of which nothing is seen through. Raises
    RockfallError for what is no picture.
    """
    frame = np.stack([frame] * 3, -1) if frame.ndim == 2 else frame
    if not (frame.ndim == 3 and frame.size and frame.shape[2] in (1, 3, 4)):
        raise RockfallError(
            f"render() gives an array of shape {frame.shape}, and a picture has (height, width, 3)"
        )
    if frame.dtype.kind in "bf":
        frame = np.nan_to_num(frame.astype(np.float64)).clip(0, 1) * 255
    if frame.dtype.kind not in "uif":
        raise RockfallError(f"render() gives an array of {frame.dtype}, and a picture is of uint8")
    frame = np.repeat(frame, 3, 2) if frame.shape[2] == 1 else frame[..., :3]
    return frame.clip(0, 255).round().astype(np.uint8, copy=False)


def offers_state(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether a vector environment can be stopped and continued exactly."""
    return (
        hasattr(env, "state_dict")
        and hasattr(env, "load_state_dict")
        and env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP
    )
