"""The feature maps of one picture, layer by layer from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image
from torch import Tensor

from rockfall.kit.drawing import (
    FAINT,
    below,
    beside,
    enlarged,
    framed,
    in_grid,
    page,
    signed,
    words,
)
from rockfall.kit.pictures import to_image

WIDTH = 860
"""Pixels that a layer's row may take."""
MAX_ROWS = 2
"""Rows that a layer's maps may fill, in a model that has at most MANY_LAYERS."""
MANY_LAYERS = 16
SIDE, MIN_SIDE, GAP = 64, 28, 4
MIN_CELL, MAX_CELL, STRIP = 6, 30, 24
"""Widths of a number in a strip, and the strip's height."""
LEGEND = "Orange: below 0. White: 0. Blue: above 0. Each layer has its own scale."


def feature_maps(picture: Tensor, layers: Mapping[str, Tensor], title: str) -> Image.Image:
    """The picture (C, H, W) uint8 as the model sees it, and below it `layer_rows`."""
    shown = framed(enlarged(to_image(picture), 128))
    return page(title, LEGEND, below([shown, layer_rows(layers)], 16))


def layer_rows(layers: Mapping[str, Tensor]) -> Image.Image:
    """Layers in order of depth, activations (C, H, W) or (D,), each under its name and size."""
    rows = MAX_ROWS if len(layers) <= MANY_LAYERS else 1
    blocks = []
    for name, given in layers.items():
        values = given.detach().float().cpu()
        size = " x ".join(map(str, values.shape))
        heading = beside([words(name, 14), words(size, 12, FAINT)], 10, "end")
        if values.ndim == 3 and values.shape[1:].numel() > 1:
            drawn = _maps(values, rows)
        else:  # maps of one pixel are a vector too
            drawn = _strip(values.flatten())
        blocks.append(below([heading, drawn], 4))
    return below(blocks, 14)


def _maps(values: Tensor, max_rows: int) -> Image.Image:
    """Maps (C, H, W) as large as their rows allow, and how many there was no room for."""
    largest = _largest(values)
    per_row = max(1, -(-len(values) // max_rows))
    side = max(MIN_SIDE, min(SIDE, WIDTH // per_row - GAP - 2))
    # All maps are as large as the first, which a whole factor may have made larger than `side`.
    width = framed(enlarged(signed(values[0], largest), side)).width
    columns = max(1, (WIDTH + GAP) // (width + GAP))
    shown = values[: columns * max_rows]
    columns = -(-len(shown) // -(-len(shown) // columns))  # rows as long as one another
    body = in_grid([framed(enlarged(signed(each, largest), side)) for each in shown], columns, GAP)
    return _and_more(body, len(values) - len(shown))


def _strip(values: Tensor) -> Image.Image:
    """A vector (D,) as cells beside one another, and how many there was no room for."""
    cell = max(MIN_CELL, min(MAX_CELL, WIDTH // len(values)))
    shown = values[: WIDTH // cell]
    cells = signed(shown[None], _largest(values))
    body = cells.resize((cell * len(shown), STRIP), Image.Resampling.NEAREST)
    return _and_more(framed(body), len(values) - len(shown))


def _and_more(body: Image.Image, hidden: int) -> Image.Image:
    return below([body, words(f"and {hidden:,} more", 12, FAINT)], 3) if hidden else body


def _largest(values: Tensor) -> float:
    """The size that is drawn darkest: a few outliers must not bleach all others."""
    sizes = values.abs().flatten().sort().values
    return sizes[min(len(sizes) - 1, round(0.995 * len(sizes)))].item()
