"""A batched environment as a `VecEnv` of stable-baselines3, which takes and gives NumPy arrays."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, from_numpy

import rockfall
from rockfall import RockfallError
from rockfall.kit.environments import BatchedEnvironment, Spaces
from rockfall_agents.normalizing import RewardScale


def flat_spaces(info: rockfall.SourceInfo) -> tuple[spaces.Box[Any], spaces.Space[Any]]:
    """The spaces that SB3 sees: observations as vectors, of their own dtype, and the actions of a
    batch, counted from 0.

    From shape, dtype and bounds SB3 guesses whether an observation is an image, and then moves its
    axes and divides it by 255. A vector it leaves alone; the network restores its shape.
    """
    size, dtype = int(np.prod(info.shape)), np.dtype(info.dtype)
    floats = np.issubdtype(dtype, np.floating)
    least, most = (-np.inf, np.inf) if floats else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low = np.full(size, least if info.low is None else info.low, dtype)
    high = np.full(size, most if info.high is None else info.high, dtype)
    observed = spaces.Box(low, high, (size,), dtype.type)
    match Spaces.of(info).acted:
        case spaces.Discrete(n=n):
            return observed, spaces.Discrete(int(n))
        case spaces.MultiDiscrete(nvec=nvec):
            return observed, spaces.MultiDiscrete(nvec.flatten())
        case spaces.MultiBinary(shape=shape):
            return observed, spaces.MultiBinary(int(np.prod(shape)))
        case box:
            assert isinstance(box, spaces.Box)
            # SB3 asks for finite bounds, to which it clips; the largest number is as good as none.
            low, high = (
                np.nan_to_num(bound.astype(np.float32)).reshape(box.shape or 1)
                for bound in (box.low, box.high)
            )
            # It divides by the width: where there is none nothing is chosen, and any will do.
            held = low == high
            low, high = np.where(held, 0, low), np.where(held, 1, high)
            return observed, spaces.Box(low, high, dtype=np.float32)


NO_NUMBERS = (
    "what the policy gives stopped being numbers; a smaller learning rate often helps, or smaller "
    "numbers to learn from"
)


class BatchVecEnv(VecEnv):
    """Steps all environments at once, and builds an info only where an episode ended.

    Observations are vectors (N, D), on the CPU, and copies: SB3 keeps them, while a batch may
    overwrite its own. As with SB3's `Monitor`, the info of an episode's last step has its return
    and length under `episode`.
    """

    def __init__(
        self,
        batch: BatchedEnvironment,
        info: rockfall.SourceInfo,
        seed: int,
        reward_scale: RewardScale | None = None,
    ) -> None:
        """seed: of the random actions that SB3 samples from the action space. reward_scale: what
        the rewards that SB3 learns from are divided by; those of an `episode` are not."""
        self.batch = batch
        self.reward_scale = reward_scale
        self._at_its_end: dict[str, Any] | None = None
        super().__init__(batch.num_envs, *flat_spaces(info))
        self.action_space.seed(seed)
        self._start_episodes()

    def reset(self) -> NDArray[Any]:
        self._start_episodes()
        observation = self._flat(self.batch.reset(self._seeds[0]))
        self._reset_seeds()
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Raises Diverged for actions that are no numbers: an environment would stumble at them."""
        if actions.dtype.kind == "f" and not np.isfinite(actions).all():
            raise rockfall.Diverged(NO_NUMBERS)
        self._actions = from_numpy(np.asarray(actions))

    def step_wait(
        self,
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        # On the CPU tensors are arrays, which take less time where they are small.
        step = self.batch.step(self._actions)
        reward = step.reward.numpy().copy()  # SB3 adds to it
        terminated, truncated = step.terminated.numpy(), step.truncated.numpy()
        done = terminated | truncated
        earned = self.batch.earned
        self._returns += reward if earned is None else earned.numpy()
        if self.reward_scale:
            reward = self.reward_scale(step.reward[None], from_numpy(done)[None])[0].numpy()
        self._lengths += 1
        infos: list[dict[str, Any]] = [{}] * self.num_envs  # one empty dict for all that go on
        if done.any():
            ended = np.flatnonzero(done)
            cut = truncated & ~terminated
            final = self._flat(step.final_observation)
            for index in ended:
                infos[index] = {
                    "terminal_observation": final[index],
                    "TimeLimit.truncated": bool(cut[index]),
                    "episode": {
                        "r": float(self._returns[index]),
                        "l": int(self._lengths[index]),
                    },
                }
            self._returns[ended] = 0
            self._lengths[ended] = 0
        return self._flat(step.observation), reward, done, infos

    def state_dict(self) -> dict[str, Any]:
        if self._at_its_end is not None:
            return self._at_its_end
        return {
            "batch": self.batch.state_dict(),
            "returns": self._returns,
            "lengths": self._lengths,
            "random_actions": self.action_space.np_random.bit_generator.state,
            **({"reward_scale": self.reward_scale.state_dict()} if self.reward_scale else {}),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batch.load_state_dict(state["batch"])
        self._returns = state["returns"].copy()
        self._lengths = state["lengths"].copy()
        self.action_space.np_random.bit_generator.state = state["random_actions"]
        if self.reward_scale:
            self.reward_scale.load_state_dict(state["reward_scale"])

    def close(self) -> None:
        """A run is saved once more when it is finished, and workers that are gone tell nothing."""
        with contextlib.suppress(RockfallError):
            self._at_its_end = self.state_dict()
        self.batch.close()

    # SB3 asks for attributes of single environments, and a batch has no single environments.

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name == "render_mode":
            return [None] * self.num_envs
        raise AttributeError(attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(attr_name)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def _start_episodes(self) -> None:
        self._returns = np.zeros(self.num_envs, np.float32)
        self._lengths = np.zeros(self.num_envs, np.int64)

    def _flat(self, observation: Tensor) -> NDArray[Any]:
        return observation.numpy().reshape(self.num_envs, -1).copy()
