"""Small pictures brought to a size at which they can be seen, and weights as such pictures."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from rockfall.kit.drawing.colours import FAINT, diverging
from rockfall.kit.drawing.layout import below, framed, in_grid, page, words

MOST_TILES = 128
TILE = 56


def enlarged(image: Image.Image, side: int) -> Image.Image:
    """About `side` pixels long: small ones by a whole factor, sharply; large ones made smaller."""
    longer = max(image.size)
    if longer <= side:
        factor = max(1, round(side / longer))
        size = (image.width * factor, image.height * factor)
        return image.convert("RGB").resize(size, Image.Resampling.NEAREST)
    size = (max(1, image.width * side // longer), max(1, image.height * side // longer))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def signed(values: Tensor, largest: float) -> Image.Image:
    """(H, W) numbers about 0: orange below, white at 0, blue above, darkest at `largest`."""
    scaled = values.detach().float().cpu().numpy() / (largest or 1.0)
    return Image.fromarray(diverging(scaled.clip(-1, 1)))


def weight_tile(filter: Tensor) -> Image.Image:
    """Weights (C, H, W) scaled symmetrically about 0.

    One channel is orange below 0 and blue above; three are red, green and blue about grey; of
    any other number, the sum over the channels is drawn.
    """
    values = filter.detach().float().cpu()
    if len(values) != 3:
        flat = values.sum(0)
        return signed(flat, flat.abs().max().item())
    largest = values.abs().max().item() or 1.0
    return Image.fromarray(
        (127.5 + 127.5 * values / largest).round().to(torch.uint8).permute(1, 2, 0).numpy()
    )


def weight_tiles(filters: Tensor) -> Image.Image:
    """First-layer weights (F, C, H, W), a tile each."""
    count, channels, height, width = filters.shape
    shown = filters[:MOST_TILES]
    # A sheet about 1.6 times as wide as high, at least large enough for its heading.
    columns = min(len(shown), max(8, round((1.6 * len(shown)) ** 0.5)))
    tiles = [framed(enlarged(weight_tile(each), TILE)) for each in shown]
    body = in_grid(tiles, columns, 6)
    if count > len(shown):
        body = below([body, words(f"and {count - len(shown):,} more", 13, FAINT)], 8)
    how = (
        "Red, green and blue, about grey for 0"
        if channels == 3
        else "Orange: below 0. White: 0. Blue: above 0"
    )
    title = f"First-layer weights: {count:,} of {width} x {height}"
    return page(title, f"{how}. Each tile has its own scale.", body)
