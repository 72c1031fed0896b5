"""The vectorised form as it was before its rows lay in a ring: what the new one must equal.

It moves every cell in every step, and draws by the same tables. `tests.benchmarks` measures the
forms against it, and the tests compare them with it bit by bit.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from falling_rocks import rendering, state_dicts
from falling_rocks.checks import check_num_envs, check_render_mode
from falling_rocks.drawing import bottom_index, draw, make_row_tables
from falling_rocks.rules import NO_ROCK, NUM_ACTIONS, Array, Rules, State, advance, start
from falling_rocks.spaces import action_space, observation_space
from falling_rocks.spawns import SpawnStream, columns, slots

Mask = NDArray[np.bool_]
Observations = NDArray[Any]
Step = tuple[Observations, NDArray[np.float32], Mask, Mask, dict[str, Any]]


class ShiftingVectorEnv(VectorEnv[Observations, NDArray[Any], NDArray[Any]]):
    """``num_envs`` games of Falling Rocks, stepped together; a game that ends restarts at once.

    When games end, ``infos["final_obs"]`` holds the last observations of all games, an array of
    shape ``(num_envs, …)``, and ``infos["_final_obs"]``, a mask, tells which games ended.
    With a render mode, ``infos["final_frame"]`` holds what `render` returned before the restart.

    Args:
        num_envs: the number of games.
        render_mode: ``"ansi"``, ``"rgb_array"`` or ``None``; `render` gives a frame a game.
        copy: whether observations are fresh arrays. Without, they are a buffer that must not be
            written to; it is valid until the second `step` from then, or the next `reset`.
        parameters: those of `Rules`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": rendering.FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        copy: bool = True,
        **parameters: Any,
    ) -> None:
        self.num_envs = check_num_envs(num_envs)
        self.rules = Rules(**parameters)
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.single_observation_space = observation_space(self.rules)
        self.single_action_space = action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.elapsed = np.zeros(num_envs, np.int32)
        self._copy = copy
        self._screens = Screens(self.rules, num_envs)
        self._state: State | None = None
        self._seed_spawns()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start new games: all of them, or those of the mask ``options["reset_mask"]``.

        Args:
            seed: seeds everything random; ``None`` lets the random numbers run on.
            options: ``"reset_mask"``, booleans of shape ``(num_envs,)``, as Gymnasium has it.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._seed_spawns()
        all_games = np.ones(self.num_envs, np.bool_)
        mask = np.asarray((options or {}).get("reset_mask", all_games))
        if mask.shape != all_games.shape or mask.dtype != all_games.dtype:
            raise ValueError(
                f"options['reset_mask'] must be booleans of shape ({self.num_envs},), "
                f"not {mask.dtype} of shape {mask.shape}"
            )
        self._restart(all_games if self._state is None else mask)
        return self.observation, {}

    def step(self, actions: ArrayLike) -> Step:
        """Play one step in every game, with random spawns; ``actions`` are ``(num_envs,)``."""
        return self.advance(actions, self._spawns.next())

    def advance(self, actions: ArrayLike, spawns: ArrayLike) -> Step:
        """Play one step with the given spawns, columns or -1, of shape ``(num_envs,)``."""
        self._state, reward = advance(
            self.rules, self.state, self._checked(actions), np.asarray(spawns, np.int16)
        )
        self._screens.fall(self._state)
        self.elapsed = self.elapsed + 1
        truncated = self.elapsed >= self.rules.steps
        infos: dict[str, Any] = {}
        if truncated.any():
            infos = {"final_obs": self._screens.observation.copy(), "_final_obs": truncated.copy()}
            if self.render_mode:
                infos["final_frame"] = self.render()
            self._restart(truncated)
        terminated = np.zeros(self.num_envs, np.bool_)
        return self.observation, reward.astype(np.float32), terminated, truncated, infos

    @property
    def observation(self) -> Observations:
        """The current observation, shape ``(num_envs, *single_observation_space.shape)``."""
        screens = self._screens.observation
        return screens.copy() if self._copy else screens

    @property
    def state(self) -> State:
        """The state of the games."""
        if self._state is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._state

    def set_state(self, state: State, elapsed: ArrayLike = 0) -> Observations:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        rocks = tuple(np.asarray(rock).astype(np.int16) for rock in state.rocks)
        self._state = State(rocks, np.asarray(state.bowl).astype(np.int16))
        self.elapsed = np.zeros(self.num_envs, np.int32) + np.asarray(elapsed, np.int32)
        self._screens.draw(self._state)
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generators included, as arrays and JSON-able values."""
        return {
            **state_dicts.header(self.rules, self.num_envs),
            "rocks": np.stack(self.state.rocks),
            "bowl": self.state.bowl.copy(),
            "elapsed": self.elapsed.copy(),
            "np_random": self.np_random.bit_generator.state,
            "spawn_random": self._spawn_random.bit_generator.state,
            "spawns": np.array(self._spawns.pending, np.int16).reshape(-1, self.num_envs),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was called; `observation` is what it was then.

        From a state of the tensor form the games go on, but with other random numbers.

        Raises:
            ValueError: for the state of an environment with other parameters.
        """
        self.set_state(state_dicts.read_state(state, self.rules, self.num_envs), state["elapsed"])
        if "np_random" in state:
            self.np_random.bit_generator.state = state["np_random"]
            self._spawn_random.bit_generator.state = state["spawn_random"]
        self._spawns.pending = np.asarray(state["spawns"]).astype(np.int16)

    def upcoming_spawns(self, steps: int) -> list[NDArray[np.int16]]:
        """The spawns of the next ``steps`` steps, for policies that may know the future."""
        return self._spawns.peek(steps)

    def render(self) -> tuple[Any, ...] | None:
        """A frame a game, in the render mode."""
        games = zip(np.stack(self.state.rocks, 1), self.state.bowl, strict=True)
        return tuple(rendering.frame(self.rules, State(*g), self.render_mode) for g in games)

    def _restart(self, mask: Mask) -> None:
        rock, bowl = self.np_random.integers(
            self.rules.size, size=(2, self.num_envs), dtype=np.int16
        )
        fresh = start(self.rules, rock, bowl)
        old = self._state or fresh
        rocks = zip(fresh.rocks, old.rocks, strict=True)
        self._state = State(
            tuple(np.where(mask, new, kept) for new, kept in rocks),
            np.where(mask, fresh.bowl, old.bowl),
        )
        self.elapsed = np.where(mask, 0, self.elapsed)
        self._screens.clear(mask, self._state)

    def _seed_spawns(self) -> None:
        # A generator of their own, so that sampling spawns ahead of time changes nothing else; and
        # PCG64, since `sample_columns` relies on words of 64 bits.
        self._spawn_random = np.random.default_rng(self.np_random.integers(2**63))
        self._spawns = SpawnStream(self.num_envs, self._sample_spawns)

    def _sample_spawns(self, steps: int) -> NDArray[np.int16]:
        return _sample_columns(self.rules, self._spawn_random, steps, self.num_envs)

    def _checked(self, actions: ArrayLike) -> NDArray[np.int16]:
        array = np.asarray(actions)
        if array.shape != (self.num_envs,):
            raise ValueError(f"actions must have shape ({self.num_envs},), not {array.shape}")
        if array.min() < 0 or array.max() >= NUM_ACTIONS:
            raise ValueError(f"actions must be from 0 to {NUM_ACTIONS - 1}, not {array}")
        return array.astype(np.int16)


class Screens:
    """Observations of ``num_envs`` games.

    Args:
        rules: the parameters of the game.
        num_envs: the number of games.
    """

    def __init__(self, rules: Rules, num_envs: int) -> None:
        self._rules = rules
        self._tables = make_row_tables(rules)
        shape = (num_envs, *rules.observation_shape)
        self._front: NDArray[Any] = np.zeros(shape, rules.dtype)
        self._back: NDArray[Any] = np.zeros(shape, rules.dtype)

    @property
    def observation(self) -> NDArray[Any]:
        """The current observations; overwritten by the second `fall` from now."""
        return self._front

    def draw(self, state: State) -> None:
        """Draw every row of every game."""
        self._front[:] = draw(np, _take, self._rules, self._tables, state)

    def clear(self, mask: NDArray[np.bool_], state: State) -> None:
        """Draw the games of ``mask``, which have just started, in place."""
        self._front[mask] = 0
        self._draw_edges(state)

    def fall(self, state: State) -> None:
        """Let all rocks fall by a row; ``state`` is the state after the step."""
        size = self._rules.size
        self._back.reshape(-1)[size:] = self._front.reshape(-1)[:-size]
        self._front, self._back = self._back, self._front
        self._draw_edges(state)

    def _draw_edges(self, state: State) -> None:
        """Draw the rows that are no shifted copies: the top, and the bottom with the bowl."""
        size = self._rules.size
        screens = _row_items(self._front.reshape(len(self._front), -1, size))
        screens[:, 0] = _row_items(_take(self._tables.rock, state.rocks[0] - NO_ROCK))
        if self._rules.observation == "planes":
            screens[:, size] = _row_items(self._tables.rock[0])
        screens[:, -1] = _row_items(_take(self._tables.bottom, bottom_index(self._rules, state)))


def _take(table: Array, index: Array) -> Array:
    """Look up rows of a table, shape ``(*index.shape, size)``."""
    return table.take(index, axis=0)


def _row_items(cells: NDArray[Any]) -> NDArray[np.void]:
    """View each row of cells as one item, which NumPy copies whole instead of cell by cell."""
    return cells.view(np.dtype((np.void, cells.shape[-1] * cells.itemsize)))[..., 0]


def _sample_columns(
    rules: Rules, generator: np.random.Generator, steps: int, num_envs: int
) -> NDArray[np.int16]:
    """Sample the spawns of ``steps`` steps in NumPy, shape ``(steps, num_envs)``."""
    # Raw words and in-place arithmetic: twice as fast as ``generator.random(dtype=np.float32)``,
    # which takes the same 24 bits.
    words = generator.bit_generator.random_raw((steps * num_envs + 1) // 2)
    bits = words.view(np.uint32)[: steps * num_envs].reshape(steps, num_envs)
    bits >>= 8
    uniform = bits.astype(np.float32)
    uniform *= 2**-24
    return np.asarray(columns(rules, slots(rules, uniform).astype(np.int16)))
