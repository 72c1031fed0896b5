"""A model's settings: typed, bounded, described; the one source of defaults.

The command line, `rockfall info` and any form derive from it, and every error is shown at once.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from rockfall.errors import ConfigError, did_you_mean

OPTION = "source."


class Config(BaseModel):
    """Base of every `Config`. Declare each setting with a bound and why it is what it is::

        class Config(rockfall.Config):
            lr: float = Field(1e-3, gt=0, description="step size; Adam's published default")

    Values may be given as text: `"1e-3"`, `"128,128"` for a tuple, `"none"` for None.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        read = dict(values)
        for name, value in values.items():
            if isinstance(value, str) and name in cls.model_fields:
                read[name] = _from_text(value, cls.model_fields[name].annotation)
        return read

    @classmethod
    def described(cls) -> list[Setting]:
        """Every setting in order: name, type, default, bounds, and what it is."""
        return [
            Setting(name, _type(f.annotation), to_text(f.default), _bounds(f), f.description or "")
            for name, f in cls.model_fields.items()
        ]

    @classmethod
    def build(cls, subject: str, *layers: Mapping[str, Any]) -> Self:
        """Defaults, overlaid by each layer in turn. Raises ConfigError with every problem."""
        values = {name: value for layer in layers for name, value in layer.items()}
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(subject, [_problem(cls, e) for e in error.errors()]) from None


def split_preset(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A preset's settings, and its options of the source, which it has as `source.size`."""
    options = {k.removeprefix(OPTION): v for k, v in values.items() if k.startswith(OPTION)}
    return {k: v for k, v in values.items() if not k.startswith(OPTION)}, options


class Setting(NamedTuple):
    """One setting as `rockfall info` shows it."""

    name: str
    type: str
    default: str
    bounds: str
    why: str


def to_text(value: Any) -> str:
    """The text form of a setting's value, as it would be typed."""
    if isinstance(value, tuple | list):
        return ",".join(map(to_text, value))
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)


def _from_text(text: str, annotation: Any) -> Any:
    options = get_args(annotation) if _is_union(annotation) else (annotation,)
    if types.NoneType in options and text.strip().lower() in ("none", "null"):
        return None
    if any(get_origin(option) in (tuple, list) for option in options):
        return [part.strip() for part in text.strip("()[] ").split(",") if part.strip()]
    choices = [c for option in options if get_origin(option) is Literal for c in get_args(option)]
    return {str(choice): choice for choice in choices}.get(text.strip(), text)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _type(annotation: Any) -> str:
    if _is_union(annotation):
        return " or ".join(map(_type, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    if get_origin(annotation) in (tuple, list):
        return f"{_type(get_args(annotation)[0])},…"
    if annotation is types.NoneType:
        return "none"
    return getattr(annotation, "__name__", str(annotation))


def _bounds(field: FieldInfo) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "multiple_of": "multiple of"}
    found = (
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in signs.items()
        if getattr(limit, name, None) is not None
    )
    return ", ".join(found)


def _problem(config: type[Config], error: Any) -> str:
    name = ".".join(map(str, error["loc"])) or "settings"
    if error["type"] == "extra_forbidden":
        return f"no setting named {name}{did_you_mean(name, config.model_fields)}"
    if error["type"] == "too_short":
        return f"{name}: at least {error['ctx']['min_length']}, not {error['ctx']['actual_length']}"
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{name}: {message}, not {to_text(error['input'])!r}" if error["loc"] else message
