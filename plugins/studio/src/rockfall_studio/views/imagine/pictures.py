"""Pictures to begin with: test examples, and what somebody drew or opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from rockfall import Dataset, UsageError
from rockfall.plugin import registry
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.uploads import prepare_drawing, prepare_picture
from rockfall_studio.views.imagine.generators import (
    MAX_SEED,
    MOST,
    Generator,
    OfRun,
    OfSamples,
    drawing,
    generator,
    planes,
)

if TYPE_CHECKING:
    from torch import Tensor

SHOWS = ("samples", "decodes", "reconstructs", "resamples", "blends")
"""Capabilities of which one is enough for a run to be here."""


class Runs(Ask):
    """All of them."""


@answers("imagine.runs")
def runs(studio: Studio, ask: Runs) -> Answer:
    """data: runs, newest first, that something is to be seen of: name, model, source."""
    found = [
        {key: run[key] for key in ("name", "model", "source")}
        for run in reversed(studio.board.runs(studio, fresh=True))
        if set(SHOWS) & set(run.get("capabilities", ()))
        and any("pictures" in kind for kind in run["kinds"])
        and run["ready"]
    ]
    return Answer({"runs": found})


class Open(OfRun):
    """What there is to see of a run."""


@answers("imagine.open")
def open_(studio: Studio, ask: Open) -> Answer:
    """data: shape (C, H, W); classes; can, names of capabilities; conditional, whether its latents
    end with the class; spherical, whether they lie about a sphere; film, what the pictures are of
    that it left of its samples while it learned, or null.
    """
    with generator(studio, ask.run) as found:
        spherical = found.can("blends") and bool(found.model.spherical)
        return Answer(
            {
                "shape": list(found.shape),
                "classes": list(found.info.classes),
                "can": found.capabilities,
                "conditional": bool(found.conditions),
                "spherical": spherical,
                "film": _film(found),
                "model": found.opened.run.record.model_name,
                "source": found.opened.run.record.source,
            }
        )


def _film(found: Generator) -> str | None:
    if not found.can("samples"):
        return None
    return registry().capabilities.find("samples").spec.compared


class Examples(OfRun):
    """Some of the test split. seed: which."""

    count: int = Field(24, ge=1, le=MOST)
    seed: int = Field(0, ge=0, le=MAX_SEED)


@answers("imagine.examples")
def examples(studio: Studio, ask: Examples) -> Answer:
    """data: labels. planes: pictures (N, H, W, C)."""
    import torch

    with generator(studio, ask.run) as found:
        test = dataset(found).test
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(ask.seed))
        inputs, labels = test[order[: ask.count].to(test.labels.device)]
        return Answer({"labels": labels.tolist()}, [planes(inputs)])


class Prepare(OfRun):
    """attached: a picture file, or a drawing (side, side) in bytes of grey."""

    side: int | None = Field(None, ge=8, le=1024)


@answers("imagine.prepare")
def prepare(studio: Studio, ask: Prepare) -> Answer:
    """data: changes, in words. planes: the input (1, H, W, C) that it becomes."""
    with generator(studio, ask.run) as found:
        done = (
            prepare_picture(ask.attached, found.info)
            if ask.side is None
            else prepare_drawing(ask.attached, ask.side, found.info)
        )
        return Answer({"changes": done.changes()}, [planes(done.pixels[None])])


class Reconstruct(OfRun):
    """attached: pictures, as the page has them from here."""


@answers("imagine.reconstruct")
def reconstruct(studio: Studio, ask: Reconstruct) -> Answer:
    """planes: their reconstructions (N, H, W, C)."""
    with generator(studio, ask.run, "reconstructs") as found, drawing(0):
        return Answer({}, [planes(found.model.reconstruct(found.inputs(ask.attached)))])


class Sample(OfSamples):
    """Some that it makes up."""


@answers("imagine.sample")
def sample(studio: Studio, ask: Sample) -> Answer:
    """planes: samples (N, H, W, C)."""
    import torch

    with generator(studio, ask.run, "samples") as found, drawing(ask.seed):
        if ask.label is None:
            return Answer({}, [planes(found.model.sample(ask.count))])
        found.require("samples-by-class")
        labels = torch.full((ask.count,), checked(found, ask.label), device=found.opened.run.device)
        return Answer({}, [planes(found.model.sample_of(labels))])


class Steps(OfRun):
    count: int = Field(12, ge=1, le=64)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    most: int = Field(60, ge=2, le=200, description="steps that are shown")


@answers("imagine.steps")
def steps(studio: Studio, ask: Steps) -> Iterator[Answer]:
    """data: step. planes: samples (N, H, W, C) after it."""
    with generator(studio, ask.run, "samples-in-steps") as found, drawing(ask.seed):
        shown = thinned(found.model.sample_steps(ask.count), ask.most)
    for number, pictures in shown:
        yield Answer({"step": number}, [planes(pictures)])


def thinned(steps: Iterable[Tensor], most: int) -> list[tuple[int, Tensor]]:
    """Of many steps, about so many at even distances, with their numbers; the last among them."""
    kept: list[tuple[int, Tensor]] = []
    every, latest = 1, None
    for latest in enumerate(steps):
        if latest[0] % every == 0:
            kept.append(latest)
        if len(kept) > most:
            kept, every = kept[::2], 2 * every
    return kept if latest is None or kept[-1][0] == latest[0] else [*kept, latest]


def dataset(found: Generator) -> Dataset:
    """Raises UsageError if it learned from none."""
    source = found.opened.source
    if not isinstance(source, Dataset):
        raise UsageError(f"{found.opened.run.record.source} has no test examples")
    return source


def checked(found: Generator, label: int) -> int:
    """Raises UsageError for a class that there is not."""
    if label >= len(found.info.classes):
        raise UsageError(f"there are {len(found.info.classes)} classes, and no number {label}")
    return label
