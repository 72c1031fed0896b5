"""How a picture becomes an input: one function, for training and for every later use.

A source says what it does to a picture as plain data, kept in `run.json`. So what a trained model
is shown, by whatever verb, is what it would have learned from, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit import former_preparation, ink
from rockfall.kit.pictures import decode, on_white, quietly
from rockfall.kit.resizing import border, framed, resized

__all__ = ["Preparation", "Prepared", "preparation_of", "prepare", "prepare_file"]

Fit = Literal["pad", "ink", "guess"]
ALWAYS = ("size", "channels", "fit", "resized")
SAID: dict[str, tuple[str, ...]] = {
    "pad": (),
    "ink": ("ink", "share", "leave"),
    "guess": ("mean", "share"),
}
"""By fit, what else there is to say."""

FILLED = 0.9
"""Examples whose drawings take more of a side than this reach their pictures' borders."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is done to any picture, so that it is an input.

    size: its height and width. channels: 1, grey, or 3.
    fit: `pad` keeps the whole picture, in the middle of a page of the colour of its border. `ink`
        takes what is drawn, cropped, as ink of one tone on plain paper; a picture without a
        drawing is padded. `guess` is for runs of before sources said so: whether a picture is
        cropped and inverted is guessed from what was learned from.
    ink: how drawings are drawn: `light` on dark, or `dark` on light.
    share: of height and of width, what a drawing is scaled to lie within; None: all.
    leave: whether a picture of just this size is one of the source's own, and not cropped.
    mean: of the pixels learned from, 0 … 255; for `guess`.
    resized: height and width that an input is brought to at last, as `source.size` did it.
    """

    size: tuple[int, int]
    channels: Literal[1, 3]
    fit: Fit = "pad"
    ink: Literal["light", "dark"] = "light"
    share: tuple[float, float] | None = None
    leave: bool = False
    mean: float = 127.5
    resized: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of an input."""
        return (self.channels, *(self.size if self.resized is None else (self.resized,) * 2))

    def to_json(self) -> dict[str, Any]:
        """What says something: of the fit `pad` neither `ink` nor `share`."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name in ALWAYS + SAID[self.fit] and value is not None
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`. Raises RockfallError for a fit that only a later version knows."""
        if data["fit"] not in SAID:
            raise RockfallError(
                f"a later version prepared these pictures, by fit={data['fit']}: update Rockfall"
            )
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in data.items()
            if name in ALWAYS + SAID[data["fit"]]
        }
        return cls(**known)

    @classmethod
    def of_examples(cls, fit: Fit, shape: tuple[int, ...], statistics: Mapping[str, Any]) -> Self:
        """What gives inputs like a source's examples, of shape (C, H, W) and with these figures."""
        channels, height, width = shape
        mean, extent = statistics.get("mean", [127.5]), statistics.get("extent")
        light = float(np.mean(mean)) < 127.5  # most of a drawing is paper
        return cls(
            size=(height, width),
            channels=1 if channels == 1 else 3,
            fit=fit,
            ink="light" if light else "dark",
            share=(extent[0], extent[1]) if extent else None,
            leave=True,
            mean=float(np.mean(mean)),
        )


class Described(Protocol):
    """Of a `SourceInfo`, what tells how its pictures are prepared."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def statistics(self) -> Mapping[str, Any]: ...
    @property
    def preparation(self) -> Mapping[str, Any] | None: ...


class Prepared(NamedTuple):
    """A model's input (C, H, W) uint8, and how it was made from a picture.

    notes: what else is to be said, such as that a film's first frame was taken.
    """

    pixels: Tensor
    resized: bool
    inverted: bool = False
    cropped: bool = False
    notes: tuple[str, ...] = ()

    def changes(self) -> list[str]:
        """How it was made, in words."""
        _, height, width = self.pixels.shape
        changes = {
            f"resized to {width} × {height}": self.resized,
            "cropped to the drawing": self.cropped,
            "inverted": self.inverted,
        }
        return [*self.notes, *(words for words, was in changes.items() if was)]


def preparation_of(info: Described) -> Preparation:
    """How the source that `info` describes prepares a picture. Raises RockfallError for a
    description that contradicts itself, or that only a later version knows.
    """
    preparation = (
        Preparation.from_json(info.preparation)
        if info.preparation
        else Preparation.of_examples("guess", info.shape, info.statistics)
    )
    if preparation.shape != info.shape:
        raise RockfallError("run.json is damaged: it prepares pictures in another shape")
    return preparation


def prepare_file(path: Path, info: Described) -> Prepared:
    """The picture of a file as an input of the source that `info` describes.

    Raises UsageError for what is no picture, see `rockfall.kit.pictures.load`, and RockfallError
    for a description that contradicts itself.
    """
    preparation = preparation_of(info)
    with quietly():
        image, notes = decode(path)
    done = prepare(image, preparation)
    return done._replace(notes=(*notes, *done.notes))


def prepare(image: Image.Image, how: Preparation) -> Prepared:
    """Any picture, L, RGB or RGBA, as an input."""
    done = _FITS[how.fit](image, how)
    pixels = done.pixels
    if how.resized is not None:
        pixels = resized({"": pixels[None]}, how.resized)[""][0]
    return done._replace(pixels=pixels, resized=image.size[::-1] != pixels.shape[1:])


def _pad(image: Image.Image, how: Preparation) -> Prepared:
    image = _in_channels(on_white(image), how)
    page = framed(image, how.size[::-1], border(image))
    return Prepared(_tensor(page), resized=False)


def _ink(image: Image.Image, how: Preparation) -> Prepared:
    own = how.leave and image.size[::-1] == how.size
    # Where examples reach from border to border, as the 8 x 8 digits do, so may what is drawn.
    filled = how.leave and max(how.share or (0.0,)) > FILLED and not ink.is_plain(image)
    if own or filled or (found := ink.find(image)) is None:
        whole = _pad(image, how)
        other = ink.is_paper(image, dark=how.ink == "dark", all_round=own)
        return whole._replace(pixels=255 - whole.pixels, inverted=True) if other else whole
    tall, wide = how.share or (1.0, 1.0)
    drawn = Image.fromarray(found.levels).crop(found.box)
    pixels = _tensor(_in_channels(framed(drawn, how.size[::-1], np.zeros(1), (wide, tall)), how))
    return Prepared(
        pixels if how.ink == "light" else 255 - pixels,
        resized=False,
        inverted=found.dark == (how.ink == "light"),
        cropped=True,
        notes=found.notes,
    )


def _guess(image: Image.Image, how: Preparation) -> Prepared:
    image = _in_channels(on_white(image), how)
    page, inverted, cropped = former_preparation.fit(image, how.size, how.mean, how.share)
    return Prepared(_tensor(page), resized=False, inverted=inverted, cropped=cropped)


_FITS = {"pad": _pad, "ink": _ink, "guess": _guess}


def _in_channels(image: Image.Image, how: Preparation) -> Image.Image:
    return image.convert("L" if how.channels == 1 else "RGB")


def _tensor(image: Image.Image) -> Tensor:
    """An L or RGB image as (C, H, W) uint8."""
    pixels = torch.from_numpy(np.array(image)).reshape(image.height, image.width, -1)
    return pixels.permute(2, 0, 1).contiguous()
