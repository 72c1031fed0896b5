"""Markov chains that go on from a drawing, each step shown."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import Field

from rockfall import UsageError
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.imagine.generators import OfRun, drawing, generator, planes

SHORT = 0.25
"""Seconds of a wait in which the page need not be looked at."""


class Chain(OfRun):
    """attached: a picture as the page has it from here, and a mask of as many bytes, which are not
    0 where the picture is clamped.

    rate: pictures a second. every: steps from one picture to the next.
    """

    temperature: float = Field(1.0, ge=0.05, le=20)
    rate: float = Field(10.0, ge=0.5, le=60)
    every: int = Field(1, ge=1, le=100)
    most: int = Field(20_000, ge=1, le=100_000, description="pictures until it ends")


@answers("imagine.chain")
def chain(studio: Studio, ask: Chain) -> Iterator[Answer | None]:
    """data: step. planes: the chain's picture (1, H, W, C) after it."""
    with generator(studio, ask.run, "resamples") as found:
        both = found.inputs(ask.attached)
        if len(both) != 2:
            raise UsageError("a chain begins with one picture, and has one mask")
        picture, clamped = both[:1], both[1:] != 0
        steps = found.model.resample(picture, clamped, temperature=ask.temperature)
    due = time.monotonic()
    for number in range(1, ask.most + 1):
        with found.opened.lock, drawing():
            for _ in range(ask.every):
                step = next(steps)
        yield Answer({"step": number * ask.every}, [planes(step)])
        due = max(due + 1 / ask.rate, time.monotonic() - 1)
        while (wait := due - time.monotonic()) > SHORT:
            yield None
        time.sleep(max(wait, 0.0))
