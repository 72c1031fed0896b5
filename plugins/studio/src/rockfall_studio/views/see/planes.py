"""Layers as a page draws them: units as small planes of signed bytes, and the strongest
connections between those that are shown. Both are bounded, so that a layer of thousands is as quick
as one of ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall.kit.tracing import Layer

MOST_MAPS, MOST_NUMBERS = 24, 128
"""Units of a layer that are shown at once: maps, and single numbers."""
MOST_SIDE = 48
"""Pixels a side of a map that is shown; a larger one is averaged."""
MOST_EDGES = 48
"""Connections shown between two layers."""
OUTLIERS = 0.995
"""The quantile of a layer's sizes that is drawn darkest: a few outliers must not bleach all others.
"""


@dataclass(frozen=True)
class Units:
    """A layer's values for one input, (U, H, W): H and W are 1 of single numbers."""

    values: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Units:
        """values: (…) of one input."""
        values = values.detach().float().cpu()
        if values.ndim < 2 or values.shape[-2:].numel() == 1:
            return cls(values.reshape(-1, 1, 1))
        return cls(values.reshape(-1, *values.shape[-2:]))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Numbers in each."""
        return self.values[0].numel()

    def part(self, first: int) -> range:
        """Those that are shown from one on."""
        most = MOST_NUMBERS if self.size == 1 else MOST_MAPS
        first = max(0, min(first, len(self) - 1))
        return range(first, min(len(self), first + most))


def planes(
    layers: Sequence[Layer], first: Mapping[str, int]
) -> tuple[list[dict[str, Any]], list[np.ndarray[Any, Any]]]:
    """What is said of each layer; and the arrays: connections (E, 4) int32, which are the numbers
    of a layer and a unit, and those of a later layer and its unit; their strengths (E,) float32,
    from −1 to 1 between any two layers; and of each layer the shown units (U, H, W) uint8, of which
    128 is 0.

    first: the first unit that is shown, by a layer's name; 0 if it is not there.
    """
    units = [Units.of(layer.values[0]) for layer in layers]
    shown = [each.part(first.get(layer.name, 0)) for layer, each in zip(layers, units, strict=True)]
    number = {layer.name: index for index, layer in enumerate(layers)}
    ends, strengths, told, drawn = [], [], [], []
    for index, (layer, each, part) in enumerate(zip(layers, units, shown, strict=True)):
        sources = [number[name] for name in layer.after if name in number]
        offsets = accumulate((len(units[source]) for source in sources), initial=0)
        for source, offset in zip(sources, offsets, strict=False):
            matrix = strength(layer, each, units[source], part, shown[source], offset)
            found = strongest(matrix)
            for to, come, value in found:
                ends.append((source, shown[source][come], index, part[to]))
                strengths.append(value)
        largest = darkest(each.values)
        told.append(
            {
                "name": layer.name,
                "kind": layer.kind,
                "after": list(layer.after),
                "shape": list(layer.values.shape[1:]),
                "units": len(each),
                "size": list(each.values.shape[1:]),
                "first": part.start,
                "largest": largest,
                "weights": layer.weight is not None and layer.weight.ndim > 1,
            }
        )
        drawn.append(signed(each.values[part.start : part.stop], largest))
    connections = np.array(ends, np.int32).reshape(-1, 4)
    return told, [connections, np.array(strengths, np.float32), *drawn]


def strength(
    layer: Layer, units: Units, source: Units, part: range, come: range, offset: int
) -> np.ndarray[Any, Any] | None:
    """How much each shown unit of a source, (in) of `come`, contributes to each shown unit of a
    layer, (out, in) of `part`; None where nothing is known.

    By a weight and the source's values where there is a weight; else a unit goes into that of its
    own number. offset: units of the layers that go in before this one.
    """
    values = source.values[come.start : come.stop].flatten(1)
    weight = layer.weight
    if weight is not None and weight.ndim == 2:
        found = _linear(weight.float().cpu(), values, units, len(source), part, come)
        if found is not None:
            return found
    if weight is not None and weight.ndim == 4:
        return _convolution(layer, weight.float().cpu(), values, len(source), part, come)
    joined = len(layer.after) > 1 and len(units) != len(source)
    if layer.kind == "slice":
        joined, offset = True, -sliced_at(units, source)
    if len(units) != len(source) and not joined:
        return None
    sizes = values.square().mean(1).sqrt().numpy()
    numbers = np.arange(part.start, part.stop) - (offset if joined else 0)
    same = numbers[:, None] == np.arange(come.start, come.stop)
    diagonal: np.ndarray[Any, Any] = same * sizes
    return diagonal


def sliced_at(units: Units, source: Units) -> int:
    """From which unit of a source on a slice of it is, by its values; past its end if nowhere."""
    if units.values.shape[1:] == source.values.shape[1:]:
        for start in range(len(source) - len(units) + 1):
            if units.values.equal(source.values[start : start + len(units)]):
                return start
    return len(source)


def _linear(
    weight: Tensor, values: Tensor, units: Units, count: int, part: range, come: range
) -> np.ndarray[Any, Any] | None:
    """Of a matrix (outputs, inputs), of whose outputs and inputs a unit may have several."""
    each = values.shape[1]
    if weight.shape != (len(units) * units.size, count * each):
        return None
    # (units, numbers of each, source units, numbers of each)
    grid = weight.view(len(units), units.size, count, each)
    grid = grid[part.start : part.stop, :, come.start : come.stop]
    given = (grid * values).sum(3)
    total = given[:, 0] if units.size == 1 else given.abs().mean(1)
    found: np.ndarray[Any, Any] = total.numpy()
    return found


def _convolution(
    layer: Layer, weight: Tensor, values: Tensor, count: int, part: range, come: range
) -> np.ndarray[Any, Any] | None:
    """By the size of a kernel and of what it slides over; below 0 where its sum says so."""
    import torch

    groups = int(layer.settings.get("groups", 1))
    if "Transpose" in layer.kind or "transpose" in layer.kind:
        if groups > 1:
            return None
        weight = weight.transpose(0, 1)
    outputs, inputs = weight.shape[:2]
    if inputs * groups != count:
        return None
    kernels = weight[part.start : part.stop].flatten(2)
    # Each kernel of a group at the channels that it slides over.
    units = torch.arange(part.start, part.start + len(kernels))
    columns = (units * groups // outputs * inputs)[:, None] + torch.arange(inputs)
    norms, sums = (
        torch.zeros(len(kernels), count).scatter(1, columns, each)[:, come.start : come.stop]
        for each in (kernels.norm(dim=2), kernels.sum(2))
    )
    sizes, means = values.square().mean(1).sqrt(), values.mean(1)
    signs = torch.where(sums * means < 0, -1.0, 1.0)
    found: np.ndarray[Any, Any] = (signs * norms * sizes).numpy()
    return found


def strongest(matrix: np.ndarray[Any, Any] | None) -> list[tuple[int, int, float]]:
    """The largest by size of (out, in): row, column, and the value over the largest size."""
    if matrix is None or not matrix.size:
        return []
    matrix = np.nan_to_num(matrix)
    sizes = np.abs(matrix).ravel()
    largest = float(sizes.max())
    if not largest:
        return []
    most = min(MOST_EDGES, sizes.size)
    order = np.argpartition(-sizes, most - 1)[:most]
    rows, columns = np.unravel_index(order[np.argsort(-sizes[order], kind="stable")], matrix.shape)
    return [
        (int(row), int(column), float(matrix[row, column]) / largest)
        for row, column in zip(rows, columns, strict=True)
        if matrix[row, column]
    ]


def darkest(values: Tensor) -> float:
    """The size that is drawn darkest."""
    sizes = values[values.isfinite()].abs().flatten()
    if not sizes.numel():
        return 0.0
    at = min(sizes.numel() - 1, round(OUTLIERS * sizes.numel()))
    return float(sizes.kthvalue(at + 1).values)


def signed(values: Tensor, largest: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(U, H, W) → the same in bytes, averaged to at most `MOST_SIDE`: 128 is 0, 255 `largest`."""
    from torch.nn import functional as F

    height, width = values.shape[1:]
    if max(height, width) > MOST_SIDE:
        size = (min(height, MOST_SIDE), min(width, MOST_SIDE))
        values = F.adaptive_avg_pool2d(values[:, None], size)[:, 0]
    scaled = values.nan_to_num() / (largest or 1.0)
    found: np.ndarray[Any, np.dtype[np.uint8]] = (
        (128 + 127 * scaled.clamp(-1, 1)).round().byte().numpy()
    )
    return found
