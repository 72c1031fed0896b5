"""A network written as a short text: `conv 16 5x5 / relu / maxpool 2 / linear 100 / relu`.

Layers are separated by `/`. Sizes between them are inferred, and a layer that does not fit the
output of the one before is refused with its number and its text.

    conv FILTERS KERNEL [stride N] [same | pad N]    convolution
    maxpool KERNEL [stride N] [same | pad N]         max pooling, or
    avgpool KERNEL [stride N] [same | pad N]         average pooling; default stride KERNEL
    globalmaxpool · globalavgpool                    pooling over the whole of each feature map
    relu · tanh · sigmoid · gelu                     activation function
    batchnorm                                        batch normalisation (Ioffe and Szegedy 2015)
    dropout P                                        dropout (Srivastava et al. 2014); probability P
    flatten                                          feature maps to one vector
    linear UNITS                                     fully connected layer

KERNEL and N are `5` or `5x3`: height x width. Padding is 0 unless given; `same` pads an odd kernel
so that stride 1 keeps the size of the feature maps. `linear` flattens feature maps itself. The
output layer, `linear` with a unit for each class, is added unless the text ends in `linear`.

A setting that is such a text is declared as `LayerText`, by which a form knows it::

    class Config(rockfall.Config):
        layers: LayerText = Field("conv 16 3x3 / relu / maxpool 2", description="…")
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

from pydantic import WithJsonSchema
from torch import nn

from rockfall.errors import did_you_mean

__all__ = [
    "BLOCKS",
    "BuiltLayer",
    "LayerError",
    "LayerText",
    "Word",
    "build_layers",
    "layer_by_layer",
]

LayerText = Annotated[str, WithJsonSchema({"type": "string", "format": "layers"})]
"""The type of a setting: the layers from one picture (C, H, W) to an output for each class."""
Shape = tuple[int, ...]
"""Of one example: feature maps (C, H, W) or a vector (D,)."""

MAX_PARAMETERS = 100_000_000
"""Of one layer; more do not fit into many a memory."""
MAX_ACTIVATIONS = 4_000_000
"""Of one layer, for one picture."""


class LayerError(ValueError):
    """A layer that can't be parsed, or does not fit the output of the one before.

    number: of the layer in the text, from 1; 0: of none. reason: the message without it.
    """

    def __init__(self, reason: str, number: int = 0, layer: str = "") -> None:
        super().__init__(f"layer {number} ({layer}): {reason}" if number else reason)
        self.number, self.reason = number, reason


class BuiltLayer(NamedTuple):
    """One layer: its text, its module, the shape of its output for one example, and its number in
    the text, from 1. A `flatten` that `linear` brings along has the number of that.
    """

    text: str
    module: nn.Module
    shape: Shape
    number: int

    @property
    def parameters(self) -> int:
        """How many numbers it learns."""
        return sum(each.numel() for each in self.module.parameters())


def build_layers(text: str, shape: Shape, classes: int) -> list[BuiltLayer]:
    """The layers of `text`, from pictures (C, H, W) to logits (classes,).

    Raises LayerError with the number and the text of the first layer that does not fit.
    """
    return list(layer_by_layer(text, shape, classes))


def layer_by_layer(text: str, shape: Shape, classes: int) -> Iterator[BuiltLayer]:
    """As `build_layers`, one at a time, so that those before one that does not fit are known."""
    texts = [" ".join(part.split()) for part in text.lower().split("/")]
    if not any(texts):
        raise LayerError("layers is empty: write, say, conv 16 5x5 / relu / maxpool 2")
    output = f"linear {classes}"
    if texts[-1].split()[:1] != ["linear"]:
        texts.append(output)
    elif texts[-1] == "linear":
        texts[-1] = output
    for number, layer in enumerate(texts, 1):
        try:
            name, *words = layer.split() or [""]
            if name not in LAYERS:
                raise LayerError(_unknown(name))
            if number == len(texts) and layer != output:
                raise LayerError(
                    f"the last layer has one unit for each of the {classes} classes; leave it out, "
                    "or write a relu after it"
                )
            if name == "linear" and len(shape) == 3:
                module, shape = _flatten([], shape)
                yield BuiltLayer("flatten", module, shape, number)
            module, shape = LAYERS[name](words, shape)
        except LayerError as error:
            raise LayerError(error.reason, number, layer) from None
        yield BuiltLayer(layer, module, shape, number)


def _unknown(name: str) -> str:
    if not name:
        return "there is nothing between two /"
    hint = did_you_mean(name, LAYERS)
    return f"no layer is called {name}{hint or ': ' + ', '.join(LAYERS)}"


Maker = Callable[[list[str], Shape], tuple[nn.Module, Shape]]
"""The words after a layer's name, and its input shape → the module, and its output shape."""


def _conv(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    channels, *_ = _maps(shape)
    filters = _number(words, "the number of filters", "conv 16 5x5")
    kernel, stride, padding = _window(words, "conv 16 5x5")
    after = filters, *_output_size(shape, kernel, stride, padding)
    _check_size(filters * (channels * kernel[0] * kernel[1] + 1), after)
    return nn.Conv2d(channels, filters, kernel, stride, padding), after


def _pool(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d], example: str) -> Maker:
    def make(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
        channels, *_ = _maps(shape)
        kernel, stride, padding = _window(words, example, stride_is_kernel=True)
        if any(2 * pad > side for pad, side in zip(padding, kernel, strict=True)):
            raise LayerError(f"pad {_by(padding)} is more than half of the {_by(kernel)} kernel")
        after = channels, *_output_size(shape, kernel, stride, padding)
        _check_size(0, after)
        return kind(kernel, stride, padding), after

    return make


def _global_pool(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d]) -> Maker:
    def make(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
        channels, *size = _maps(shape)
        _end(words)
        # Of a known size: an adaptive one would have no deterministic gradient on CUDA.
        return kind((size[0], size[1])), (channels, 1, 1)

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
        raise LayerError("give a probability from 0 to below 1, as in: dropout 0.5")
    _end(words)
    return nn.Dropout(float(word)), shape


def _flatten(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    _end(words)
    return nn.Flatten(), (math.prod(shape),)


def _linear(words: list[str], shape: Shape) -> tuple[nn.Module, Shape]:
    units = _number(words, "the number of units", "linear 100")
    _end(words)
    _check_size(units * (shape[0] + 1), (units,))
    return nn.Linear(shape[0], units), (units,)


LAYERS: dict[str, Maker] = {
    "conv": _conv,
    "maxpool": _pool(nn.MaxPool2d, "maxpool 2"),
    "avgpool": _pool(nn.AvgPool2d, "avgpool 2"),
    "globalmaxpool": _global_pool(nn.MaxPool2d),
    "globalavgpool": _global_pool(nn.AvgPool2d),
    "relu": _activation(nn.ReLU),
    "tanh": _activation(nn.Tanh),
    "sigmoid": _activation(nn.Sigmoid),
    "gelu": _activation(nn.GELU),
    "batchnorm": _batchnorm,
    "dropout": _dropout,
    "flatten": _flatten,
    "linear": _linear,
}


class Word(NamedTuple):
    """A number in a layer's text, for a form.

    value: the one to begin with. keyword: what stands before it, `stride`; empty: it has a place of
    its own. usual: the value that it has where it is not written; of a stride, `kernel` is that of
    the kernel. `same` is a value of `padding`, and written without a keyword.
    """

    name: str
    value: str
    keyword: str = ""
    usual: str = ""


def _sliding(kernel: str, stride: str, *before: Word) -> tuple[Word, ...]:
    return (
        *before,
        Word("kernel", kernel),
        Word("stride", stride, "stride", stride),
        Word("padding", "0", "pad", "0"),
    )


BLOCKS: dict[str, tuple[str, tuple[Word, ...]]] = {
    "conv": ("convolution", _sliding("3x3", "1", Word("filters", "16"))),
    "relu": ("ReLU", ()),
    "batchnorm": ("batch normalisation", ()),
    "maxpool": ("max pooling", _sliding("2", "kernel")),
    "avgpool": ("average pooling", _sliding("2", "kernel")),
    "globalmaxpool": ("global max pooling", ()),
    "globalavgpool": ("global average pooling", ()),
    "flatten": ("flatten", ()),
    "linear": ("linear", (Word("units", "100"),)),
    "dropout": ("dropout", (Word("probability", "0.5"),)),
    "tanh": ("tanh", ()),
    "sigmoid": ("sigmoid", ()),
    "gelu": ("GELU", ()),
}
"""Every layer → what it is called, and its numbers, in the order in which a text has them."""


# Parsing. Each function takes the words that it has parsed off the front of the list. -------------

Pair = tuple[int, int]
"""Height and width."""


def _number(words: list[str], what: str, example: str) -> int:
    word = words.pop(0) if words else ""
    if not re.fullmatch(r"[1-9]\d{0,5}", word, re.ASCII):
        raise LayerError(f"give {what}, as in: {example}")
    return int(word)


def _pair(words: list[str], what: str, example: str, lowest: int = 1) -> Pair:
    word = words.pop(0) if words else ""
    found = re.fullmatch(r"(\d{1,4})(?:[x×](\d{1,4}))?", word, re.ASCII)
    pair = (int(found[1]), int(found[2] or found[1])) if found else (-1, -1)
    if min(pair) < lowest:
        raise LayerError(f"give {what}, as in: {example}")
    return pair


def _window(
    words: list[str], example: str, stride_is_kernel: bool = False
) -> tuple[Pair, Pair, Pair]:
    """Kernel size, stride and padding. stride_is_kernel: where no stride is given, else 1."""
    kernel = _pair(words, "the kernel size", example)
    stride = kernel if stride_is_kernel else (1, 1)
    padding = 0, 0
    given = set()
    while words:
        word = words.pop(0)
        option = "pad" if word == "same" else word
        if option in given:
            raise LayerError(f"{word} is one too many")
        given.add(option)
        if word == "stride":
            stride = _pair(words, "the stride", f"{example} stride 2")
        elif word == "pad":
            padding = _pair(words, "the padding", f"{example} pad 1", lowest=0)
        elif word == "same":
            if not all(side % 2 for side in kernel):
                raise LayerError("same needs an odd kernel, such as 3x3; pad N goes with any")
            padding = kernel[0] // 2, kernel[1] // 2
        else:
            raise LayerError(_leftover(word, ("stride", "same", "pad")))
    return kernel, stride, padding


def _end(words: list[str]) -> None:
    if words:
        raise LayerError(_leftover(words[0], ()))


def _leftover(word: str, known: tuple[str, ...]) -> str:
    return f"{word} is no option{did_you_mean(word, known) or ' of this layer'}"


# Sizes --------------------------------------------------------------------------------------------


def _maps(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise LayerError(f"it needs feature maps, but its input is a vector of {shape[0]}")
    return shape


def _output_size(shape: Shape, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width of the feature maps that a sliding window leaves of (C, H, W)."""
    size = shape[1], shape[2]
    padded = size[0] + 2 * padding[0], size[1] + 2 * padding[1]
    if padded[0] < kernel[0] or padded[1] < kernel[1]:
        note = f", padded to {_by(padded)}," if any(padding) else ""
        raise LayerError(f"a {_by(size)} feature map{note} is too small for a {_by(kernel)} kernel")
    return (padded[0] - kernel[0]) // stride[0] + 1, (padded[1] - kernel[1]) // stride[1] + 1


def _by(pair: Pair) -> str:
    return f"{pair[0]} × {pair[1]}"


def _check_size(parameters: int, shape: Shape) -> None:
    """Raise LayerError for a layer with too many parameters, or with too large an output."""
    if parameters > MAX_PARAMETERS:
        raise LayerError(f"{parameters:,} parameters are more than {MAX_PARAMETERS:,}")
    activations = math.prod(shape)
    if activations > MAX_ACTIVATIONS:
        raise LayerError(f"{activations:,} activations are more than {MAX_ACTIVATIONS:,}")
