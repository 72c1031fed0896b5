"""The network that gives a picture a style in one pass.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", with instance norm (Ulyanov, Vedaldi and Lempitsky 2016, "Instance
Normalization: The Missing Ingredient for Fast Stylization"): down to a quarter of the size, a few
residual blocks there, and up again. Everything is padded as TensorFlow's "same", since that is how
the published networks were trained.

Our own, `OverpaintingNetwork`, is the same network with three changes that let it learn in minutes
what that one learns in hours.

Each layer can also compute some rows of its output alone, from the rows of its input that they
depend on, which is what `bands.py` makes large pictures of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Padding = Literal["constant", "replicate"]
"""What is beyond the edges: zeros, or copies of them."""
EPSILON = 1e-3
"""Added to the variance in instance norm."""
REDUCTION = 4
"""Times smaller in the middle: what a picture's sides must be multiples of to keep their size."""
GRAIN = 25.0
"""Standard deviation of the grain, of 0 … 255."""
GRAIN_SIDE = 509
"""Pixels after which it is repeated; a prime, so that it falls on all places of the strides."""
STROKES, CONTRAST = 0.3, 0.5
"""How much at first strokes count in what is painted, and its deviation before tanh."""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after `size` values so that ⌈size / stride⌉ come out; an odd one after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Layer(nn.Module):
    """A convolution without bias, instance norm, and ReLU unless told otherwise."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        relu: bool = True,
        padding: Padding = "constant",
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.relu = kernel, stride, relu
        self.padding = padding
        self.weight = nn.Parameter(self._begun(inputs, outputs))
        self.scale = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))

    def _begun(self, inputs: int, outputs: int) -> Tensor:
        """Random weights; how large is of no matter before instance norm."""
        deviation = (2 / (inputs * self.kernel**2)) ** 0.5
        begun: Tensor = torch.randn(outputs, inputs, self.kernel, self.kernel) * deviation
        return begun

    @property
    def kernels(self) -> Tensor:
        """What the input is convolved with."""
        return self.weight

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H', W')."""
        return self.normalised(self.convolved(values))

    def convolved(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H', W')."""
        height = values.shape[2]
        return self.rows(values, 0, height, range(self.size(height)))

    def size(self, size: int) -> int:
        """Rows that come out of so many."""
        return -(-size // self.stride)

    def needed(self, rows: range, height: int) -> range:
        """The rows of an input of `height` that these of the output depend on."""
        first = rows.start * self.stride - same_padding(height, self.kernel, self.stride)[0]
        last = first + (len(rows) - 1) * self.stride + self.kernel
        return range(max(first, 0), min(last, height))

    def rows(self, values: Tensor, first: int, height: int, rows: range) -> Tensor:
        """These rows of the convolution of an input of `height`, (N, C', rows, W').

        values: (N, C, h, W), the input's rows from `first` on, all of `needed` among them.
        """
        needed = self.needed(rows, height)
        begin = rows.start * self.stride - same_padding(height, self.kernel, self.stride)[0]
        end = begin + (len(rows) - 1) * self.stride + self.kernel
        above, below = max(-begin, 0), max(end - height, 0)
        before, after = same_padding(values.shape[3], self.kernel, self.stride)
        values = values[:, :, needed.start - first : needed.stop - first]
        if self.padding == "constant" and above == below and before == after:
            return F.conv2d(values, self.kernels, stride=self.stride, padding=(above, before))
        padded = F.pad(values, (before, after, above, below), mode=self.padding)
        return F.conv2d(padded, self.kernels, stride=self.stride)

    def normalised(self, values: Tensor) -> Tensor:
        """(N, C', H', W') → the same, each channel of each picture by its own mean and variance."""
        # Of a single picture it is batch norm, which is several times quicker in channels_last.
        if len(values) == 1:
            scaled = F.batch_norm(
                values, None, None, self.scale, self.shift, training=True, eps=EPSILON
            )
        else:
            scaled = F.instance_norm(values, weight=self.scale, bias=self.shift, eps=EPSILON)
        return scaled.relu_() if self.relu else scaled

    def scaled(self, values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """`normalised`, by a mean and a variance (C') that are known."""
        scaled = F.batch_norm(values, mean, variance, self.scale, self.shift, eps=EPSILON)
        return scaled.relu_() if self.relu else scaled


class Enlarging(Layer):
    """Its convolution is the transpose of one of stride 2: the size doubles."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, 2)

    def _begun(self, inputs: int, outputs: int) -> Tensor:
        deviation = (2 / (inputs * self.kernel**2)) ** 0.5
        begun: Tensor = torch.randn(inputs, outputs, self.kernel, self.kernel) * deviation
        return begun

    def size(self, size: int) -> int:
        return size * self.stride

    def needed(self, rows: range, height: int) -> range:
        before, _ = same_padding(height * self.stride, self.kernel, self.stride)
        first = -(-(rows.start + before - self.kernel + 1) // self.stride)
        last = (rows.stop - 1 + before) // self.stride
        return range(max(first, 0), min(last + 1, height))

    def rows(self, values: Tensor, first: int, height: int, rows: range) -> Tensor:
        needed = self.needed(rows, height)
        above, _ = same_padding(height * self.stride, self.kernel, self.stride)
        width = values.shape[3] * self.stride
        before, _ = same_padding(width, self.kernel, self.stride)
        whole = F.conv_transpose2d(
            values[:, :, needed.start - first : needed.stop - first],
            self.kernels,
            stride=self.stride,
        )
        top = rows.start + above - needed.start * self.stride
        return whole[:, :, top : top + len(rows), before : before + width]


class EvenlyEnlarging(Enlarging):
    """Learns kernels of 2 × 2, each of which is laid four times over one of 3 × 3.

    Then as much falls on every place of what comes out, where a stride of 2 and a kernel of 3 leave
    a checkerboard that takes long to unlearn (Odena, Dumoulin and Olah 2016, "Deconvolution and
    Checkerboard Artifacts"): it is to repeat every pixel twice and to convolve that.
    """

    def _begun(self, inputs: int, outputs: int) -> Tensor:
        begun: Tensor = torch.randn(inputs, outputs, 2, 2) * (2 / (inputs * 4)) ** 0.5
        return begun

    @property
    def kernels(self) -> Tensor:
        laid = [
            F.pad(self.weight, (left, 1 - left, top, 1 - top)) for left in (0, 1) for top in (0, 1)
        ]
        return torch.stack(laid).sum(0)


class Overpainting(Layer):
    """Strokes from some channels, over the picture, the three channels after these, whose colours
    it may only mix.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 3, 9, relu=False)
        self.colours = nn.Parameter(torch.eye(3))
        nn.init.constant_(self.scale, CONTRAST)

    def _begun(self, inputs: int, outputs: int) -> Tensor:
        return super()._begun(inputs, outputs) * STROKES

    @property
    def kernels(self) -> Tensor:
        around = self.kernel // 2
        return torch.cat((self.weight, F.pad(self.colours[:, :, None, None], [around] * 4)), 1)


class Block(nn.Module):
    """Two layers, whose sum with what comes in goes out; at first they add nothing."""

    def __init__(self, channels: int, padding: Padding = "constant") -> None:
        super().__init__()
        self.first = Layer(channels, channels, 3, padding=padding)
        self.second = Layer(channels, channels, 3, relu=False, padding=padding)
        nn.init.zeros_(self.second.scale)

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        added: Tensor = values + self.second(self.first(values))
        return added


class TransformNetwork(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 255 → (N, 3, 4⌈H / 4⌉, 4⌈W / 4⌉), −22.5 … 277.5.

    width: channels of the first layer; there are four times as many in the middle.
    blocks: residual blocks in the middle. The published networks have 32 and 5.
    """

    enlarging: ClassVar[type[Enlarging]] = Enlarging
    padding: ClassVar[Padding] = "constant"
    """In the blocks."""

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.channels = 4 * width
        """In the middle."""
        self.down = nn.Sequential(
            Layer(3, width, 9),
            Layer(width, 2 * width, 3, 2),
            Layer(2 * width, 4 * width, 3, 2),
        )
        self.blocks = nn.Sequential(*(Block(4 * width, self.padding) for _ in range(blocks)))
        self.up = nn.Sequential(
            self.enlarging(4 * width, 2 * width),
            self.enlarging(2 * width, width),
            self._last(width),
        )

    def _last(self, width: int) -> Layer:
        return Layer(width, 3, 9, relu=False)

    def forward(self, pictures: Tensor) -> Tensor:
        values = self.blocks(self.down(self.entering(pictures)))
        values = self.joined(self.up[:-1](values), pictures)
        return coloured(self.up[-1](values))

    def entering(self, pictures: Tensor, first: int = 0) -> Tensor:
        """What the first layer takes of pictures (N, 3, h, W), their rows from `first` on."""
        return pictures

    def joined(self, values: Tensor, pictures: Tensor) -> Tensor:
        """What the last layer takes: activations (N, C, h, W) and the same rows of pictures."""
        return values

    def layers(self) -> Iterator[Layer]:
        """All of them, from the first to the last."""
        return (layer for layer in self.modules() if isinstance(layer, Layer))


class OverpaintingNetwork(TransformNetwork):
    """(N, 3, H, W) float RGB in 0 … 255, sides multiples of 4 → the same, −22.5 … 277.5.

    It paints over the picture: its last layer sees that beside the strokes, and at first gives
    little but the picture, with other colours. It is joined before instance norm, which brings
    light and dark pictures alike to the brightness and contrast of the style; added after it, those
    of the picture would remain.

    It enlarges evenly. And what it sees of the picture has grain, always the same at the same
    place, as the noise of Ulyanov et al. 2016, "Texture Networks": where a picture is flat, as the
    sky, a network has else nothing to make strokes of but its own echoes, which are stripes.
    """

    enlarging = EvenlyEnlarging
    padding = "replicate"
    grain: Tensor

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        drawn = torch.randn(3, GRAIN_SIDE, GRAIN_SIDE, generator=torch.Generator().manual_seed(0))
        self.register_buffer("grain", drawn * GRAIN, persistent=False)

    def _last(self, width: int) -> Layer:
        return Overpainting(width)

    def entering(self, pictures: Tensor, first: int = 0) -> Tensor:
        rows, columns = (
            torch.arange(start, start + count, device=pictures.device) % GRAIN_SIDE
            for start, count in zip((first, 0), pictures.shape[2:], strict=True)
        )
        return pictures + self.grain[:, rows][:, :, columns]

    def joined(self, values: Tensor, pictures: Tensor) -> Tensor:
        return torch.cat((values, (pictures - 127.5) / 64), 1)


def coloured(values: Tensor) -> Tensor:
    """What the last layer gives → RGB, a little beyond 0 … 255."""
    return values.tanh() * 150 + 127.5
