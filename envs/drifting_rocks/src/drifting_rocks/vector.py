"""The vectorised form: many games at once in NumPy, a Gymnasium ``VectorEnv``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from drifting_rocks import rendering, state_dicts
from drifting_rocks.checks import check_num_envs, check_render_mode
from drifting_rocks.rules import SIDE, Rules, State, advance, draws, observe, start
from drifting_rocks.spaces import action_space, observation_space, thrusts

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Step = tuple[Floats, Floats, Mask, Mask, dict[str, Any]]


class DriftingRocksVectorEnv(VectorEnv[Floats, NDArray[Any], NDArray[Any]]):
    """``num_envs`` games of Drifting Rocks, stepped together; a game that ends restarts at once.

    When games end, ``infos["final_obs"]`` holds the last observations of all games, an array of
    shape ``(num_envs, …)``, and ``infos["_final_obs"]``, a mask, tells which games ended.
    With a render mode, ``infos["final_frame"]`` holds what `render` returned before the restart.

    Observations are fresh arrays, in whose memory the games are the last axis.

    Args:
        num_envs: the number of games.
        render_mode: ``"ansi"``, ``"rgb_array"`` or ``None``; `render` gives a frame a game.
        parameters: those of `Rules`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": rendering.FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self, num_envs: int = 1, render_mode: str | None = None, **parameters: Any
    ) -> None:
        self.num_envs = check_num_envs(num_envs)
        self.rules = Rules(**parameters)
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.single_observation_space = observation_space(self.rules)
        self.single_action_space = action_space(self.rules)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.elapsed = np.zeros(num_envs, np.int32)
        self._state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Start new games: all of them, or those of the mask ``options["reset_mask"]``.

        Args:
            seed: seeds everything random; ``None`` lets the random numbers run on.
            options: ``"reset_mask"``, booleans of shape ``(num_envs,)``, as Gymnasium has it.
        """
        super().reset(seed=seed)
        all_games = np.ones(self.num_envs, np.bool_)
        mask = np.asarray((options or {}).get("reset_mask", all_games))
        if mask.shape != all_games.shape or mask.dtype != all_games.dtype:
            raise ValueError(
                f"options['reset_mask'] must be booleans of shape ({self.num_envs},), "
                f"not {mask.dtype} of shape {mask.shape}"
            )
        if self._state is None or mask.all():
            return self.set_state(self._fresh(self.num_envs)), {}
        self._restart(np.flatnonzero(mask))
        return self.observation, {}

    def step(self, actions: ArrayLike) -> Step:
        """Play one step in every game, with random places for the next beacons.

        Args:
            actions: ``(num_envs, 2)`` thrusts, or ``(num_envs,)`` numbers of `THRUSTS`.
        """
        beacons = self.np_random.random((2, self.num_envs), np.float32)
        return self.advance(actions, beacons * SIDE - 1)

    def advance(self, actions: ArrayLike, beacons: ArrayLike) -> Step:
        """Play one step; the next beacons appear at ``beacons`` (2, num_envs)."""
        thrust = thrusts(self.rules, actions, (self.num_envs,))
        self._state, reached, hit = advance(
            self.rules, self._started, thrust, np.asarray(beacons, np.float32)
        )
        self.elapsed = self.elapsed + np.int32(1)
        truncated = (self.elapsed >= self.rules.steps) & ~hit
        over = hit | truncated
        observation = self.observation
        infos: dict[str, Any] = {}
        if over.any():
            infos = {"final_obs": observation, "_final_obs": over}
            if self.render_mode:
                infos["final_frame"] = self.render()
            ended = np.flatnonzero(over)
            observation = observation.copy("K")
            observation[ended] = self._restart(ended)
        return observation, reached.astype(np.float32), hit, truncated, infos

    @property
    def observation(self) -> Floats:
        """The current observation, shape ``(num_envs, *single_observation_space.shape)``."""
        return self._observe(self._started)

    @property
    def state(self) -> State:
        """The state of the games: float32 arrays, ``(2, num_envs)`` and ``(2, rocks, num_envs)``;
        copies.
        """
        return State(*(part.copy() for part in self._started))

    def set_state(self, state: State, elapsed: ArrayLike = 0) -> Floats:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        self._state = State(*(np.asarray(part).astype(np.float32) for part in state))
        self.elapsed = np.zeros(self.num_envs, np.int32) + np.asarray(elapsed, np.int32)
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as arrays and JSON-able values."""
        return {
            **state_dicts.write_state(self.rules, self.num_envs, self.state),
            "elapsed": self.elapsed.copy(),
            "np_random": self.np_random.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        From a state of the tensor form the games go on, but with other random numbers.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        games = state_dicts.read_state(state, self.rules, self.num_envs)
        self.set_state(games, state["elapsed"])
        if "np_random" in state:
            self.np_random.bit_generator.state = state["np_random"]

    def render(self) -> tuple[Any, ...] | None:
        """A frame a game, in the render mode."""
        state = self._started
        games = (State(*(part[..., game] for part in state)) for game in range(self.num_envs))
        return tuple(rendering.frame(self.rules, game, self.render_mode) for game in games)

    def _restart(self, games: NDArray[np.intp]) -> Floats:
        """Start these games anew, and return their observations."""
        fresh = self._fresh(len(games))
        for old, new in zip(self._started, fresh, strict=True):
            old[..., games] = new
        self.elapsed[games] = 0
        return self._observe(fresh)

    def _fresh(self, games: int) -> State:
        return start(self.rules, self.np_random.random((2, draws(self.rules), games), np.float32))

    def _observe(self, state: State) -> Floats:
        return np.concatenate(observe(self.rules, state)).T

    @property
    def _started(self) -> State:
        if self._state is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._state
