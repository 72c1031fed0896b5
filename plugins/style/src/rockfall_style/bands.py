"""A picture of any size through the network: whole, or in bands of rows so as to take less memory.

Instance norm looks at all of a picture, so a layer can't be finished in one band before it has been
measured in all. Three layers are measured in turn, each anew from the picture on, in bands that
reach as far beyond as they depend on; what comes out of the third has a sixteenth of the pixels and
is kept whole. The residual blocks work on that, and three more layers are measured from there. That
computes a quarter more than once through, and gives, up to rounding, the very same picture: there
are no seams, since nothing differs from band to band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall import RockfallError
from rockfall.kit.memory import require_memory
from rockfall.kit.progress import counted
from rockfall_style.transform_network import REDUCTION, Layer, TransformNetwork, coloured

AT_ONCE = 1 << 20
"""Pixels of the largest picture that goes through whole."""
BAND = 1 << 18
"""Pixels of a band, about."""
LEAST_ROWS = 32
LEAST_SIDE = 32
"""A smaller picture is continued by its last rows and columns, for instance norm to have some
pixels in the middle of the network.
"""

Statistics = tuple[Tensor, Tensor]
"""Mean and variance (C) of a layer's channels."""
Taking = Callable[[Tensor, int, range], Tensor]
"""What layer n takes, from these rows of what is before it."""


@torch.no_grad()
def restyled(
    network: TransformNetwork, picture: Tensor, *, at_once: int = AT_ONCE, band: int = BAND
) -> Tensor:
    """(3, H, W) uint8 of any size → the same shape and type, on the network's device.

    Raises RockfallError if there is too little memory, or if numbers overflow.
    """
    device = next(network.parameters()).device
    _, height, width = picture.shape
    page = _continued(picture.to(device)[None])
    pixels = page.shape[2] * page.shape[3]
    if pixels <= at_once:
        made = network(page.float().contiguous(memory_format=torch.channels_last))
    else:
        _require_memory(network, pixels, device)
        made = _in_bands(network, page, max(LEAST_ROWS, band // page.shape[3]))
    if not made.isfinite().all():
        raise RockfallError("the style's network gives numbers that are not finite")
    shown: Tensor = made[0, :, :height, :width].float().round_().clamp_(0, 255).to(torch.uint8)
    return shown


def _continued(page: Tensor) -> Tensor:
    """(1, 3, H, W) with sides that the network keeps, by copies of the last row and column.

    TensorFlow pads odd sizes on other sides than even ones, which moves the picture by a pixel.
    """
    height, width = (max(LEAST_SIDE, -(-side // REDUCTION) * REDUCTION) for side in page.shape[2:])
    padding = (0, width - page.shape[3], 0, height - page.shape[2])
    return F.pad(page.float(), padding, mode="replicate").to(torch.uint8) if any(padding) else page


def _in_bands(network: TransformNetwork, page: Tensor, rows: int) -> Tensor:
    """(1, 3, H, W) uint8 → what the network makes of it, float32."""
    down, up = (cast("list[Layer]", list(part)) for part in (network.down, network.up))

    def entering(values: Tensor, place: int, given: range) -> Tensor:
        if place:
            return values
        pixels = values.float().contiguous(memory_format=torch.channels_last)
        return network.entering(pixels, given.start)

    def leaving(values: Tensor, place: int, given: range) -> Tensor:
        last = place == len(up) - 1
        return network.joined(values, page[:, :, given.start : given.stop]) if last else values

    middle, statistics = _measured(page, down, entering, rows, "looking at the picture")
    middle = down[-1].scaled(middle, *statistics)
    for block in counted(network.blocks, len(network.blocks), "residual blocks"):
        middle = block(middle)
    made, statistics = _measured(middle, up, leaving, rows, "painting the picture")
    return coloured(up[-1].scaled(made.float(), *statistics))


def _measured(
    source: Tensor, layers: Sequence[Layer], taking: Taking, rows: int, what: str
) -> tuple[Tensor, Statistics]:
    """The convolution of the last of some layers, and its mean and variance.

    source: (1, C, H, W), which is before the first of them.
    """
    known: list[Statistics] = []
    kept: list[Tensor] = []
    for count in range(1, len(layers) + 1):
        heights = [source.shape[2]]
        for layer in layers[:count]:
            heights.append(layer.size(heights[-1]))
        share = max(1, rows * heights[-1] // max(source.shape[2], heights[-1]))
        bands = [
            range(first, min(first + share, heights[-1])) for first in range(0, heights[-1], share)
        ]
        measure = Measure(source.device)
        parts = counted(bands, len(bands), f"{what}, {count} of {len(layers)}: bands")
        for band in parts:
            values = _band(source, layers[:count], taking, known, heights, band)
            measure.add(values)
            if count == len(layers):
                kept.append(values)
        known.append(measure.statistics)
    return torch.cat(kept, 2), known[-1]


def _band(
    source: Tensor,
    layers: Sequence[Layer],
    taking: Taking,
    known: Sequence[Statistics],
    heights: Sequence[int],
    rows: range,
) -> Tensor:
    """These rows of the last layer's convolution; the layers before are normalised as `known`."""
    wanted = [rows]
    for layer, height in zip(reversed(layers), reversed(heights[:-1]), strict=True):
        wanted.insert(0, layer.needed(wanted[0], height))
    values = source[:, :, wanted[0].start : wanted[0].stop]
    for place, layer in enumerate(layers):
        if place:
            values = layers[place - 1].scaled(values, *known[place - 1])
        values = taking(values, place, wanted[place])
        values = layer.rows(values, wanted[place].start, heights[place], wanted[place + 1])
    return values


class Measure:
    """Mean and variance of a picture's channels, from its bands.

    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", equation 2.1.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.count = 0
        self.mean = self.squares = torch.zeros((), dtype=torch.float64)  # not every device has it

    def add(self, values: Tensor) -> None:
        """(1, C, H, W) of more than one pixel."""
        count = values.shape[2] * values.shape[3]
        mean, variance = (torch.zeros(values.shape[1], device=self.device) for _ in range(2))
        F.batch_norm(values, mean, variance, training=True, momentum=1.0)  # the quickest to tell
        apart = mean.cpu().double() - self.mean
        total = self.count + count
        self.squares = (
            self.squares
            + variance.cpu().double() * (count - 1)
            + apart.square() * (self.count * count / total)
        )
        self.mean = self.mean + apart * (count / total)
        self.count = total

    @property
    def statistics(self) -> Statistics:
        mean, variance = self.mean.float(), (self.squares / self.count).float()
        return mean.to(self.device), variance.to(self.device)


def _require_memory(network: TransformNetwork, pixels: int, device: torch.device) -> None:
    # Bytes of a pixel: four times what lies in the middle, and what is made.
    kept = 4 * 4 * network.channels / REDUCTION**2 + 40
    require_memory(
        device, round(kept * pixels) + (1 << 29), "this picture", "make it smaller with --size"
    )
