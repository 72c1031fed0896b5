"""The parameters of an estimator: the settings of a model, under scikit-learn's names."""

from __future__ import annotations

import copy
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from annotated_types import Ge
from pydantic import create_model

from rockfall.config import Config
from rockfall.errors import ConfigError

NAMES = {"hidden": "n_components", "epochs": "n_iter", "lr": "learning_rate"}
"""Setting → parameter, where scikit-learn has another name for it."""

EXTRA: dict[str, tuple[Any, str, str]] = {
    "device": (
        "auto",
        "str",
        "device to train on: cpu, cuda, or auto; the fitted model is on the cpu",
    ),
    "random_state": (
        None,
        "int, RandomState instance or None",
        "seed of all random numbers; None takes one from NumPy's global generator",
    ),
    "verbose": (0, "int", "verbosity; above 0, metrics of an epoch are printed"),
}
"""Parameter → default, type and description, of those that are not settings of a model."""


def signature_of(config: type[Config], names: Mapping[str, str]) -> inspect.Signature:
    """That of an `__init__` with a parameter for each setting, all but the first keyword-only."""
    defaults = {names.get(name, name): f.default for name, f in config.model_fields.items()}
    defaults |= {name: default for name, (default, _, _) in EXTRA.items()}
    positional, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter("self", positional),
            *(
                inspect.Parameter(name, keyword if number else positional, default=default)
                for number, (name, default) in enumerate(defaults.items())
            ),
        ]
    )


def make_init(config: type[Config], names: Mapping[str, str]) -> Callable[..., None]:
    """An `__init__` that keeps its parameters, as scikit-learn expects."""
    signature = signature_of(config, names)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        del bound.arguments["self"]
        vars(self).update(bound.arguments)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def parameters_section(config: type[Config], names: Mapping[str, str]) -> str:
    """The section "Parameters" of a docstring, in numpydoc's format."""
    rows = {
        names.get(setting.name, setting.name): (
            f"{setting.type}{', ' * bool(setting.bounds)}{setting.bounds}",
            repr(config.model_fields[setting.name].default),
            setting.why,
        )
        for setting in with_no_epochs(config).described()
    }
    rows |= {name: (kind, repr(value), why) for name, (value, kind, why) in EXTRA.items()}
    lines = ["Parameters", "----------"]
    for name, (kind, default, why) in rows.items():
        lines.append(f"{name} : {kind}, default={default}")
        lines += textwrap.wrap(f"{why}.", 96, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(lines) + "\n"


@functools.cache
def with_no_epochs(config: type[Config]) -> type[Config]:
    """The same settings, of which `epochs` may be 0: scikit-learn takes `n_iter=0`."""
    if "epochs" not in config.model_fields:
        return config
    epochs = copy.copy(config.model_fields["epochs"])
    epochs.metadata = [Ge(0)]
    fields: dict[str, Any] = {"epochs": (int, epochs)}
    return create_model(config.__name__, __base__=config, **fields)


def settings_of(estimator: Any, config: type[Config], names: Mapping[str, str]) -> Config:
    """The estimator's parameters as settings. Raises ValueError that names every invalid one."""
    subject = type(estimator).__name__
    values = {
        name: as_python(getattr(estimator, names.get(name, name))) for name in config.model_fields
    }
    try:
        checked = with_no_epochs(config).build(subject, values)
    except ConfigError as error:
        parts = (problem.partition(":") for problem in error.problems)
        message = "; ".join(names.get(name, name) + colon + why for name, colon, why in parts)
        raise ValueError(f"{subject}: {message}") from None
    return config.model_construct(**dict(checked))


def as_python(value: Any) -> Any:
    """NumPy's scalars, of which parameter grids often are, as Python's."""
    return value.item() if isinstance(value, np.generic) else value
