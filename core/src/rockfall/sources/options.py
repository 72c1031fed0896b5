"""The options of a dataset: those that its factory takes, and those of every dataset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model

from rockfall.config import Config, Setting
from rockfall.errors import UsageError, did_you_mean
from rockfall.kit.randomness import fork_rng
from rockfall.sources.dataset import Dataset
from rockfall.sources.selection import Selection
from rockfall.sources.source import Source
from rockfall.specs import DatasetSpec

Seed = Annotated[int, Field(ge=0, lt=2**32, description="random seed; another draws other splits")]
"""How a factory annotates its seed."""


class _Options(Config):
    model_config = ConfigDict(arbitrary_types_allowed=True, validate_default=False)


def open_with(name: str, make: Callable[..., Source], options: Mapping[str, Any]) -> Source:
    """The source that `make` returns, given those of the options that it takes.

    A parameter's annotation says what its option may be, `Annotated[int, Field(ge=1)]` too. Of
    `classes`, `limit` and `size`, what `make` has no parameter for is applied to the dataset.
    Raises UsageError for an option that neither knows, and for a value that does not fit.
    """
    own = _own(make)
    given = {key: value for key, value in options.items() if key in own.model_fields}
    rest = {key: value for key, value in options.items() if key not in given}
    general = {key: rest.pop(key) for key in Selection.model_fields if key in rest}
    if not _takes_any(make):
        _refuse(name, rest, [*own.model_fields, *Selection.model_fields])
    values = own.build(name, given)
    chosen = Selection.build(name, general)
    with fork_rng(seed=0):  # not before: to import it may have drawn
        source = make(**{key: getattr(values, key) for key in given}, **rest)
    if isinstance(source, Dataset):
        seed = getattr(values, "seed", 0)
        source = chosen.of(source, seed if isinstance(seed, int) else 0)
        source.options = _described(own, source.info.kinds)
    elif general:
        raise UsageError(f"{name} is no dataset, so it has no option {next(iter(general))}")
    return source


def options_of(spec: DatasetSpec) -> tuple[Setting, ...]:
    """The options of a dataset that is not on this machine, by its spec and its factory."""
    return _described(_own(spec.load()), spec.kinds)


def _described(own: type[Config], kinds: tuple[str, ...]) -> tuple[Setting, ...]:
    """A factory's own options, then those of a `Selection` that mean something to such kinds."""
    applying = {
        "classes": any(kind.startswith("labelled") for kind in kinds),
        "limit": True,
        "size": any("pictures" in kind for kind in kinds),
    }
    general = [s for s in Selection.described() if applying[s.name]]
    return (*own.described(), *(s for s in general if s.name not in own.model_fields))


def _own(make: Callable[..., Any]) -> type[Config]:
    fields: dict[str, Any] = {}
    for each in _parameters(make):
        if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
            unknown = each.annotation is each.empty or isinstance(each.annotation, str)
            fields[each.name] = (
                Any if unknown else each.annotation,
                ... if each.default is each.empty else each.default,
            )
    made: type[Config] = create_model("Options", __base__=_Options, **fields)
    return made


def _parameters(make: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(make, eval_str=True)
    except Exception:  # a name that its module imports for the type checker alone
        signature = inspect.signature(make)
    return list(signature.parameters.values())


def _takes_any(make: Callable[..., Any]) -> bool:
    return any(each.kind is each.VAR_KEYWORD for each in _parameters(make))


def _refuse(source: str, unknown: Mapping[str, Any], known: list[str]) -> None:
    for name in unknown:
        hint = did_you_mean(name, known) or f"; it takes {', '.join(dict.fromkeys(known))}"
        raise UsageError(f"{source} has no option {name}{hint}")
