"""Spaces: what an environment gives and takes, as the arrays of a batch, and as plain data.

An observation is one array. A Box of any rank is as it is, and one without an axis gets one; all
else is encoded by Gymnasium's `flatten` as one vector: Discrete and MultiDiscrete as one-hot
vectors, MultiBinary as 0 and 1, and the parts of a Dict or a Tuple one after the other. An action
is, in a batch of N:

    Discrete       (N,) int64, counted from 0, whatever the space's own start
    MultiDiscrete  (N, K) int64, each counted from 0
    MultiBinary    (N, K) int64, 0 or 1
    Box            (N, *shape) float32, in the environment's units; clipped to the bounds

This is the one place where the two are translated: batches, `act` and the random baseline use it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, iterate
from numpy.typing import NDArray
from torch import Tensor

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.environments import space_data
from rockfall.kit.environments.checking import blame_reset, blame_step, name_of

Array = NDArray[Any]


class Spaces:
    """An environment's own spaces, and the translation of their elements."""

    def __init__(self, observed: spaces.Space[Any], acted: spaces.Space[Any]) -> None:
        """Raises UsageError for a space that can't be translated, naming it."""
        if obstacle := space_data.in_the_way(space_data.plain(observed), space_data.plain(acted)):
            raise UsageError(obstacle)
        self.observed, self.acted = observed, acted
        described = space_data.describe(observed, acted)
        self.shape: tuple[int, ...] = described["shape"]
        self.dtype = np.dtype(described["dtype"])
        self._start = int(acted.start) if isinstance(acted, spaces.Discrete) else None
        self._many = None if isinstance(observed, spaces.Box) else batch_space(observed, 1)

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Of one action of a batch: () of a number, (K,) of several, or a Box's own."""
        match self.acted:
            case spaces.Discrete():
                return ()
            case spaces.Box(shape=shape):
                return tuple(shape)
        return (math.prod(self.acted.shape or ()),)

    @property
    def action_dtype(self) -> torch.dtype:
        return torch.float32 if isinstance(self.acted, spaces.Box) else torch.int64

    @classmethod
    def of(cls, info: Any) -> Spaces:
        """Those of a source, by its `SourceInfo`. Raises UsageError as the class does."""
        if obstacle := space_data.in_the_way_of(info):
            raise UsageError(obstacle)
        return cls(*space_data.spaces_of(info))

    def encode(self, observation: Any) -> Array:
        """One observation as an array (*shape), which may share the observation's memory.

        Raises RockfallError for what is not of the space.
        """
        why: Any = ""
        try:
            if self._many is None:
                encoded = np.asarray(observation, self.dtype)
                if not self.observed.shape:
                    encoded = encoded.reshape(1)
            elif _outside(self.observed, observation):
                raise ValueError("it is outside of it")
            else:
                flat: Any = spaces.flatten(self.observed, observation)
                encoded = np.asarray(flat, self.dtype)
            if encoded.shape == self.shape:
                return encoded
            why = f" (shape {encoded.shape} in place of {self.shape})"
        except (IndexError, KeyError, TypeError, ValueError) as error:
            why = f" ({error})"
        raise RockfallError(
            f"an observation is not of {_short(self.observed)}: {_short(observation)}{why}"
        )

    def encode_many(self, observations: Any) -> Array:
        """The observations of a `VectorEnv`, (N, *shape), which may share their memory.

        Raises RockfallError for what is not of the space.
        """
        if self._many is not None:
            encoded = [self.encode(each) for each in iterate(self._many, observations)]
            return np.stack(encoded) if encoded else np.empty((0, *self.shape), self.dtype)
        array = np.asarray(observations, self.dtype)
        if array.shape[1:] != self.observed.shape:
            raise RockfallError(
                f"observations of shape {array.shape} are not many of {_short(self.observed)}"
            )
        return array.reshape(len(array), *self.shape)

    def decode(self, action: Any) -> Any:
        """One action of a batch, a number or an array, as `Env.step` takes it."""
        if self._start is not None:
            return int(action) + self._start
        return np.asarray(self.decode_many(np.asarray(action)[None])[0])

    def decode_many(self, actions: Array) -> Array:
        """Actions (N, …) of a batch as `VectorEnv.step` takes them: an array of their own."""
        acted: Any = self.acted
        if isinstance(acted, spaces.Discrete):
            return actions + acted.start if acted.start else actions
        rows = actions.reshape(len(actions), *acted.shape)
        if isinstance(acted, spaces.MultiDiscrete):
            return (rows + acted.start).astype(acted.dtype)
        if isinstance(acted, spaces.Box):
            rows = rows.clip(acted.low, acted.high)
            rows = rows.round() if acted.dtype.kind in "iu" else rows
        return rows.astype(acted.dtype)

    def encode_action(self, action: Any) -> Array:
        """Inverse of `decode`: what `Env.step` takes as an action of a batch."""
        acted = self.acted
        array = np.asarray(action)
        if isinstance(acted, spaces.Discrete | spaces.MultiDiscrete):
            array = array - acted.start
        dtype = np.float32 if isinstance(acted, spaces.Box) else np.int64
        return array.astype(dtype).reshape(self.action_shape)

    def random(self, count: int, generator: torch.Generator) -> Tensor:
        """Random actions (count, …) as those of a batch, drawn as Gymnasium's spaces draw them.

        A Box is uniform between two bounds, exponential from one, and normal without any.
        """
        acted = self.acted
        if isinstance(acted, spaces.Discrete):
            return torch.randint(int(acted.n), (count,), generator=generator)
        if isinstance(acted, spaces.MultiDiscrete):
            sides = acted.nvec.flatten().tolist()
            columns = [torch.randint(side, (count,), generator=generator) for side in sides]
            return torch.stack(columns, 1)
        if isinstance(acted, spaces.MultiBinary):
            size = (count, math.prod(acted.shape))
            return torch.randint(2, size, generator=generator)
        assert isinstance(acted, spaces.Box)
        return _random_in_box(acted, count, generator)

    def act(self, choose: Callable[[Array], Array], observations: Any) -> Any:
        """`choose`: arrays (N, *shape) → actions (N, …), on what Gymnasium gives and takes.

        observations: one of the space, or those of a `VectorEnv`. Returns what `step` takes.
        Raises UsageError for what is neither.
        """
        many = self._is_batch(observations)
        try:
            encoded = self.encode_many(observations) if many else self.encode(observations)[None]
        except RockfallError as error:
            raise UsageError(str(error)) from None
        actions = choose(encoded)
        return self.decode_many(actions) if many else self.decode(actions[0])

    def _is_batch(self, observations: Any) -> bool:
        """Whether there is one more axis than an observation has, in the first part.

        Raises UsageError for what has neither.
        """
        try:
            (part, value), *_ = _parts(self.observed, observations)
            axes, one = np.ndim(value), len(part.shape or ())
        except (IndexError, KeyError, TypeError, ValueError):
            axes = one = -1
        if one < 0 or axes not in (one, one + 1):
            raise UsageError(
                f"act takes an observation of {_short(self.observed)}, or many of them with an "
                f"axis (N, …), not {_short(observations)}"
            )
        single = self._many is None and not one and np.shape(value) == (1,)
        return axes > one and not single


class Encoded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose observations and actions are those of a batch: see `Spaces`."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Raises UsageError for a space that can't be translated, naming it."""
        super().__init__(env)
        self.spaces = Spaces(env.observation_space, env.action_space)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, Any]:
        result: Any = self.env.reset(seed=seed, options=options)
        try:
            observation, info = result
            return self.spaces.encode(observation), info
        except (RockfallError, TypeError, ValueError):
            blame_reset(name_of(self.env), result, self.env.observation_space)
            raise

    def step(self, action: Any) -> tuple[Array, Any, bool, bool, dict[str, Any]]:
        result: Any = self.env.step(self.spaces.decode(action))
        try:
            observation, reward, terminated, truncated, info = result
            return self.spaces.encode(observation), reward, terminated, truncated, info
        except (RockfallError, TypeError, ValueError):
            blame_step(name_of(self.env), result, self.env.observation_space)
            raise


def _random_in_box(box: spaces.Box[Any], count: int, generator: torch.Generator) -> Tensor:
    """Uniform between two bounds, exponential from one, and normal without any."""
    size = (count, *box.shape)
    low, high = (torch.from_numpy(b.astype(np.float64)) for b in (box.low, box.high))
    above, below = torch.isfinite(low), torch.isfinite(high)
    # A whole number has half a unit on either side of it.
    margin = 0.5 if box.dtype is not None and box.dtype.kind in "iu" else 0.0
    share = torch.rand(size, generator=generator, dtype=torch.float64)
    normal = torch.randn(size, generator=generator, dtype=torch.float64)
    within = (low - margin) * (1 - share) + (high + margin) * share
    far = -torch.log1p(-share)
    one_bound = torch.where(above, low + far, torch.where(below, high - far, normal))
    return torch.where(above & below, within, one_bound).float()


def _parts(space: spaces.Space[Any], value: Any) -> Iterator[tuple[spaces.Space[Any], Any]]:
    """The spaces in a Dict or Tuple, in order, each with its part of the value."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _parts(part, value[key])
    elif isinstance(space, spaces.Tuple):
        for part, each in zip(space.spaces, value, strict=True):
            yield from _parts(part, each)
    else:
        yield space, value


def _outside(space: spaces.Space[Any], value: Any) -> bool:
    """Whether it has what `flatten` would let pass: a Discrete below its start, where that would
    count from the end, or other than 0 and 1 in a MultiBinary.
    """
    for part, each in _parts(space, value):
        if isinstance(part, spaces.Discrete | spaces.MultiDiscrete):
            if np.any(np.less(each, part.start)):
                return True
        elif isinstance(part, spaces.MultiBinary) and not part.contains(np.asarray(each)):
            return True
    return False


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"
