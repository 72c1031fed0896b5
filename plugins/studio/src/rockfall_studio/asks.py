"""What a view is made of on the server: asks, and the functions that answer them.

    class Draw(Ask):
        run: str
        size: int = Field(28, ge=8, le=512)

    @answers("see.draw")
    def draw(studio: Studio, ask: Draw) -> Answer:
        with studio.opened(ask.run, "classifies") as run:
            ...

A function that yields answers instead, `-> Iterator[Answer | None]`, is a stream, for what grows:
it runs in a thread of its own until it ends, or is closed between two answers because the page
wants it no more. Where it has nothing new it yields None and is asked again a little later, so that
it need not sleep.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from rockfall import UsageError
from rockfall.plugin import did_you_mean

if TYPE_CHECKING:
    from rockfall_studio.studio import Studio


MOST_NAMED = 80
"""Characters of a name that an error repeats."""


class Ask(BaseModel):
    """The fields of a request. What is not declared is refused.

    attached: the bytes that came with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    attached: bytes = b""


@dataclass(frozen=True)
class Answer:
    """data: what JSON can say. planes: arrays of uint8, int32 or float32, where that is slow."""

    data: Mapping[str, Any] = field(default_factory=dict)
    planes: Sequence[np.ndarray[Any, Any]] = ()


Handler = Callable[..., "Answer | Iterator[Answer | None]"]


@dataclass(frozen=True)
class Entry:
    """kind: of the ask. streams: whether the function yields its answers."""

    name: str
    kind: type[Ask]
    function: Handler
    streams: bool


TABLE: dict[str, Entry] = {}
"""Every ask by its name, `view.what`: filled as the modules of `views` are imported."""


def answers(name: str) -> Callable[[Handler], Handler]:
    """Registers a function (studio, ask) under the name by which the page asks it."""

    def register(function: Handler) -> Handler:
        if name in TABLE:
            raise ValueError(f"two functions answer {name}")
        hints = typing.get_type_hints(function, localns={"Studio": object})
        kinds = [
            kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, Ask)
        ]
        if len(kinds) != 1:
            raise TypeError(f"{name}: annotate its ask with a subclass of Ask")
        TABLE[name] = Entry(name, kinds[0], function, hints.get("return") is not Answer)
        return function

    return register


def read(name: Any, fields: Mapping[str, Any], attached: bytes) -> tuple[Entry, Ask]:
    """The entry of that name, and its ask of the fields, checked. Raises UsageError."""
    entry = TABLE.get(name) if isinstance(name, str) else None
    if entry is None:
        short = str(name)[:MOST_NAMED]
        raise UsageError(f"the studio knows no {short!r}{did_you_mean(short, TABLE)}")
    try:
        return entry, entry.kind.model_validate({**fields, "attached": attached})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:MOST_NAMED]
        raise UsageError(f"{entry.name}: {place or 'ask'}: {first['msg']}") from None


def answer(studio: Studio, entry: Entry, ask: Ask) -> Generator[Answer | None, None, None]:
    """One answer, or as many as the function yields."""
    result = entry.function(studio, ask)
    if isinstance(result, Answer):
        yield result
    else:
        yield from result
