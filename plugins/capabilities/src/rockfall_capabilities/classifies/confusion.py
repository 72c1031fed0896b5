"""The confusion matrix as a picture: what is right in blue, what is wrong in orange."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from rockfall.kit.drawing import (
    FAINT,
    INK,
    ORANGE,
    PAPER,
    below,
    beside,
    diverging,
    font,
    framed,
    padded,
    page,
    shades,
    width_of,
    words,
)

CELL = 44
MAX_NUMBERED = 20
"""With more classes, the cells are too small for their counts."""
SIDE = 1000
"""About how wide the matrix of many classes is, in pixels."""
MIN_NAMED = 9
"""Pixels a cell must have for the names to stand beside it."""
MAX_NAME = 150
LISTED = 12
"""Commonest mistakes that are named where the cells are too small for numbers."""


def confusion(counts: np.ndarray, classes: Sequence[str], of: str = "test") -> Image.Image:
    """The matrix (K, K) of how many examples of class `row` were predicted as class `column`.

    A cell's colour is its share of its row; wrong ones are scaled to the largest of them, so that
    they can be seen in a model that is nearly always right.
    """
    total, right = int(counts.sum()), int(np.trace(counts))
    title = f"{100 * right / max(total, 1):.4g} % of {total:,} {of} examples are right"
    if len(classes) <= MAX_NUMBERED:
        body = _numbered(counts, classes)
        note = "Row: the class. Column: the predicted class. Blue and beside: right. Orange: wrong."
    else:
        body = below([_mapped(counts, classes), _commonest(counts, classes)], 20)
        note = "Row: the class. Column: the predicted class. The darker, the larger its share."
    return page(title, note, body)


def colours(counts: np.ndarray) -> np.ndarray:
    """The cells' colours, (K, K, 3) uint8."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(len(counts)))
    # The power lifts the rare ones; even a single mistake is a tint.
    painted = shades((wrong / max(wrong.max(), 0.02)) ** 0.6, ORANGE[:2])
    np.fill_diagonal(shares, shares.diagonal() * 0.75)  # as dark as white digits need, not black
    right = diverging(shares)
    return np.where(np.eye(len(counts), dtype=bool)[..., None], right, painted)


def _numbered(counts: np.ndarray, classes: Sequence[str]) -> Image.Image:
    count = len(classes)
    matrix = Image.fromarray(colours(counts)).resize(
        (count * CELL, count * CELL), Image.Resampling.NEAREST
    )
    pen = ImageDraw.Draw(matrix)
    for line in range(1, count):
        pen.line([(line * CELL, 0), (line * CELL, matrix.height)], PAPER, 1)
        pen.line([(0, line * CELL), (matrix.width, line * CELL)], PAPER, 1)
    for row, column in np.argwhere(counts):
        number = f"{counts[row, column]:,}"
        middle = (column * CELL + CELL // 2, row * CELL + CELL // 2)
        light = sum(matrix.getpixel((column * CELL + 3, row * CELL + 3))) > 380  # type: ignore[arg-type]
        letters = font(13 if len(number) < 6 else 10)
        pen.text(middle, number, INK if light else PAPER, letters, anchor="mm")
    total = counts.sum(1)
    shares = [
        f"{100 * counts[row, row] / total[row]:.1f} %" if total[row] else "" for row in range(count)
    ]
    recall = below([_line(share, "start") for share in shares], 0)
    return _with_names(framed(matrix), classes, CELL, 13, recall)


def _mapped(counts: np.ndarray, classes: Sequence[str]) -> Image.Image:
    cell = max(1, SIDE // len(classes))
    side = cell * len(classes)
    matrix = framed(Image.fromarray(colours(counts)).resize((side, side), Image.Resampling.NEAREST))
    return _with_names(matrix, classes, cell, cell) if cell >= MIN_NAMED else matrix


def _commonest(counts: np.ndarray, classes: Sequence[str]) -> Image.Image:
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:LISTED]
    cells = [np.unravel_index(index, wrong.shape) for index in order]
    lines = [
        f"{classes[row]} predicted as {classes[column]}: {wrong[row, column]:,}"
        f" of {counts[row].sum():,}"
        for row, column in cells
        if wrong[row, column]
    ]
    if not lines:
        return words("No mistakes.")
    half = -(-len(lines) // 2)
    columns = [
        below([words(line, 12) for line in part], 2)
        for part in (lines[:half], lines[half:])
        if part
    ]
    return below([words("The commonest mistakes", 14), beside(columns, 40)], 6)


def _with_names(
    matrix: Image.Image,
    classes: Sequence[str],
    cell: int,
    size: int,
    recall: Image.Image | None = None,
) -> Image.Image:
    """The matrix between the names of its rows and, level or upright, of its columns."""
    width = min(MAX_NAME, width_of(classes, size))
    rows = below([_line(name, "end", width, cell, size) for name in classes], 0)
    if width_of(classes, size) <= cell - 4:
        columns = beside([padded(words(name, size), cell) for name in classes], 0)
    else:
        turned = [_line(name, "start", width, cell, size) for name in classes]
        columns = beside([name.transpose(Image.Transpose.ROTATE_90) for name in turned], 0)
    gap = 6
    left, top = rows.width + gap, columns.height + gap
    extra = recall.width + gap if recall else 0
    whole = Image.new("RGB", (left + matrix.width + extra, top + matrix.height), PAPER)
    whole.paste(columns, (left + 1, 0))
    whole.paste(rows, (0, top + 1))
    whole.paste(matrix, (left, top))
    if recall:
        whole.paste(recall, (left + matrix.width + gap, top + 1))
    return whole


def _line(text: str, align: str, width: int = 0, height: int = CELL, size: int = 13) -> Image.Image:
    """Text in the middle of a line of a given height, at the start or end of its width."""
    letters = words(text, size, INK if width else FAINT, width)
    whole = Image.new("RGB", (max(width, letters.width), height), PAPER)
    left = whole.width - letters.width if align == "end" else 0
    whole.paste(letters, (left, (height - letters.height) // 2))
    return whole
