"""A transformation network applied to a picture of any size: whole, or in bands with less memory.

Instance norm needs the mean and variance over the whole picture, so a layer can't be finished for
one band of rows before its statistics are known from all. For the first three layers these are
computed in turn, each by a pass over the picture in bands that overlap by the receptive field. The
output of the third has a sixteenth of the pixels and is kept whole; the residual blocks work on
that, and the last three layers are computed in passes from there. That takes a quarter more
arithmetic than one pass, and gives the same picture up to rounding: there are no seams, as nothing
differs from band to band.
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
from rockfall_style.resizing import reflected
from rockfall_style.transform_network import REDUCTION, Layer, TransformNetwork, to_rgb

MAX_WHOLE_PIXELS = 1 << 20
"""Pixels of a picture that is processed whole, at most."""
BAND_PIXELS = 1 << 18
"""Pixels of a band, about."""
MIN_BAND_ROWS = 32
MIN_SIDE = 32
"""Pixels to which a smaller picture's sides are padded, for instance norm to have some pixels in
the residual blocks.
"""

Statistics = tuple[Tensor, Tensor]
"""Mean and variance (C) of a layer's channels."""
LayerInput = Callable[[Tensor, int, range], Tensor]
"""The input of layer n, from the output of the layer before it, for these rows."""


@torch.no_grad()
def apply_style(
    network: TransformNetwork,
    picture: Tensor,
    *,
    max_whole: int = MAX_WHOLE_PIXELS,
    band: int = BAND_PIXELS,
) -> Tensor:
    """(3, H, W) uint8 of any size → the same shape and type, on the network's device.

    max_whole, band: pixels up to which a picture is processed whole, and those of a band.
    Raises RockfallError if there is too little memory, or if the output is not finite.
    """
    device = next(network.parameters()).device
    _, height, width = picture.shape
    padded = _pad(network, picture.to(device)[None])
    pixels = padded.shape[2] * padded.shape[3]
    if pixels <= max_whole:
        output = network(padded.float().contiguous(memory_format=torch.channels_last))
    else:
        _require_memory(network, pixels, device)
        output = _apply_in_bands(network, padded, max(MIN_BAND_ROWS, band // padded.shape[3]))
    if not output.isfinite().all():
        raise RockfallError("the style's network gives numbers that are not finite")
    inside = (
        slice(network.margin, network.margin + height),
        slice(network.margin, network.margin + width),
    )
    output = output[0, :, *inside].float()
    styled: Tensor = output.round_().clamp_(0, 255).to(torch.uint8)
    return styled


def _pad(network: TransformNetwork, picture: Tensor) -> Tensor:
    """(1, 3, H, W) uint8 with the network's margin on all sides, and as much more below and on the
    right as makes the sides multiples of `REDUCTION`: by reflection if there is a margin, else by
    copies of the last row and column.

    TensorFlow's "same" pads odd sizes on other sides than even ones, which shifts the picture by a
    pixel; and the margin is a multiple of `REDUCTION` too, so that no size shifts it.
    """
    for dimension, side in ((2, picture.shape[2]), (3, picture.shape[3])):
        least = max(MIN_SIDE, side + 2 * network.margin)
        whole = -(-least // REDUCTION) * REDUCTION
        places = torch.arange(whole, device=picture.device) - network.margin
        found = reflected(places, side) if network.margin else places.clamp(max=side - 1)
        picture = picture.index_select(dimension, found)
    return picture


def _apply_in_bands(network: TransformNetwork, picture: Tensor, rows: int) -> Tensor:
    """(1, 3, H, W) uint8 → the network's output, float32."""
    down, up = (cast("list[Layer]", list(part)) for part in (network.down, network.up))

    def down_input(values: Tensor, index: int, rows: range) -> Tensor:
        if index:
            return values
        pixels = values.float().contiguous(memory_format=torch.channels_last)
        return network.first_input(pixels, rows.start)

    def up_input(values: Tensor, index: int, rows: range) -> Tensor:
        if index < len(up) - 1:
            return values
        return network.last_input(values, picture[:, :, rows.start : rows.stop])

    features, statistics = _passes(picture, down, down_input, rows, "downsampling")
    features = down[-1].normalise_by(features, *statistics)
    for block in counted(network.blocks, len(network.blocks), "residual blocks"):
        features = block(features)
    output, statistics = _passes(features, up, up_input, rows, "upsampling")
    return to_rgb(up[-1].normalise_by(output.float(), *statistics))


def _passes(
    source: Tensor, layers: Sequence[Layer], layer_input: LayerInput, rows: int, what: str
) -> tuple[Tensor, Statistics]:
    """The convolution of the last of some layers before instance norm, and its statistics.

    source: (1, C, H, W), the input of the first of them.
    """
    statistics: list[Statistics] = []
    last_bands: list[Tensor] = []
    for count in range(1, len(layers) + 1):
        heights = [source.shape[2]]
        for layer in layers[:count]:
            heights.append(layer.output_size(heights[-1]))
        share = max(1, rows * heights[-1] // max(source.shape[2], heights[-1]))
        bands = [
            range(first, min(first + share, heights[-1])) for first in range(0, heights[-1], share)
        ]
        moments = RunningMoments(source.device)
        parts = counted(bands, len(bands), f"{what}, layer {count} of {len(layers)}: bands")
        for band in parts:
            values = _convolve_band(source, layers[:count], layer_input, statistics, heights, band)
            moments.update(values)
            if count == len(layers):
                last_bands.append(values)
        statistics.append(moments.statistics)
    return torch.cat(last_bands, 2), statistics[-1]


def _convolve_band(
    source: Tensor,
    layers: Sequence[Layer],
    layer_input: LayerInput,
    statistics: Sequence[Statistics],
    heights: Sequence[int],
    rows: range,
) -> Tensor:
    """These rows of the last layer's convolution; the layers before it are normalised by
    `statistics`.
    """
    needed = [rows]
    for layer, height in zip(reversed(layers), reversed(heights[:-1]), strict=True):
        needed.insert(0, layer.input_rows(needed[0], height))
    values = source[:, :, needed[0].start : needed[0].stop]
    for index, layer in enumerate(layers):
        if index:
            values = layers[index - 1].normalise_by(values, *statistics[index - 1])
        values = layer_input(values, index, needed[index])
        first, height = needed[index].start, heights[index]
        values = layer.convolve_rows(values, first, height, needed[index + 1])
    return values


class RunningMoments:
    """Mean and variance of a picture's channels, accumulated over its bands in float64.

    Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", equation 2.1.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.count = 0
        # MPS has no float64.
        self.precise = torch.device("cpu") if device.type == "mps" else device
        self.mean = self.squares = torch.zeros((), dtype=torch.float64, device=self.precise)

    def update(self, values: Tensor) -> None:
        """(1, C, H, W) of more than one pixel."""
        count = values.shape[2] * values.shape[3]
        mean, variance = (torch.zeros(values.shape[1], device=self.device) for _ in range(2))
        # The fastest way to compute both: as the running statistics of batch norm.
        F.batch_norm(values, mean, variance, training=True, momentum=1.0)
        difference = mean.to(self.precise).double() - self.mean
        total = self.count + count
        self.squares = (
            self.squares
            + variance.to(self.precise).double() * (count - 1)
            + difference.square() * (self.count * count / total)
        )
        self.mean = self.mean + difference * (count / total)
        self.count = total

    @property
    def statistics(self) -> Statistics:
        """Mean and variance (C), float32, by the number of pixels."""
        mean, variance = self.mean.float(), (self.squares / self.count).float()
        return mean.to(self.device), variance.to(self.device)


def _require_memory(network: TransformNetwork, pixels: int, device: torch.device) -> None:
    # Bytes of a pixel: four tensors as large as the residual blocks' output, and the picture's own.
    size = 4 * 4 * network.channels / REDUCTION**2 + 40
    require_memory(
        device, round(size * pixels) + (1 << 29), "this picture", "make it smaller with --size"
    )
