"""One reset and one step before anything is learned: what an environment does wrong is named.

It is Gymnasium's interface that is asked for, https://gymnasium.farama.org/api/env. Its own checker
asks for more, such as spaces of the usual bounds; what is asked for here is what learning needs.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.blame import in_words

RESET = "Gymnasium has reset(seed=None, options=None) → observation, info"
STEP = "Gymnasium has step(action) → observation, reward, terminated, truncated, info"
OLD = ", as Gym's before 0.26 did"
SEED = 0


def check_first_step(env: gymnasium.Env[Any, Any], name: str) -> tuple[str, ...]:
    """Reset an environment and step it once, without its wrappers and with them.

    Returns what is odd but does no harm. Raises UsageError for what does, naming it.
    """
    raw: gymnasium.Env[Any, Any] = env.unwrapped
    for what in ("observation_space", "action_space"):
        if not isinstance(getattr(raw, what, None), spaces.Space):
            raise UsageError(f"{name} has no {what} of Gymnasium's spaces")
    odd = _check(raw, name)
    if env is not raw:
        odd = {**odd, **_check(env, f"{name} in its wrappers")} if _more_than_usual(env) else odd
    return tuple(odd)


def name_of(env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> str:
    """Its id, or its class where nobody registered it."""
    return env.spec.id if env.spec else type(env.unwrapped).__name__


@contextlib.contextmanager
def code_of_environment(
    name: str, what: str, kind: type[RockfallError] = RockfallError
) -> Iterator[None]:
    """Inside, an environment's own code runs, which may raise anything: that is told in one line,
    as an error of this kind, with where it was raised.
    """
    try:
        yield
    except gymnasium.error.DependencyNotInstalled as error:  # no fault; it says what to install
        if what == "render()":  # the caller, which draws, reports it
            raise
        raise UsageError(f"{name}: {error}") from None
    except RockfallError as error:
        if name in str(error):
            raise
        raise kind(f"{name}: {error}") from error
    except (Exception, SystemExit) as error:
        raise kind(f"{name}: {what} fails: {in_words(error)}{_where(error)}") from error


def blame_step(name: str, result: Any, space: spaces.Space[Any]) -> None:
    """Raise RockfallError for what is wrong with what a later step gave, in the words of the first
    one's check; return if that finds nothing. It takes long: ask once something failed.
    """
    with _later():
        _check_result(name, result, space)


def blame_reset(name: str, result: Any, space: spaces.Space[Any]) -> None:
    """As `blame_step`, of a later reset."""
    with _later():
        _check_observation(f"{name}: reset() gives", _first_of(name, result), space)


def rewards_of(name: str, given: tuple[Any, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Rewards of N environments as (N,) float32. Raises RockfallError for others than numbers."""
    rewards = _numbers(given)
    if rewards is None or rewards.ndim != 1:
        for reward in given:
            _check_reward(name, reward, RockfallError)
        rewards = np.asarray(given, np.float64)  # whole numbers that are too large for 64 bits
    with np.errstate(over="ignore"):
        single = rewards.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        check_finite(name, "a reward", rewards)
    return single


def ends_of(name: str, terminated: Any, truncated: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of N episodes ended, and which were cut, (2, N). Raises RockfallError for others than
    truth values.
    """
    ends = _numbers((terminated, truncated), "biu")
    if ends is None or ends.ndim != 2:
        for what, flags in (("terminated", terminated), ("truncated", truncated)):
            for flag in flags:
                _check_flag(name, what, flag, RockfallError)
        ends = np.array([[bool(flag) for flag in flags] for flags in (terminated, truncated)])
    return ends.astype(np.bool_, copy=False)


def _numbers(given: Any, kinds: str = "biuf") -> np.ndarray[Any, Any] | None:
    """As an array; None if it is none of numbers of these kinds, by default any."""
    try:
        array = np.asarray(given)
    except ValueError:  # of different lengths
        return None
    return array if array.dtype.kind in kinds else None


def check_info(name: str, info: Any, kind: type[RockfallError] = RockfallError) -> None:
    """Raise such an error for one that is no dict."""
    if not isinstance(info, dict):
        raise kind(f"{name}: step() gives {_a(info)} as the info, which is a dict")


def _row(given: tuple[Any, ...]) -> np.ndarray[Any, Any] | None:
    """A value of each of N environments as (N,); None if it can't be."""
    try:
        row = np.asarray(given)
    except ValueError:  # of different lengths
        return None
    return row if row.ndim == 1 else None


def check_finite(name: str, what: str, values: np.ndarray[Any, Any]) -> None:
    """Raise RockfallError for numbers that are not finite in single precision, in which networks
    compute: nothing can be learned from them.
    """
    if said := _not_finite(values):
        raise RockfallError(f"{name} gave {what} of {said}, which is its fault, not the agent's")


def close(env: gymnasium.Env[Any, Any]) -> str:
    """Close an environment. What goes wrong there harms nothing that came before, and is said."""
    try:
        env.close()
    except (Exception, SystemExit) as error:
        return f"close() fails: {in_words(error)}{_where(error)}"
    return ""


@contextlib.contextmanager
def _later() -> Iterator[None]:
    """Inside, a fault of an environment is no mistake in the command that named it."""
    try:
        yield
    except UsageError as error:
        raise RockfallError(str(error)) from None


def _check(env: gymnasium.Env[Any, Any], name: str) -> dict[str, None]:
    first = _after_reset(env, name)
    odd = _check_observation(f"{name}: reset() gives", first, env.observation_space)
    env.action_space.seed(SEED)
    action = env.action_space.sample()
    with code_of_environment(name, "step()", UsageError):
        result: Any = env.step(action)
    odd += _check_result(name, result, env.observation_space)
    return dict.fromkeys(odd)


def _check_result(name: str, result: Any, space: spaces.Space[Any] | None) -> list[str]:
    """What is odd of what a step gave; raises UsageError for what is wrong."""
    if not isinstance(result, tuple) or len(result) != 5:
        given = f"{len(result)} values" if isinstance(result, tuple) else _a(result)
        old = OLD if isinstance(result, tuple) and len(result) == 4 else ""
        raise UsageError(f"{name}: step() gives {given}{old}; {STEP}")
    observation, reward, *ends, info = result
    odd = _check_observation(f"{name}: step() gives", observation, space) if space else []
    _check_reward(name, reward, UsageError)
    if said := _not_finite(np.asarray(reward, np.float64)):
        raise UsageError(f"{name}: step() gives a reward of {said}")
    for what, flag in zip(("terminated", "truncated"), ends, strict=True):
        _check_flag(name, what, flag, UsageError)
    check_info(name, info, UsageError)
    return odd


def _after_reset(env: gymnasium.Env[Any, Any], name: str) -> Any:
    taken = inspect.signature(env.reset).parameters
    for what in ("seed", "options"):
        if what not in taken and not any(each.kind is each.VAR_KEYWORD for each in taken.values()):
            raise UsageError(f"{name}: reset() takes no {what}; {RESET}")
    with code_of_environment(name, "reset()", UsageError):
        result: Any = env.reset(seed=SEED)
    return _first_of(name, result)


def _check_reward(name: str, reward: Any, kind: type[RockfallError]) -> None:
    if said := _no_number(reward):
        raise kind(f"{name}: step() gives {said} as the reward, which is a number")


def _check_flag(name: str, what: str, flag: Any, kind: type[RockfallError]) -> None:
    if np.ndim(flag) or not isinstance(flag, bool | int | np.bool_ | np.integer | np.ndarray):
        raise kind(f"{name}: step() gives {_a(flag)} as {what}, which is True or False")


def _first_of(name: str, result: Any) -> Any:
    """The observation that a reset gave; raises UsageError if it is not where it belongs."""
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
        old = "" if isinstance(result, tuple) else OLD
        raise UsageError(f"{name}: reset() gives {_a(result)}{old}; {RESET}")
    return result[0]


def _check_observation(gives: str, value: Any, space: Any, part: str = "") -> list[str]:
    """What is odd; raises UsageError for what is not of the space's shape and type."""
    gives_one = f"{gives} an observation{part}"
    inner: list[tuple[str, Any, Any]]
    match space:
        case spaces.Dict():
            keys = list(value) if hasattr(value, "keys") else _a(value)
            if not hasattr(value, "keys") or set(keys) != set(space.spaces):
                raise UsageError(f"{gives_one} with {keys}, and its space has {list(space.spaces)}")
            inner = [(str(key), value[key], each) for key, each in space.spaces.items()]
        case spaces.Tuple():
            if not isinstance(value, tuple | list) or len(value) != len(space.spaces):
                raise UsageError(f"{gives_one} that is no tuple of {len(space.spaces)} parts")
            both = enumerate(zip(value, space.spaces, strict=True))
            inner = [(str(index), *each) for index, each in both]
        case spaces.Box():
            return _check_box(gives_one, value, space)
        case spaces.Discrete() | spaces.MultiDiscrete() | spaces.MultiBinary():
            return _check_whole(gives_one, value, space)
        case _:
            return []
    found = (_check_observation(gives, each, of, f", part {key},") for key, each, of in inner)
    return [odd for some in found for odd in some]


def _check_box(gives_one: str, value: Any, space: spaces.Box) -> list[str]:
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{gives_one} that is no array of numbers, but {_a(value)}")
    if array.shape != space.shape and not (space.shape == () and array.shape == (1,)):
        raise UsageError(f"{gives_one} of shape {array.shape}, and its space has {space.shape}")
    if said := _not_finite(array):
        raise UsageError(f"{gives_one} with {said} in it")
    with np.errstate(all="ignore"):
        lossy = (array.astype(space.dtype) != array).any()
    if lossy and not np.can_cast(array.dtype, space.dtype or np.float32, "same_kind"):
        raise UsageError(f"{gives_one} of {array.dtype}, and its space is of {space.dtype}")
    if ((array < space.low) | (array > space.high)).any():
        return [f"{gives_one} outside of the bounds of its space"]
    return []


def _check_whole(gives_one: str, value: Any, space: spaces.Space[Any]) -> list[str]:
    array = np.asarray(value)
    if isinstance(space, spaces.Discrete):
        array = array.reshape(()) if array.size == 1 else array
        fits = array.shape == () and array.dtype.kind in "biu" and space.contains(int(array))
    else:
        fits = array.dtype.kind in "biu" and space.contains(array.astype(space.dtype))
    if not fits:
        shown = " ".join(str(value).split())
        raise UsageError(f"{gives_one} of {shown:.60}, which is not in its space, {space}")
    return []


def _not_finite(values: np.ndarray[Any, Any]) -> str:
    """A number of them that is not finite in single precision, in words; else nothing."""
    if values.dtype.kind != "f":
        return ""
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32, copy=False))
    if finite.all():
        return ""
    wrong = values[~finite].flat[0]
    return f"{wrong} (too large for single precision)" if np.isfinite(wrong) else f"{wrong}"


def _no_number(value: Any) -> str:
    """What it is instead; nothing of a number."""
    if np.ndim(value):
        return f"{_a(value)} of shape {np.shape(value)}"
    number = isinstance(value, int | float | np.number | np.bool_ | np.ndarray)
    return "" if number or hasattr(value, "__float__") else _a(value)


def _more_than_usual(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether it has wrappers beside those that `gymnasium.make` puts around everything."""
    usual = gymnasium.wrappers.OrderEnforcing | gymnasium.wrappers.TimeLimit
    while isinstance(env, gymnasium.Wrapper):
        if not isinstance(env, usual):
            return True
        env = env.env
    return False


def _where(error: BaseException) -> str:
    """The innermost line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({Path(trace.tb_frame.f_code.co_filename).name} line {trace.tb_lineno})"


def _a(value: Any) -> str:
    if value is None or isinstance(value, np.ndarray):
        return "None" if value is None else "an array"
    return f"a {type(value).__name__}"
