"""The plain form: one game, a Gymnasium ``Env``."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from falling_rocks import rendering, state_dicts
from falling_rocks.checks import check_render_mode
from falling_rocks.drawing import draw, make_row_tables
from falling_rocks.rules import LEFT, NO_ROCK, RIGHT, STAY, Rules, State, advance, start
from falling_rocks.screens import take
from falling_rocks.spaces import action_space, observation_space
from falling_rocks.window import Window

Observation = NDArray[Any]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class FallingRocksEnv(gymnasium.Env[Observation, np.int64]):
    """One game of Falling Rocks; an episode is truncated after ``rules.steps`` steps.

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
        self.observation_space = observation_space(self.rules)
        self.action_space = action_space()
        self.elapsed = 0
        self._tables = make_row_tables(self.rules)
        self._state: State | None = None
        self._window = Window("Falling Rocks", rendering.FPS) if render_mode == "human" else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new game; there are no options."""
        super().reset(seed=seed, options=options)
        rock, bowl = self.np_random.integers(self.rules.size, size=2)
        return self.set_state(start(self.rules, rock, bowl)), {}

    def step(self, action: ArrayLike) -> Step:
        """Play one step, with a random spawn."""
        spawn = NO_ROCK
        if self.np_random.random() < self.rules.rock_probability:
            spawn = int(self.np_random.integers(self.rules.size))
        return self.advance(action, spawn)

    def advance(self, action: ArrayLike, spawn: int) -> Step:
        """Play one step with the given spawn, a column or -1.

        Raises:
            ResetNeeded: before the first `reset`, and after the end of an episode.
            ValueError: for an action that the action space does not contain.
        """
        if self.elapsed >= self.rules.steps:
            raise ResetNeeded("the episode is over: call reset() before the next step()")
        action = np.asarray(action, np.int64)[()]
        if not self.action_space.contains(action):
            raise ValueError(f"action={action!r} is not allowed: it must be in {self.action_space}")
        self._state, reward = advance(self.rules, self.state, action, np.int64(spawn))
        self.elapsed += 1
        if self._window:
            self.render()
        return self.observation, float(reward), False, self.elapsed >= self.rules.steps, {}

    @property
    def observation(self) -> Observation:
        """The current observation, a fresh array of ``observation_space``."""
        return np.asarray(draw(np, take, self.rules, self._tables, self.state))

    @property
    def state(self) -> State:
        """The state of the game: NumPy integers."""
        if self._state is None:
            raise ResetNeeded("the game has not started: call reset() first")
        return self._state

    def set_state(self, state: State, elapsed: int = 0) -> Observation:
        """Put the game into ``state``, after ``elapsed`` steps; returns the observation."""
        self._state = State(tuple(np.int64(rock) for rock in state.rocks), np.int64(state.bowl))
        self.elapsed = elapsed
        if self._window:
            self.render()
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generator included, as JSON-able values."""
        return {
            **state_dicts.header(self.rules, num_envs=1),
            "rocks": [int(rock) for rock in self.state.rocks],
            "bowl": int(self.state.bowl),
            "elapsed": self.elapsed,
            "np_random": self.np_random.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        self.set_state(state_dicts.read_state(state, self.rules, num_envs=1), state["elapsed"])
        self.np_random.bit_generator.state = state["np_random"]

    def render(self) -> Any:
        """The frame in the render mode; ``"human"`` shows it in a window and returns ``None``."""
        if self._window:
            return self._window.show(rendering.rgb_array(self.rules, self.state))
        return rendering.frame(self.rules, self.state, self.render_mode)

    def get_keys_to_action(self) -> dict[tuple[str, ...], int]:
        """The keys of ``gymnasium.utils.play``: a moves left, d moves right."""
        return {(): STAY, ("a",): LEFT, ("d",): RIGHT}

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window:
            self._window.close()
