"""Sheets of small pictures, row by row, each row with its name beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from rockfall.errors import UsageError
from rockfall.kit.drawing.colours import INK, PAPER
from rockfall.kit.drawing.lettering import font
from rockfall.kit.pictures import to_image

TILE = 48
"""About how large a picture is shown; tiny ones are enlarged by a whole factor, sharply."""
LARGEST = 128
GAP, LETTERS = 4, 14


def are_pictures(shape: Sequence[int], dtype: str) -> bool:
    """Whether examples of this shape and type can be looked at."""
    return len(shape) == 3 and shape[0] in (1, 3) and dtype == "uint8"


def require_pictures(what: str, shape: Sequence[int], dtype: str) -> None:
    """Raise UsageError unless these can be looked at."""
    if not are_pictures(shape, dtype):
        size = " × ".join(map(str, shape))
        raise UsageError(f"{what} are {dtype} of shape {size}, no pictures to look at")


def sheet(rows: Sequence[tuple[str, Tensor]]) -> Image.Image:
    """Rows of a name and (N, C, H, W) uint8 pictures; a row may have fewer than the others."""
    columns = max(len(pictures) for _, pictures in rows)
    height, width = _tile_size(rows[0][1].shape[-2:])
    names = [name for name, _ in rows]
    margin = 2 * GAP + max(0, *(round(font(LETTERS, name).getlength(name)) for name in names), 0)
    margin = margin + 2 * GAP if any(names) else GAP
    size = margin + columns * (width + GAP), GAP + len(rows) * (height + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for number, (name, pictures) in enumerate(rows):
        top = GAP + number * (height + GAP)
        if name:
            place = (margin - 2 * GAP, top + height / 2)
            pen.text(place, name, INK, font(LETTERS, name), anchor="rm")
        for column, picture in enumerate(pictures):
            page.paste(_tile(picture, width, height), (margin + column * (width + GAP), top))
    return page


def in_rows(pictures: Tensor, columns: int = 0) -> list[tuple[str, Tensor]]:
    """(N, C, H, W) as nameless rows; about square by default."""
    columns = columns or max(1, round(len(pictures) ** 0.5))
    return [("", part) for part in torch.split(pictures, columns)]


def in_pairs(inputs: Tensor, outputs: Tensor, columns: int = 12) -> list[tuple[str, Tensor]]:
    """Pictures (N, C, H, W), each row of a model's inputs above the row of its outputs."""
    rows = zip(torch.split(inputs, columns), torch.split(outputs, columns), strict=True)
    return [row for before, after in rows for row in (("input", before), ("output", after))]


def _tile_size(shape: Sequence[int]) -> tuple[int, int]:
    height, width = shape
    longer = max(height, width)
    if longer > LARGEST:
        return max(1, round(height * LARGEST / longer)), max(1, round(width * LARGEST / longer))
    factor = max(1, round(TILE / longer))
    return height * factor, width * factor


def _tile(picture: Tensor, width: int, height: int) -> Image.Image:
    image = to_image(picture).convert("RGB")
    smaller = width < image.width
    return image.resize(
        (width, height), Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST
    )
