"""What is looked for: of each setting a range or a list of values, as somebody types it.

    lr=1e-4..1e-2:log        numbers from … to …, evenly on a logarithmic scale
    latent=2..32             whole numbers, where the setting is one
    network=mlp,conv         one of these
    hidden=64,64/128,128     one of these, where a value is itself a list

Types and bounds are those of the model's `Config`, which both ends of a range have to pass before
anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

import rockfall
from rockfall import UsageError

RANGE = ".."
LOG = ":log"
WIDER = 10.0
"""How many times smaller and larger than its default a learning rate is looked for, where nobody
says; a batch is halved and doubled."""
RATES = ("lr", "learning_rate")

Space = dict[str, BaseDistribution]


def is_searched(kind: type[rockfall.Config], name: str, text: str) -> bool:
    """Whether the text of a setting is more than one value."""
    return RANGE in text or len(_choices(kind, name, text)) > 1


def read_space(model: str, kind: type[rockfall.Config], texts: Mapping[str, str]) -> Space:
    """The distributions of some settings by name. Raises UsageError for text that is none."""
    return {name: _read(model, kind, name, text) for name, text in texts.items()}


def check_space(
    model: str, kind: type[rockfall.Config], space: Space, *layers: Mapping[str, Any]
) -> None:
    """Build the settings with both ends of every range and with every choice.

    layers: of the other settings. Raises ConfigError, which says what is wrong with which.
    """
    for name, distribution in space.items():
        for value in _ends(distribution):
            kind.build(model, *layers, {name: value})


def default_space(kind: Any, source: str) -> dict[str, str]:
    """Where to look when nobody says: the model's own `search_spaces`, or else around the defaults
    of its learning rate and batch size. Empty if it has neither.
    """
    spaces: Mapping[str, Mapping[str, str]] = getattr(kind, "search_spaces", {})
    if own := spaces.get(source, spaces.get("")):
        return dict(own)
    found = {}
    for name, field in kind.Config.model_fields.items():
        if name in RATES:
            rate = field.default
            if isinstance(rate, float) and rate > 0:
                high = min(rate * WIDER, _most(field, rate * WIDER))
                found[name] = f"{rate / WIDER:.3g}{RANGE}{high:.3g}{LOG}"
        elif name == "batch_size" and isinstance(size := field.default, int) and size > 1:
            found[name] = f"{size // 2},{size},{size * 2}"
    return found


def _most(field: Any, otherwise: float) -> float:
    limits = (getattr(each, "le", None) for each in field.metadata)
    return next((float(limit) for limit in limits if limit is not None), otherwise)


def _read(model: str, kind: type[rockfall.Config], name: str, text: str) -> BaseDistribution:
    if name not in kind.model_fields:
        kind.build(model, {name: text})  # raises, with the name that is meant
    if RANGE not in text:
        return CategoricalDistribution(_choices(kind, name, text))
    spread, log, rest = text.partition(":")
    if log and log + rest != LOG:
        raise UsageError(f"{name}={text}: a range is a..b or a..b{LOG}")
    low_text, _, high_text = spread.partition(RANGE)
    types = _type(kind, name).split(" or ")
    number: Any = int if "int" in types else float if "float" in types else None
    if number is None:
        raise UsageError(f"{name}={text}: {name} is no number: list its values, {name}=a,b")
    try:
        low, high = number(low_text), number(high_text)
    except ValueError:
        what = "whole numbers" if number is int else "numbers"
        raise UsageError(f"{name}={text}: a range is between two {what}") from None
    if not low < high:
        raise UsageError(f"{name}={text}: a range is from low to high")
    if log and low <= 0:
        raise UsageError(f"{name}={text}: with {LOG} a range begins above 0")
    return (IntDistribution if number is int else FloatDistribution)(low, high, log=bool(log))


def _choices(kind: type[rockfall.Config], name: str, text: str) -> list[str]:
    several = "/" if "/" in text and "," in _type(kind, name) else ","
    values = [part.strip() for part in text.split(several)]
    return list(dict.fromkeys(value for value in values if value))


def _type(kind: type[rockfall.Config], name: str) -> str:
    """As `rockfall info` shows it: `float`, `int or none`, `int,…`, `mlp | conv`."""
    return next((each.type for each in kind.described() if each.name == name), "")


def _ends(distribution: Any) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    return [distribution.low, distribution.high]
