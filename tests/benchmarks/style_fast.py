"""CPU seconds to give a picture a style: `rockfall stylize`'s own path beside the bare network.

A published style's architecture with random weights, which cost what any others do; noise of
512 × 384; one thread, taking turns:

- bare: the forward pass of the same network written with PyTorch's own layers, float32, on a tensor
  of a size that needs no padding, and nothing else;
- whole: from bytes to bytes, as pictures of up to a megapixel go through, with the margin around
  them by which zero padding paints no frame, a third more pixels at this size;
- bands: the same in bands, as larger ones do;
- each of these at bf16 too, which is what `--precision auto` takes where the processor multiplies
  in it.

CPU seconds are those of `time.process_time`; times are medians, and so are the ratios, which are
taken within a round. The last column is the distance from the bare network's picture in float32, of
the same picture with its margin for those that have it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit.devices import autocast
from rockfall_style.bands import apply_style
from rockfall_style.transform_network import EPSILON, Layer, TransformNetwork, TransposedLayer
from tests.benchmarks.report import Table, script

HEIGHT, WIDTH = 384, 512
CPU = torch.device("cpu")


class Padded(nn.Module):
    """A layer's convolution as a beginner writes it, with the layer's weights."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        outputs = len(layer.shift)
        kernel, stride = layer.kernel, layer.stride
        inputs = layer.weight.numel() // (outputs * kernel**2)
        self.transposed = isinstance(layer, TransposedLayer)
        self.padding = (kernel // 2,) * 4 if stride == 1 else (0, 1, 0, 1)
        self.convolution: nn.Module
        if self.transposed:
            self.convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride, bias=False)
        else:
            self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.convolution.weight = layer.weight
        self.norm = nn.InstanceNorm2d(outputs, EPSILON, affine=True)
        self.norm.weight, self.norm.bias = layer.scale, layer.shift
        self.relu = nn.ReLU() if layer.relu else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        if self.transposed:
            height, width = values.shape[2:]
            values = self.convolution(values)[:, :, : 2 * height, : 2 * width]
        else:
            values = self.convolution(F.pad(values, self.padding))
        made: Tensor = self.relu(self.norm(values))
        return made


class Bare(nn.Module):
    """The network from its definition."""

    def __init__(self, network: TransformNetwork) -> None:
        super().__init__()
        self.down = nn.Sequential(*map(Padded, network.down))
        self.blocks = nn.ModuleList(
            nn.Sequential(Padded(block.first), Padded(block.second)) for block in network.blocks
        )
        self.up = nn.Sequential(*map(Padded, network.up))

    def forward(self, pictures: Tensor) -> Tensor:
        values = self.down(pictures)
        for block in self.blocks:
            values = values + block(values)
        made: Tensor = self.up(values).tanh() * 150 + 127.5
        return made


def seconds(do: Callable[[], Any]) -> float:
    begun = time.process_time()
    do()
    return time.process_time() - begun


@torch.no_grad()
def measure(options: argparse.Namespace) -> list[Table]:
    torch.manual_seed(0)
    network = TransformNetwork().eval()
    for layer in network.layers():
        layer.scale.uniform_(0.5, 1.5)
    bare = Bare(network).eval()
    picture = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8)
    given = picture[None].float()

    def at(precision: str, do: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with autocast(CPU, precision):
                return do()

        return run

    whole: Callable[[], Tensor] = lambda: apply_style(network, picture)  # noqa: E731
    bands: Callable[[], Tensor] = lambda: apply_style(network, picture, max_whole=0)  # noqa: E731
    ways = {
        "bare, float32": lambda: bare(given),
        "whole, float32": whole,
        "bands, float32": bands,
        "bare, bf16": at("bf16", lambda: bare(given)),
        "whole, bf16": at("bf16", whole),
        "bands, bf16": at("bf16", bands),
    }
    margin = (network.margin,) * 4
    inside = slice(network.margin, -network.margin)
    padded = bare(F.pad(given, margin, mode="reflect"))[..., inside, inside]
    wanted = {"bare": shown(bare(given))} | dict.fromkeys(("whole", "bands"), shown(padded))
    apart = {
        name: distance(do(), wanted[name.partition(",")[0]]) for name, do in ways.items()
    }  # and warms up
    rounds = [[seconds(do) for do in ways.values()] for _ in range(options.repeats)]
    columns = dict(zip(ways, zip(*rounds, strict=True), strict=True))
    rows = []
    for name, times in columns.items():
        rival = columns[f"bare, {name.partition(', ')[2]}"]
        ratio = statistics.median(a / b for a, b in zip(times, rival, strict=True))
        rows.append([name, statistics.median(times) * 1e3, f"{ratio:.2f} ×", apart[name]])
    headers = [f"{WIDTH} × {HEIGHT}", "CPU ms", "of the bare pass at its precision", "from float32"]
    note = "Goal: whole at most 1.2 times the bare forward pass of as many pixels, 1.6 of these."
    return [Table("A picture through a feed-forward style", headers, rows, note)]


def shown(made: Tensor) -> Tensor:
    """As bytes, but float."""
    return made.float().round().clamp(0, 255).reshape(3, HEIGHT, WIDTH)


def distance(made: Tensor, wanted: Tensor) -> str:
    error = (shown(made) - wanted).square().mean()
    return f"{(10 * (255**2 / error).log10()).item():.0f} dB" if error else "none"


if __name__ == "__main__":
    script(__doc__, measure, repeats=7)
