"""Sequences as pictures: symbols as coloured cells with letters, numbers as curves or as shades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from rockfall import Batch
from rockfall.kit.drawing import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    PAPER,
    Curve,
    Panel,
    below,
    class_colour,
    curves,
    font,
    framed,
    in_grid,
    page,
    shades,
    words,
)
from rockfall.kit.targets import has_target

CELL, LEAST_CELL = 24, 3
"""Pixels that a step takes across: with a letter in it, or where there are many."""
WIDTH = 860
MOST_LINES = 4
"""Features that are drawn as curves; more are shades, a row each."""
MOST_PANELS = 6
OTHER = (236, 236, 240)
"""The colour of symbols that are no classes."""
NAMED = 10
"""Pixels that a cell needs for its letter."""


def draw_sequences(
    name: str,
    batch: Batch,
    classes: Sequence[str],
    symbols: Sequence[str],
    predicted: Tensor | None = None,
    columns: Sequence[str] = (),
) -> Image.Image:
    """Some sequences, each above its targets.

    symbols: names of those that inputs (N, T) are made of. columns: of the features of others.
    predicted: (N, T, K) beside them: of classes the probabilities, of which the likeliest is
        written, in orange where it is wrong; or the numbers.
    """
    count, steps = batch.inputs.shape[:2]
    if batch.labels.is_floating_point():
        count = min(count, MOST_PANELS)
    title = f"{name}: {count} sequence{'s' * (count != 1)} of {steps} step{'s' * (steps != 1)}"
    if batch.labels.is_floating_point():
        parts = [_numbers(batch, row, columns, predicted) for row in range(count)]
        return page(title, "Below: inputs and targets, step by step.", in_grid(parts, 2, 16))
    rows = [_row(batch, row, classes, symbols, predicted) for row in range(count)]
    across = 1 if rows[0].width > WIDTH / 2 else min(4, WIDTH // rows[0].width)
    note = "A row: what goes in, step by step; below it, the targets of those steps that have one."
    if predicted is not None:
        note = "A row: what goes in; below it, targets and predictions. Blue: right. Orange: wrong."
    return page(title, note, in_grid(rows, across, 14))


def cell_width(steps: int) -> int:
    """Pixels that a step takes."""
    return max(LEAST_CELL, min(CELL, WIDTH // steps))


def symbol_cells(
    numbers: Sequence[int], symbols: Sequence[str], classes: Sequence[str]
) -> Image.Image:
    """A sequence of symbols as cells from left to right, with letters where they fit: those that
    are classes, too, in colour.
    """
    cell = cell_width(len(numbers))
    whole = Image.new("RGB", (cell * len(numbers), CELL), PAPER)
    pen = ImageDraw.Draw(whole)
    for place, number in enumerate(numbers):
        left = place * cell
        letter = symbols[number] if number < len(symbols) else str(number)
        pen.rectangle([left, 0, left + cell - 2, CELL - 1], _colour(letter, classes))
        if cell >= NAMED:
            middle = (left + cell / 2 - 1, CELL / 2)
            pen.text(middle, letter, INK, font(13, letter), anchor="mm")
    return whole


def _colour(letter: str, classes: Sequence[str]) -> tuple[int, ...]:
    if letter not in classes:
        return OTHER
    return tuple(255 - (255 - part) * 3 // 5 for part in class_colour(classes.index(letter)))


def feature_rows(steps: np.ndarray) -> Image.Image:
    """(T, D) numbers as shades, a row a feature, from the least to the greatest of them all."""
    cell = cell_width(len(steps))
    low, high = steps.min(), steps.max()
    scaled = (steps.T - low) / ((high - low) or 1.0)
    height = max(1, min(10, 120 // scaled.shape[0]))
    size = (cell * len(steps), height * scaled.shape[0])
    painted = shades(scaled, ((120, 120, 128), (30, 30, 36)))
    return framed(Image.fromarray(painted).resize(size, Image.Resampling.NEAREST))


def _row(
    batch: Batch,
    row: int,
    classes: Sequence[str],
    symbols: Sequence[str],
    predicted: Tensor | None,
) -> Image.Image:
    inputs, labels = batch.inputs[row].cpu(), batch.labels[row].cpu()
    steps = len(inputs)
    if inputs.ndim == 1:
        shown = symbol_cells(inputs.tolist(), symbols, classes)
    else:
        shown = feature_rows(inputs.float().numpy())
    asked = {steps - 1: int(labels)} if labels.ndim == 0 else _asked(labels)
    likeliest = None if predicted is None else predicted[row].argmax(-1).tolist()
    return below([shown, _answers(asked, likeliest, steps, classes)], 2)


def _asked(labels: Tensor) -> dict[int, int]:
    steps = has_target(labels).nonzero()[:, 0].tolist()
    return {step: int(labels[step]) for step in steps}


def _answers(
    asked: dict[int, int], likeliest: Sequence[int] | None, steps: int, classes: Sequence[str]
) -> Image.Image:
    """Targets below their steps, and below them what was predicted: by name, or where there is no
    room for names as cells, of the class's colour, and of blue or orange.
    """
    cell = cell_width(steps)
    named = cell >= NAMED or len(asked) == 1
    line = 18 if named else 10
    whole = Image.new("RGB", (cell * steps, line * (1 if likeliest is None else 2)), PAPER)
    pen = ImageDraw.Draw(whole)
    for step, label in asked.items():
        told = [(label, FAINT, _colour(classes[label], classes))]
        if likeliest is not None:
            verdict = BLUE[1] if likeliest[step] == label else ORANGE[1]
            told.append((likeliest[step], verdict, verdict))
        left, right = step * cell, step * cell + cell - 2
        for place, (number, ink, fill) in enumerate(told):
            top = line * place
            if not named:
                pen.rectangle([left, top + 2, right, top + line - 1], fill)
                continue
            name = classes[number]
            at, anchor = ((left + right) / 2, "mm") if cell >= NAMED else (float(right), "rm")
            pen.text((at, top + line / 2), name, ink, font(13, name), anchor=anchor)
    return whole


def _numbers(
    batch: Batch, row: int, columns: Sequence[str], predicted: Tensor | None
) -> Image.Image:
    inputs, labels = batch.inputs[row].float().cpu(), batch.labels[row].cpu()
    told = {"target": labels}
    if predicted is not None:
        told["predicted"] = predicted[row].cpu()
    asked = has_target(labels).nonzero()[:, 0].tolist()
    title = f"sequence {row + 1}"
    if len(asked) == 1:
        values = (f"{name} {each[asked[0], 0]:.3g}" for name, each in told.items())
        title = f"{title}: {', '.join(values)}"
    parts = []
    if inputs.shape[1] > MOST_LINES:
        parts += [words(title, 15), feature_rows(inputs.numpy())]
    else:
        names = columns or [f"input {n + 1}" for n in range(inputs.shape[1])]
        lines = [Curve(name, _points(inputs[:, n])) for n, name in enumerate(names)]
        parts.append(curves([Panel(title, "step", lines)], 1))
    if len(asked) > 1:
        found = [
            Curve(name, [point for point in _points(values[:, 0]) if int(point[0]) in asked])
            for name, values in told.items()
        ]
        of = f", {columns[0]}" if columns else ""
        parts.append(curves([Panel(f"target of each step{of}", "step", found)], 1))
    return below(parts, 4)


def _points(values: Tensor) -> list[tuple[float, float]]:
    return [(float(step), value) for step, value in enumerate(values.tolist()) if value == value]
