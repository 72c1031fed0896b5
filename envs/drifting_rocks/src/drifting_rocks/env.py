"""The plain form: one game, a Gymnasium ``Env``."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from drifting_rocks import rendering, state_dicts
from drifting_rocks.checks import check_render_mode
from drifting_rocks.rules import SIDE, THRUSTS, Rules, State, advance, draws, observe, start
from drifting_rocks.spaces import action_space, observation_space, thrusts
from drifting_rocks.window import Window

Observation = NDArray[np.float32]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]

KEYS = {"a": (-1, 0), "d": (1, 0), "w": (0, -1), "s": (0, 1)}
"""The thrusts of the keys of ``gymnasium.utils.play``: left, right, up and down."""


class DriftingRocksEnv(gymnasium.Env[Observation, Any]):
    """One game of Drifting Rocks; a hit terminates the episode, ``rules.steps`` steps truncate it.

    Args:
        render_mode: ``"ansi"``, ``"rgb_array"``, ``"human"`` (needs pygame) or ``None``.
        parameters: those of `Rules`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array", "human"],
        "render_fps": rendering.FPS,
    }

    def __init__(self, render_mode: str | None = None, **parameters: Any) -> None:
        self.rules = Rules(**parameters)
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.observation_space: Any = observation_space(self.rules)
        self.action_space = action_space(self.rules)
        self.elapsed = 0
        self._state: State | None = None
        self._over = False
        self._window = Window("Drifting Rocks", rendering.FPS) if render_mode == "human" else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new game; there are no options."""
        super().reset(seed=seed, options=options)
        uniform = self.np_random.random((2, draws(self.rules)), np.float32)
        return self.set_state(start(self.rules, uniform)), {}

    def step(self, action: ArrayLike) -> Step:
        """Play one step, with a random place for the next beacon."""
        return self.advance(action, self.np_random.random(2, np.float32) * SIDE - 1)

    def advance(self, action: ArrayLike, beacon: ArrayLike) -> Step:
        """Play one step; the next beacon appears at ``beacon`` (2,), as the craft sees it.

        Raises:
            ResetNeeded: before the first `reset`, and after the end of an episode.
            ValueError: for an action that stands for no thrust.
        """
        if self._over:
            raise ResetNeeded("the episode is over: call reset() before the next step()")
        thrust = thrusts(self.rules, action)
        self._state, reached, hit = advance(
            self.rules, self.state, thrust, np.asarray(beacon, np.float32)
        )
        self.elapsed += 1
        truncated = self.elapsed >= self.rules.steps and not hit
        self._over = bool(hit) or truncated
        if self._window:
            self.render()
        return self.observation, float(reached), bool(hit), truncated, {}

    @property
    def observation(self) -> Observation:
        """The current observation, a fresh array of ``observation_space``."""
        return np.concatenate(observe(self.rules, self.state))

    @property
    def state(self) -> State:
        """The state of the game: float32 arrays, ``(2,)`` and ``(2, rocks)``."""
        if self._state is None:
            raise ResetNeeded("the game has not started: call reset() first")
        return self._state

    def set_state(self, state: State, elapsed: int = 0) -> Observation:
        """Put the game into ``state``, after ``elapsed`` steps; returns the observation."""
        self._state = State(*(np.array(part, np.float32) for part in state))
        self.elapsed = elapsed
        self._over = False
        if self._window:
            self.render()
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as JSON-able values."""
        state = State(*(part.tolist() for part in self.state))
        return {
            **state_dicts.write_state(self.rules, 1, state),
            "elapsed": self.elapsed,
            "over": self._over,
            "np_random": self.np_random.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        self.set_state(state_dicts.read_state(state, self.rules, 1), state["elapsed"])
        self._over = state["over"]
        self.np_random.bit_generator.state = state["np_random"]

    def render(self) -> Any:
        """The frame in the render mode; ``"human"`` shows it in a window and returns ``None``."""
        if self._window:
            return self._window.show(rendering.rgb_array(self.rules, self.state))
        return rendering.frame(self.rules, self.state, self.render_mode)

    def get_keys_to_action(self) -> dict[tuple[str, ...], Any]:
        """The keys of ``gymnasium.utils.play``: a, d, w and s thrust left, right, up and down, two
        of them at once between.
        """
        pairs = [(one, other) for one in "ad" for other in "sw"]
        combinations: list[tuple[str, ...]] = [(), *((key,) for key in KEYS), *pairs]
        return {keys: self._action(keys) for keys in combinations}

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window:
            self._window.close()

    def _action(self, keys: tuple[str, ...]) -> Any:
        x, y = (sum(KEYS[key][axis] for key in keys) for axis in range(2))
        if self.rules.actions == "discrete":
            return THRUSTS.index((x, y))
        return np.array([x, y], np.float32)
