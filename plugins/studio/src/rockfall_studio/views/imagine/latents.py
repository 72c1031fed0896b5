"""Latents: where they lie, those of pictures, and pictures of them.

The page has them as floats, drags and blends them itself, and asks what they decode to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from rockfall import Batch, UsageError
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.imagine.generators import (
    MOST,
    Generator,
    OfRun,
    OfSamples,
    drawing,
    floats,
    generator,
    planes,
)
from rockfall_studio.views.imagine.pictures import checked, dataset

if TYPE_CHECKING:
    from torch import Tensor

DRAWN = 1000
"""Latents that their mean and standard deviation are estimated from."""
ENCODED = 500
"""Test examples that the aggregate posterior is estimated from."""
PATIENCE = 0.5
"""Seconds after which a map shows what it has: a model without an encoder searches for latents."""
FIRST = 4
"""Examples in the first part of a map; the next has twice as many if that one was short."""
SHORT = 0.1
"""Seconds: who drags something meanwhile waits for the model about twice as long at most."""


class Spread(OfRun):
    """Where the latents of a run lie."""


@answers("imagine.spread")
def spread(studio: Studio, ask: Spread) -> Answer:
    """data: of, `prior` or `aggregate posterior`. planes: of each latent the mean, the standard
    deviation, and its place by that, from the largest, (D,) each; then a latent vector (D,).

    Of a model that encodes, they are those of the aggregate posterior: of the latents of test
    examples. A latent that no example moves keeps the prior's, so that it can be dragged.
    """
    import torch

    with generator(studio, ask.run, "decodes") as found, drawing(0):
        latents = found.model.sample_latents(DRAWN)
        mean, std = latents.mean(0), latents.std(0)
        order, of = std, "prior"
        if found.can("encodes") and found.can("blends"):
            examples = dataset(found).test.evenly_spaced(ENCODED)
            codes = found.model.latents(*labelled(found, examples))
            mean, order, of = codes.mean(0), codes.std(0), "aggregate posterior"
            std = torch.where(order > 0.1 * std, order, std)
        places = order.argsort(descending=True)
        return Answer(
            {"of": of},
            [floats(mean), floats(std), places.cpu().int().numpy(), floats(latents[0])],
        )


class Decode(OfRun):
    """attached: latents (N, D) float32."""


@answers("imagine.decode")
def decode(studio: Studio, ask: Decode) -> Answer:
    """planes: pictures (N, H, W, C)."""
    import torch

    with generator(studio, ask.run, "decodes") as found:
        with drawing(0):
            size = found.model.sample_latents(1).shape[1]
        if not ask.attached or len(ask.attached) % (4 * size):
            raise UsageError(f"{len(ask.attached):,} bytes are no latents of {size} floats")
        values = torch.frombuffer(bytearray(ask.attached), dtype=torch.float32).view(-1, size)
        if len(values) > MOST:
            raise UsageError(f"{len(values)} latents at once are more than {MOST}")
        if not values.isfinite().all():
            raise UsageError("latents must be finite")
        return Answer({}, [planes(found.model.decode(values.to(found.opened.run.device)))])


class Draw(OfSamples):
    """Latents of samples."""


@answers("imagine.draw")
def draw(studio: Studio, ask: Draw) -> Answer:
    """planes: pictures (N, H, W, C), and the latents (N, D) that they are decoded from."""
    with generator(studio, ask.run, "decodes") as found, drawing(ask.seed):
        latents = found.model.sample_latents(ask.count)
        if ask.label is not None:
            found.require("samples-by-class")
            latents[:, -found.conditions :] = 0
            latents[:, checked(found, ask.label) - found.conditions] = 1
        return Answer({}, [planes(found.model.decode(latents)), floats(latents)])


class Find(OfRun):
    """attached: pictures, as the page has them from here. labels: of each the class, −1 if it is
    unknown; of a model that samples by class they must be known.
    """

    labels: tuple[int, ...] = Field(max_length=16)


@answers("imagine.find")
def find(studio: Studio, ask: Find) -> Answer:
    """planes: the latents (N, D) of the pictures, and what they decode to (N, H, W, C)."""
    import torch

    with generator(studio, ask.run, "blends") as found, drawing(0):
        inputs = found.inputs(ask.attached)
        if len(inputs) != len(ask.labels):
            raise UsageError(f"{len(inputs)} pictures, and {len(ask.labels)} labels")
        if found.conditions and min(ask.labels) < 0:
            raise UsageError("this model needs the class of what it is to find: choose one")
        labels = [checked(found, label) if found.conditions else -1 for label in ask.labels]
        latents = found.model.latents(inputs, torch.tensor(labels, device=inputs.device))
        return Answer({}, [floats(latents), planes(found.model.decode(latents))])


class Map(OfRun):
    """Of test examples, or of samples where a model finds no latents of pictures."""

    count: int = Field(200, ge=8, le=1000)


@answers("imagine.map")
def map_(studio: Studio, ask: Map) -> Iterator[Answer]:
    """data: labels, what, how many of all are there, by `latents` if these are two, else by their
    principal components. planes: points (N, 2), latents (N, D), pictures (N, H, W, C).
    """
    import torch

    with generator(studio, ask.run, "decodes") as found:
        if not found.can("blends"):
            with drawing(0):
                latents = found.model.sample_latents(ask.count)
            pictures = found.model.decode(latents)
        else:
            part = dataset(found).test.evenly_spaced(ask.count)
            inputs, labels = labelled(found, part)
    if not found.can("blends"):
        yield _map(found, "samples", latents, pictures, [-1] * ask.count, ask.count)
        return
    latents, size, shown = labels.new_empty(0), FIRST, time.monotonic()
    while (done := len(latents)) < len(inputs):
        to, began = done + size, time.monotonic()
        with generator(studio, ask.run), drawing(0):
            more = found.model.latents(inputs[done:to], labels[done:to])
        latents = torch.cat((latents, more)) if done else more
        if time.monotonic() - began < SHORT:
            size *= 2
        if len(latents) == len(inputs) or time.monotonic() - shown > PATIENCE:
            shown, known = time.monotonic(), part.labels[: len(latents)].tolist()
            yield _map(found, "test examples", latents, inputs[:to], known, len(inputs))


def labelled(found: Generator, part: Batch) -> Batch:
    """Examples, with labels of −1 for a model that does not ask for them."""
    inputs, labels = part
    return Batch(inputs, labels if found.conditions else labels * 0 - 1)


def _map(
    found: Generator, what: str, latents: Tensor, pictures: Tensor, labels: list[int], all_: int
) -> Answer:
    import torch

    free = latents[:, : latents.shape[1] - found.conditions].float()
    by = "latents" if free.shape[1] == 2 else "principal components"
    if free.shape[1] == 2:
        points = free
    elif free.shape[1] == 1 or len(free) < 3:
        points = torch.cat((free[:, :1], free[:, :1] * 0), 1)
    else:
        centred = free - free.mean(0)
        _, _, axes = torch.linalg.svd(centred, full_matrices=False)
        points = centred @ axes[:2].T
    return Answer(
        {"labels": labels, "what": what, "of": all_, "by": by},
        [floats(points), floats(latents), planes(pictures)],
    )
