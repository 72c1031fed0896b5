"""Spaces as plain data, kept in `run.json`, so that a reopened run knows what it may be given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Data = Mapping[str, Any]

LONGEST_ONE_HOT = 100_000
"""Values of a Discrete observation, one of which is a number in every one-hot vector."""
MOST_ACTIONS = 1_000_000
"""Of a Discrete: `run.json` takes no more, and no layer has so many units."""
DEEPEST = 7
"""Dicts and Tuples in each other; `run.json` has no room for more."""
KINDS = {
    "Discrete": "discrete-actions",
    "MultiDiscrete": "multi-discrete-actions",
    "MultiBinary": "multi-binary-actions",
    "Box": "continuous-actions",
}
"""An action space → the kind of source that has it."""
LENGTHLESS = ("Text", "Graph", "Sequence", "OneOf")
"""Spaces of Gymnasium whose elements have no fixed number of numbers."""


class Part(NamedTuple):
    """A part of an observation, as it is encoded.

    name: where it is in a Dict or Tuple, such as `camera` or `hands/0`; empty where all is one.
    low, high: bounds of its numbers; None where there are none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float | None
    high: float | None


def plain(space: spaces.Space[Any]) -> dict[str, Any]:
    """A space as plain data; of one that can't be translated no more than its type."""
    match space:
        case spaces.Box():
            low = _bound(space.low, space.bounded_below)
            high = _bound(space.high, space.bounded_above)
            shape, dtype = list(space.shape), str(np.dtype(space.dtype))
            return {"type": "Box", "shape": shape, "dtype": dtype, "low": low, "high": high}
        case spaces.Discrete():
            return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
        case spaces.MultiDiscrete():
            return {
                "type": "MultiDiscrete",
                "nvec": space.nvec.tolist(),
                "start": space.start.tolist(),
                "dtype": str(np.dtype(space.dtype)),
            }
        case spaces.MultiBinary():
            shape = list(space.shape)
            return {"type": "MultiBinary", "shape": shape, "n": np.array(space.n).tolist()}
        case spaces.Dict() if all(isinstance(key, str) for key in space.spaces):
            named = {key: plain(each) for key, each in space.spaces.items()}
            return {"type": "Dict", "spaces": named}
        case spaces.Dict():
            return {"type": "Dict whose keys are no text"}
        case spaces.Tuple():
            return {"type": "Tuple", "spaces": [plain(each) for each in space.spaces]}
    known = (kind.__name__ for kind in type(space).__mro__ if kind.__name__ in LENGTHLESS)
    return {"type": next(known, type(space).__name__)}


def space(data: Data) -> spaces.Space[Any]:
    """Inverse of `plain`, after a trip through JSON too."""
    match data["type"]:
        case "Box":
            shape, dtype = tuple(data["shape"]), np.dtype(data["dtype"])
            low = _array(data["low"], shape, dtype, -math.inf)
            high = _array(data["high"], shape, dtype, math.inf)
            return spaces.Box(low, high, shape, dtype.type)
        case "Discrete":
            return spaces.Discrete(data["n"], start=data["start"])
        case "MultiDiscrete":
            dtype = np.dtype(data["dtype"])
            return spaces.MultiDiscrete(data["nvec"], dtype.type, start=data["start"])
        case "MultiBinary":
            return spaces.MultiBinary(data["n"])
        case "Dict":
            return spaces.Dict([(key, space(each)) for key, each in data["spaces"].items()])
        case "Tuple":
            return spaces.Tuple([space(each) for each in data["spaces"]])
    raise ValueError(f"no space of type {data['type']}")


def in_words(data: Data) -> str:
    """`Box(-1.0, 1.0, (3,), float32)`, as Gymnasium writes it; of another one its type."""
    try:
        return " ".join(str(space(data)).split())
    except ValueError:
        return str(data["type"])


def describe(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> dict[str, Any]:
    """The fields of a `SourceInfo` that say what an environment gives and takes."""
    observation, action = plain(observed), plain(acted)
    fields = {"observation_space": observation, "action_space": action}
    if in_the_way(observation, action):
        kept = tuple(observed.shape or ()), str(observed.dtype or "object")
        return {**fields, "kinds": ("environment",), "shape": kept[0], "dtype": kept[1]}
    parts = list(_parts(observation))
    bounded = all(part.low is not None and part.high is not None for part in parts)
    return {
        **fields,
        "kinds": ("environment", KINDS[action["type"]]),
        "shape": _shape(observation, parts),
        "dtype": _dtype(observation, parts),
        "low": float(min(part.low or 0 for part in parts)) if bounded else None,
        "high": float(max(part.high or 0 for part in parts)) if bounded else None,
        "actions": action["n"] if action["type"] == "Discrete" else None,
    }


def spaces_of(info: Any) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """What a `SourceInfo` says of an environment's observations and actions, as spaces.

    Those of former versions had Box observations and Discrete actions, counted from 0.
    """
    shape, dtype = list(info.shape), info.dtype
    box = {"type": "Box", "shape": shape, "dtype": dtype, "low": info.low, "high": info.high}
    discrete = {"type": "Discrete", "n": info.actions, "start": 0}
    return space(info.observation_space or box), space(info.action_space or discrete)


def parts_of(info: Any) -> list[Part]:
    """Of which parts an observation is made, in the order in which they are encoded."""
    if info.observation_space is None or info.observation_space["type"] == "Box":
        return [Part("", info.shape, info.dtype, info.low, info.high)]
    return list(_parts(info.observation_space))


def in_the_way_of(info: Any) -> str:
    """As `in_the_way`, by the `SourceInfo` of an environment."""
    known = info.observation_space, info.action_space
    return in_the_way(*known) if all(known) else ""


def in_the_way(observation: Data, action: Data) -> str:
    """Which space no agent can learn from or act in, and what would help; empty for none."""
    for path, found in _leaves(observation):
        if why := _why_not(found):
            named = f"observation {path!r} is" if path else "observations are"
            return f"its {named} {why}; {_help(observation)}"
    if not any(True for _ in _leaves(observation)):
        return (
            f"its observations are an empty {observation['type']}: there is nothing to learn from"
        )
    if (depth := _depth(observation)) > DEEPEST:
        return f"its observations are {depth} Dicts or Tuples in each other, at most {DEEPEST} fit"
    kind = action["type"]
    if kind not in KINDS:
        return (
            f"its actions are {kind}, and agents choose {', '.join(KINDS)}: a wrapper whose "
            "action_space is one of these would help, such as gymnasium.wrappers.TransformAction"
        )
    if kind == "Discrete" and action["n"] > MOST_ACTIONS:
        return f"it has {action['n']:,} actions, and agents choose among {MOST_ACTIONS:,} at most"
    if kind in ("Box", "MultiBinary") and not math.prod(action["shape"]):
        return f"its actions are a {kind} of shape {tuple(action['shape'])}, which holds no number"
    return ""


def _why_not(data: Data) -> str:
    kind = data["type"]
    if kind in ("Box", "MultiBinary"):
        shape = tuple(data["shape"])
        return "" if math.prod(shape) else f"a {kind} of shape {shape}, which holds no number"
    if kind in ("Discrete", "MultiDiscrete"):
        values = data["n"] if kind == "Discrete" else int(np.sum(data["nvec"]))
        longest = (
            f"{kind} of {values:,} values, and a one-hot vector has at most {LONGEST_ONE_HOT:,}"
        )
        return "" if values <= LONGEST_ONE_HOT else longest
    return f"{kind}, which agents don't take" if kind in LENGTHLESS else f"of the space {kind}"


def _help(observation: Data) -> str:
    if observation["type"] == "Dict":
        parts = observation["spaces"].items()
        good = [key for key, part in parts if not any(_why_not(leaf) for _, leaf in _leaves(part))]
        if good:
            return f'without it: source.wrappers="FilterObservation({good})"'
    return (
        "a wrapper whose observation_space is a Box would help, such as "
        "gymnasium.wrappers.TransformObservation"
    )


def _within(data: Data) -> Iterator[tuple[str, Data]]:
    inside = data["spaces"]
    return iter(inside.items() if isinstance(inside, Mapping) else enumerate(inside))


def _depth(data: Data) -> int:
    """Of Dicts and Tuples in each other."""
    if data["type"] not in ("Dict", "Tuple"):
        return 0
    return 1 + max((_depth(each) for _, each in _within(data)), default=0)


def _leaves(data: Data, path: str = "") -> Iterator[tuple[str, Data]]:
    """The spaces in a Dict or Tuple, in order, each with where it is: `hands/0`."""
    if data["type"] not in ("Dict", "Tuple"):
        yield path, data
        return
    for key, each in _within(data):
        yield from _leaves(each, f"{path}/{key}" if path else str(key))


def _parts(data: Data) -> Iterator[Part]:
    for path, found in _leaves(data):
        if found["type"] == "Box":
            dtype = str(tensor_dtype(np.dtype(found["dtype"])))
            low, high = _overall(found["low"], min), _overall(found["high"], max)
            yield Part(path, tuple(found["shape"]) or (1,), dtype, low, high)
        else:
            yield Part(path, (_length(found),), "uint8", 0.0, 1.0)


def _length(data: Data) -> int:
    if data["type"] == "MultiBinary":
        return math.prod(data["shape"])
    return data["n"] if data["type"] == "Discrete" else int(np.sum(data["nvec"]))


def _shape(observation: Data, parts: list[Part]) -> tuple[int, ...]:
    return parts[0].shape if observation["type"] == "Box" else (_size(parts),)


def _size(parts: list[Part]) -> int:
    return sum(math.prod(part.shape) for part in parts)


def _dtype(observation: Data, parts: list[Part]) -> str:
    """Bytes where all numbers of an encoded observation are, which is what pictures among them
    weigh; else what networks compute in.
    """
    if observation["type"] == "Box":
        return parts[0].dtype
    return "uint8" if all(part.dtype == "uint8" for part in parts) else "float32"


def tensor_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type itself, or the least one that PyTorch computes in and that holds its numbers."""
    match dtype.kind, dtype.itemsize:
        case "b", _:
            return np.dtype(np.uint8)
        case "u", size if size > 1:
            return np.dtype(np.int32 if size == 2 else np.int64)
        case "f", size if size > 8:
            return np.dtype(np.float64)
    return dtype.newbyteorder("=")


def _bound(bound: NDArray[Any], there: NDArray[np.bool_]) -> Any:
    """A bound as a number where it is the same all over, else as a list; None is unbounded."""
    pairs = zip(bound.flatten().tolist(), there.flatten().tolist(), strict=True)
    values = [value if bounded else None for value, bounded in pairs]
    return values[0] if len(set(values)) == 1 else values


def _array(bound: Any, shape: tuple[int, ...], dtype: np.dtype[Any], infinite: float) -> Any:
    values = bound if isinstance(bound, list) else [bound] * math.prod(shape)
    filled = [infinite if value is None else value for value in values]
    whole = dtype.kind in "iub" and infinite in filled  # which only real numbers can say
    return np.array(filled, np.float64 if whole else dtype).reshape(shape)


def _overall(bound: Any, choose: Any) -> float | None:
    values = bound if isinstance(bound, list) else [bound]
    return None if None in values else float(choose(values))
