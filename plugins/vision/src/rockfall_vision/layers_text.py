"""A network written as a short text: `conv 16 5x5 / relu / maxpool 2 / linear 100 / relu`.

Layers are separated by `/`. Sizes between them are inferred, and a layer that can't stand where it
stands is refused with its number and its text.

    conv FILTERS FIELD [stride N] [same | pad N]     a convolution
    maxpool FIELD [stride N] [same | pad N]          the largest, or
    avgpool FIELD [stride N] [same | pad N]          the mean, of each field; stride FIELD
    relu · tanh · sigmoid · gelu                     what a unit does with its sum
    batchnorm                                        Ioffe and Szegedy 2015
    dropout SHARE                                    Srivastava et al. 2014; SHARE is left out
    flatten                                          maps to one vector
    linear UNITS                                     every unit sees everything

FIELD and N are `5` or `5x3`: height x width. Nothing is padded unless it says so; `same` pads an
odd field so that stride 1 keeps the map's size. `linear` flattens maps itself. The output layer,
`linear` with a unit a class, is added unless the text ends in `linear`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from rockfall.errors import did_you_mean

Shape = tuple[int, ...]
"""Of what one picture has become: maps (C, H, W) or a vector (D,)."""

MOST_PARAMETERS = 100_000_000
MOST_VALUES = 4_000_000
"""A layer's weights, and what it makes of one picture: more would not fit into many a memory."""


class LayerError(ValueError):
    """A layer that can't be read, or can't stand where it stands."""


class Built(NamedTuple):
    """One layer: as it was written, as a module, and the shape of what it makes of a picture."""

    text: str
    module: nn.Module
    shape: Shape


def build_layers(text: str, shape: Shape, classes: int) -> list[Built]:
    """The layers of `text`, from pictures (C, H, W) to logits (classes,).

    Raises LayerError with the number and the text of the first layer that does not fit.
    """
    texts = [" ".join(part.split()) for part in text.lower().split("/")]
    if not any(texts):
        raise LayerError("layers is empty: write, say, conv 16 5x5 / relu / maxpool 2")
    if texts[-1].split()[:1] != ["linear"]:
        texts.append("linear")
    elif texts[-1] not in ("linear", f"linear {classes}"):
        raise LayerError(
            f"layer {len(texts)} ({texts[-1]}): the last layer has one unit for each of the "
            f"{classes} classes; leave it out, or write a relu after it"
        )
    texts[-1] = f"linear {classes}"
    built: list[Built] = []
    for number, layer in enumerate(texts, 1):
        try:
            name, *words = layer.split() or [""]
            if name not in LAYERS:
                raise LayerError(_unknown(name))
            if name == "linear" and len(shape) == 3:
                module, shape = _flatten([], shape)
                built.append(Built("flatten", module, shape))
            module, shape = LAYERS[name](words, shape)
        except LayerError as error:
            raise LayerError(f"layer {number} ({layer}): {error}") from None
        built.append(Built(layer, module, shape))
    return built


def _unknown(name: str) -> str:
    if not name:
        return "there is nothing between two /"
    hint = did_you_mean(name, LAYERS)
    return f"no layer is called {name}{hint or ': ' + ', '.join(LAYERS)}"


Maker = Callable[[list[str], Shape], tuple[nn.Module, Shape]]
"""The words after a layer's name, and the shape before it → the module, and the shape after it."""


def _conv(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    channels, *_ = _maps(shape)
    filters = _number(words, "how many filters", "conv 16 5x5")
    field, stride, padding = _window(words, "conv 16 5x5")
    after = filters, *_slide(shape, field, stride, padding)
    _afford(filters * (channels * field[0] * field[1] + 1), after)
    return nn.Conv2d(channels, filters, field, stride, padding), after


def _pool(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d], example: str) -> Maker:
    def make(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
        channels, *_ = _maps(shape)
        field, stride, padding = _window(words, example, own_stride=True)
        if any(2 * pad > side for pad, side in zip(padding, field, strict=True)):
            raise LayerError(f"pad {_times(padding)} is more than half of {_times(field)}")
        after = channels, *_slide(shape, field, stride, padding)
        _afford(0, after)
        return kind(field, stride, padding), after

    return make


def _activation(kind: Callable[[], nn.Module]) -> Maker:
    def make(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
        _end(words)
        return kind(), shape

    return make


def _batchnorm(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    _end(words)
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return kind(shape[0]), shape


def _dropout(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    word = words.pop(0) if words else ""
    if not re.fullmatch(r"0?\.\d{1,9}|0", word, re.ASCII):
        raise LayerError("say which share is left out, from 0 to below 1: dropout 0.5")
    _end(words)
    return nn.Dropout(float(word)), shape


def _flatten(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    _end(words)
    size = 1
    for side in shape:
        size *= side
    return nn.Flatten(), (size,)


def _linear(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    units = _number(words, "how many units", "linear 100")
    _end(words)
    _afford(units * (shape[0] + 1), (units,))
    return nn.Linear(shape[0], units), (units,)


LAYERS: dict[str, Maker] = {
    "conv": _conv,
    "maxpool": _pool(nn.MaxPool2d, "maxpool 2"),
    "avgpool": _pool(nn.AvgPool2d, "avgpool 2"),
    "relu": _activation(nn.ReLU),
    "tanh": _activation(nn.Tanh),
    "sigmoid": _activation(nn.Sigmoid),
    "gelu": _activation(nn.GELU),
    "batchnorm": _batchnorm,
    "dropout": _dropout,
    "flatten": _flatten,
    "linear": _linear,
}


# Reading words. What has been read is taken off the front of the list. ----------------------------

Pair = tuple[int, int]
"""Height and width."""


def _number(words: list[str], what: str, example: str) -> int:
    word = words.pop(0) if words else ""
    if not re.fullmatch(r"[1-9]\d{0,5}", word, re.ASCII):
        raise LayerError(f"say {what}, as in: {example}")
    return int(word)


def _pair(words: list[str], what: str, example: str, lowest: int = 1) -> Pair:
    word = words.pop(0) if words else ""
    found = re.fullmatch(r"(\d{1,4})(?:[x×](\d{1,4}))?", word, re.ASCII)
    pair = (int(found[1]), int(found[2] or found[1])) if found else (-1, -1)
    if min(pair) < lowest:
        raise LayerError(f"say {what}, as in: {example}")
    return pair


def _window(words: list[str], example: str, own_stride: bool = False) -> tuple[Pair, Pair, Pair]:
    """Field, stride and padding. own_stride: without one said, fields lie side by side."""
    field = _pair(words, "the size of the field", example)
    stride = field if own_stride else (1, 1)
    padding = 0, 0
    said = set()
    while words:
        word = words.pop(0)
        said_twice = ("pad" if word == "same" else word) in said
        said.add("pad" if word == "same" else word)
        if said_twice:
            raise LayerError(f"{word} is one too many")
        if word == "stride":
            stride = _pair(words, "the stride", f"{example} stride 2")
        elif word == "pad":
            padding = _pair(words, "the padding", f"{example} pad 1", lowest=0)
        elif word == "same":
            if not all(side % 2 for side in field):
                raise LayerError("same needs an odd field, such as 3x3; pad N goes with any")
            padding = field[0] // 2, field[1] // 2
        else:
            raise LayerError(_leftover(word, ("stride", "same", "pad")))
    return field, stride, padding


def _end(words: list[str]) -> None:
    if words:
        raise LayerError(_leftover(words[0], ()))


def _leftover(word: str, known: tuple[str, ...]) -> str:
    return f"can't read {word}{did_you_mean(word, known) or ' here'}"


# Sizes --------------------------------------------------------------------------------------------


def _maps(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise LayerError(f"it needs maps, and what comes before made a vector of {shape[0]}")
    return shape


def _slide(shape: Shape, field: Pair, stride: Pair, padding: Pair) -> Pair:
    """Places of a field on a map, down and across."""
    sides = shape[1], shape[2]
    room = sides[0] + 2 * padding[0], sides[1] + 2 * padding[1]
    if room[0] < field[0] or room[1] < field[1]:
        padded = f", padded to {_times(room)}," if any(padding) else ""
        raise LayerError(
            f"a {_times(sides)} map{padded} is too small for a field of {_times(field)}"
        )
    return (room[0] - field[0]) // stride[0] + 1, (room[1] - field[1]) // stride[1] + 1


def _times(pair: Pair) -> str:
    return f"{pair[0]} × {pair[1]}"


def _afford(parameters: int, shape: Shape) -> None:
    if parameters > MOST_PARAMETERS:
        raise LayerError(f"{parameters:,} weights are more than {MOST_PARAMETERS:,}")
    values = 1
    for side in shape:
        values *= side
    if values > MOST_VALUES:
        raise LayerError(f"{values:,} values a picture are more than {MOST_VALUES:,}")
