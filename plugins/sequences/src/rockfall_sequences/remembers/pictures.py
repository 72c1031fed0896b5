"""What a memory holds over one sequence, and how far back it reaches."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset
from rockfall.kit.drawing import (
    FAINT,
    Curve,
    Panel,
    below,
    beside,
    curves,
    framed,
    page,
    shades,
    signed,
    words,
)
from rockfall_sequences.drawing import cell_width, feature_rows, symbol_cells
from rockfall_sequences.remembers.protocol import Remembers
from rockfall_sequences.sequences import Sequences

MOST_UNITS = 64
MEASURED = 64
"""Test sequences whose gradients are taken."""
LEAST = 1e-12
"""Of a norm that is drawn on a scale of powers of ten."""


def pictures(model: Remembers, source: Dataset) -> dict[str, Image.Image]:
    """`memory`, state and gates over one test sequence; `influence`, gradient norms against the
    distance from the last step.
    """
    inputs = source.test.inputs
    return {
        "memory": _memory(model, source, inputs[:1]),
        "influence": _influence(model.influence(inputs[:MEASURED])),
    }


def _memory(model: Remembers, source: Dataset, inputs: Tensor) -> Image.Image:
    one = inputs[0].cpu()
    symbols = source.symbols if isinstance(source, Sequences) else ()
    if one.ndim == 1:
        shown = symbol_cells(one.tolist(), symbols, source.info.classes)
    else:
        shown = feature_rows(one.float().numpy())
    parts = [words("input", 14), shown]
    for name, values in model.holds(inputs).items():
        parts += [_heading(name, values), _strip(name, values[0].detach().float().cpu())]
    note = "A row a unit, a column a step. Gates: white 0, blue 1. Others: orange -, blue +."
    return page(f"What is held over a sequence of {source.info.name}", note, below(parts, 6))


def _heading(name: str, values: Tensor) -> Image.Image:
    units = values.shape[-1]
    size = f"{units} units" if units <= MOST_UNITS else f"{MOST_UNITS} of {units} units"
    return beside([words(name, 14), words(size, 12, FAINT)], 10, "end")


def _strip(name: str, values: Tensor) -> Image.Image:
    """(T, units) as cells below the input's."""
    cell = cell_width(len(values))
    rows = values.T[:MOST_UNITS]
    if name.endswith("gate"):
        drawn = Image.fromarray(shades(rows.numpy()))
    else:
        drawn = signed(rows, rows.abs().max().item())
    height = max(3, min(10, 240 // len(rows)))
    size = (cell * rows.shape[1], height * len(rows))
    return framed(drawn.resize(size, Image.Resampling.NEAREST))


def _influence(norms: Tensor) -> Image.Image:
    """The median over the sequences, and the tenth least and greatest, as powers of ten."""
    away = norms.flip(1).double().clamp(min=LEAST).log10().cpu()
    shares = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    least, median, most = away.quantile(shares, 0)
    lines = [
        Curve(name, [(float(step), value) for step, value in enumerate(values.tolist())])
        for name, values in (("median", median), ("9 of 10 above", least), ("9 of 10 below", most))
    ]
    assert not math.isnan(float(median[0]))
    panel = Panel("gradient norm, power of ten", "steps before the last", lines)
    return curves([panel], 1)
