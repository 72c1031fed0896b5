"""The vectorised form: many games at once in NumPy, a Gymnasium ``VectorEnv``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from falling_rocks import rendering, state_dicts
from falling_rocks.checks import check_num_envs, check_render_mode
from falling_rocks.rules import NUM_ACTIONS, Rules, State, land, move, score, start
from falling_rocks.screens import CopiedScreens, LentScreens, Screens
from falling_rocks.spaces import action_space, observation_space
from falling_rocks.spawns import SpawnStream, column_type, sample_columns

Mask = NDArray[np.bool_]
Observations = NDArray[Any]
Columns = NDArray[np.signedinteger]
Step = tuple[Observations, NDArray[np.float32], Mask, Mask, dict[str, Any]]


class FallingRocksVectorEnv(VectorEnv[Observations, NDArray[Any], NDArray[Any]]):
    """``num_envs`` games of Falling Rocks, stepped together; a game that ends restarts at once.

    When games end, ``infos["final_obs"]`` holds the last observations of all games, an array of
    shape ``(num_envs, …)``, and ``infos["_final_obs"]``, a mask, tells which games ended.
    With a render mode, ``infos["final_frame"]`` holds what `render` returned before the restart.

    Args:
        num_envs: the number of games.
        render_mode: ``"ansi"``, ``"rgb_array"`` or ``None``; `render` gives a frame a game.
        copy: whether observations are fresh arrays. Without, they are a view that must not be
            written to, valid until the next `step`, `advance`, `reset` or `set_state`, and a step
            of many games takes a third of the time. In the memory that is viewed the games are the
            last axis: a screen can be flattened to ``(num_envs, cells)`` and multiplied without
            being moved, while to take single games, or to make it contiguous, is slow.
            ``infos["final_obs"]`` is a fresh array with and without.
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
        self._copy = copy
        self._columns = column_type(self.rules)
        self._screens: Screens = (CopiedScreens if copy else LentScreens)(self.rules, num_envs)
        self._bowl: Columns | None = None
        self._set_elapsed(0)
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
        self._restart(all_games if self._bowl is None else mask)
        return self.observation, {}

    def step(self, actions: ArrayLike) -> Step:
        """Play one step in every game, with random spawns; ``actions`` are ``(num_envs,)``."""
        return self.advance(actions, self._spawns.next())

    def advance(self, actions: ArrayLike, spawns: ArrayLike) -> Step:
        """Play one step with the given spawns, columns or -1, of shape ``(num_envs,)``."""
        bowl = self._started
        # Nothing that is wrong may change the games by half.
        actions = self._checked(actions)
        rock = self._screens.fall(np.asarray(spawns, self._columns))
        self._bowl = bowl = move(self.rules, bowl, actions)
        self._screens.show_bowls(bowl)
        landed, caught = land(self.rules, rock, bowl)
        reward = score(self.rules, landed, caught.astype(np.float32))
        self._clock += 1
        infos: dict[str, Any] = {}
        if self._clock >= self._next_end:
            truncated = self.elapsed >= self.rules.steps
            final_obs = self.observation if self._copy else self.observation.copy("K")
            infos = {"final_obs": final_obs, "_final_obs": truncated.copy()}
            if self.render_mode:
                infos["final_frame"] = self.render()
            self._restart(truncated)
        else:
            truncated = np.zeros(self.num_envs, np.bool_)
        terminated = np.zeros(self.num_envs, np.bool_)
        return self.observation, reward, terminated, truncated, infos

    @property
    def observation(self) -> Observations:
        """The current observation, shape ``(num_envs, *single_observation_space.shape)``."""
        return self._screens.observation

    @property
    def elapsed(self) -> NDArray[np.int32]:
        """Steps since each game began, shape ``(num_envs,)``."""
        return (self._clock - self._began).astype(np.int32)

    @property
    def state(self) -> State:
        """The state of the games: int16 arrays."""
        bowl = self._started
        return State(tuple(self._screens.rocks.astype(np.int16)), bowl.astype(np.int16))

    def set_state(self, state: State, elapsed: ArrayLike = 0) -> Observations:
        """Put the games into ``state``, after ``elapsed`` steps; returns the observation."""
        rocks = tuple(np.asarray(rock) for rock in state.rocks)
        self._set(State(rocks, np.asarray(state.bowl)), elapsed)
        return self.observation

    def state_dict(self) -> dict[str, Any]:
        """The state, the generators included, as arrays and JSON-able values."""
        return {
            **state_dicts.header(self.rules, self.num_envs),
            "rocks": np.stack(self.state.rocks),
            "bowl": self.state.bowl,
            "elapsed": self.elapsed,
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
        self._spawns.pending = np.asarray(state["spawns"]).astype(self._columns)

    def upcoming_spawns(self, steps: int) -> list[NDArray[np.int16]]:
        """The spawns of the next ``steps`` steps, for policies that may know the future."""
        return [spawns.astype(np.int16) for spawns in self._spawns.peek(steps)]

    def render(self) -> tuple[Any, ...] | None:
        """A frame a game, in the render mode."""
        games = zip(np.stack(self.state.rocks, 1), self.state.bowl, strict=True)
        return tuple(rendering.frame(self.rules, State(*g), self.render_mode) for g in games)

    def _restart(self, mask: Mask) -> None:
        rock, bowl = self.np_random.integers(
            self.rules.size, size=(2, self.num_envs), dtype=np.int16
        )
        fresh = start(self.rules, rock, bowl)
        if not mask.all():
            old = self.state
            pairs = zip((*fresh.rocks, bowl), (*old.rocks, old.bowl), strict=True)
            *rocks, bowl = (np.where(mask, new, kept) for new, kept in pairs)
            fresh = State(tuple(rocks), bowl)
        self._set(fresh, np.where(mask, 0, self.elapsed))

    def _set(self, state: State, elapsed: ArrayLike) -> None:
        self._bowl = state.bowl.astype(self._columns)
        self._set_elapsed(elapsed)
        self._screens.draw(State(state.rocks, self._bowl))

    def _set_elapsed(self, elapsed: ArrayLike) -> None:
        # Of clocks, since a count for each game would have to be written in each step.
        self._clock = 0
        self._began = np.zeros(self.num_envs, np.int64) - np.asarray(elapsed, np.int64)
        self._next_end = int(self._began.min()) + self.rules.steps

    @property
    def _started(self) -> Columns:
        if self._bowl is None:
            raise ResetNeeded("the games have not started: call reset() first")
        return self._bowl

    def _seed_spawns(self) -> None:
        # A generator of their own, so that sampling spawns ahead of time changes nothing else; and
        # PCG64, since `sample_columns` relies on words of 64 bits.
        self._spawn_random = np.random.default_rng(self.np_random.integers(2**63))
        self._spawns = SpawnStream(self.num_envs, self._sample_spawns)

    def _sample_spawns(self, steps: int) -> Columns:
        return sample_columns(self.rules, self._spawn_random, steps, self.num_envs)

    def _checked(self, actions: ArrayLike) -> Columns:
        array = np.asarray(actions)
        if array.shape != (self.num_envs,):
            raise ValueError(f"actions must have shape ({self.num_envs},), not {array.shape}")
        # Negative ones are large, seen as unsigned, so that one look is enough.
        seen = array.view(f"u{array.itemsize}") if array.dtype.kind == "i" else array
        if seen.max() >= NUM_ACTIONS or (seen is array and array.min() < 0):
            raise ValueError(f"actions must be from 0 to {NUM_ACTIONS - 1}, not {array}")
        return array.astype(self._columns)
