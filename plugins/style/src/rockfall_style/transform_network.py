"""The image transformation network of fast style transfer.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution": two strided convolutions reduce a picture to a quarter of its sides, residual
blocks follow, and two transposed convolutions bring it back. With instance norm (Ulyanov, Vedaldi
and Lempitsky 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization").

`TransformNetwork` has the architecture of the published weights (`published.py`). It departs from
Johnson et al. in instance norm for batch norm, and in "same" zero padding as TensorFlow's, where
theirs pads the picture by reflection and the residual blocks not at all. `SkipTransformNetwork` is
what `fast-style` trains: the same with changes by which it learns in minutes what that learns in
hours.

Each layer can also compute some rows of its output alone, from those rows of its input that they
depend on: `bands.py` applies the network to large pictures so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Padding = Literal["constant", "replicate"]
"""Padding mode: by zeros, or by copies of the edge."""
EPSILON = 1e-3
"""Added to the variance in instance norm."""
REDUCTION = 4
"""Factor by which the residual blocks' resolution is lower; sides that are multiples are kept."""
NOISE_STD = 25.0
"""Standard deviation of the fixed noise, in levels of 0 … 255."""
NOISE_PERIOD = 509
"""Pixels after which the noise repeats; a prime, so that it is not aligned with strides."""
STROKE_INIT_SCALE, OUTPUT_INIT_STD = 0.3, 0.5
"""Initial weight of the features beside the input in the output layer, and the initial standard
deviation of what goes into tanh.
"""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same": padding before and after `size` values so that ⌈size / stride⌉ come out;
    of an odd number, the additional one is after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Layer(nn.Module):
    """A convolution without bias, instance norm, and by default ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        relu: bool = True,
        padding: Padding = "constant",
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.relu = kernel, stride, relu
        self.padding, self.dilation = padding, dilation
        self.extent = dilation * (kernel - 1) + 1
        """Rows and columns from a dilated kernel's first weight to its last."""
        self.weight = nn.Parameter(self._initial_weight(inputs, outputs))
        self.scale = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))

    def _initial_weight(self, inputs: int, outputs: int) -> Tensor:
        """Normally distributed; instance norm makes the network independent of their scale."""
        std = (2 / (inputs * self.kernel**2)) ** 0.5
        weight: Tensor = torch.randn(outputs, inputs, self.kernel, self.kernel) * std
        return weight

    @property
    def kernels(self) -> Tensor:
        """The kernels of the convolution; subclasses derive them from `weight`."""
        return self.weight

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H', W')."""
        return self.normalise(self.convolve(values))

    def convolve(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H', W')."""
        height = values.shape[2]
        return self.convolve_rows(values, 0, height, range(self.output_size(height)))

    def output_size(self, size: int) -> int:
        """The rows of the output for an input of `size` rows."""
        return -(-size // self.stride)

    def input_rows(self, rows: range, height: int) -> range:
        """The receptive field: the rows of an input of `height` rows that these of the output
        depend on.
        """
        first = rows.start * self.stride - same_padding(height, self.extent, self.stride)[0]
        last = first + (len(rows) - 1) * self.stride + self.extent
        return range(max(first, 0), min(last, height))

    def convolve_rows(self, values: Tensor, first: int, height: int, rows: range) -> Tensor:
        """These rows of the convolution of an input of `height` rows, (N, C', rows, W').

        values: (N, C, h, W), the input's rows from `first` on, all of `input_rows` among them.
        """
        needed = self.input_rows(rows, height)
        begin = rows.start * self.stride - same_padding(height, self.extent, self.stride)[0]
        end = begin + (len(rows) - 1) * self.stride + self.extent
        above, below = max(-begin, 0), max(end - height, 0)
        before, after = same_padding(values.shape[3], self.extent, self.stride)
        values = values[:, :, needed.start - first : needed.stop - first]
        if self.padding == "constant" and above == below and before == after:
            padding = above, before
            return F.conv2d(values, self.kernels, None, self.stride, padding, self.dilation)
        padded = F.pad(values, (before, after, above, below), mode=self.padding)
        return F.conv2d(padded, self.kernels, None, self.stride, 0, self.dilation)

    def normalise(self, values: Tensor) -> Tensor:
        """Instance norm, and ReLU if the layer has it: (N, C', H', W') → the same shape."""
        # For one picture it is the same as batch norm, which is several times faster in the
        # channels-last memory format.
        if len(values) == 1:
            normalised = F.batch_norm(
                values, None, None, self.scale, self.shift, training=True, eps=EPSILON
            )
        else:
            normalised = F.instance_norm(values, weight=self.scale, bias=self.shift, eps=EPSILON)
        return normalised.relu_() if self.relu else normalised

    def normalise_by(self, values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """As `normalise`, with a given mean and variance (C')."""
        normalised = F.batch_norm(values, mean, variance, self.scale, self.shift, eps=EPSILON)
        return normalised.relu_() if self.relu else normalised


class TransposedLayer(Layer):
    """With a transposed convolution of kernel 3 and stride 2, which doubles the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, 2)

    def _initial_weight(self, inputs: int, outputs: int) -> Tensor:
        std = (2 / (inputs * self.kernel**2)) ** 0.5
        weight: Tensor = torch.randn(inputs, outputs, self.kernel, self.kernel) * std
        return weight

    def output_size(self, size: int) -> int:
        return size * self.stride

    def input_rows(self, rows: range, height: int) -> range:
        before, _ = same_padding(height * self.stride, self.kernel, self.stride)
        first = -(-(rows.start + before - self.kernel + 1) // self.stride)
        last = (rows.stop - 1 + before) // self.stride
        return range(max(first, 0), min(last + 1, height))

    def convolve_rows(self, values: Tensor, first: int, height: int, rows: range) -> Tensor:
        needed = self.input_rows(rows, height)
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


class UpsamplingLayer(TransposedLayer):
    """Nearest-neighbour upsampling by 2 and a convolution of 2 × 2, as one transposed convolution.

    Each kernel of 2 × 2 is added four times, shifted, to one of 3 × 3. Every output pixel then has
    the same number of contributions, where a kernel of 3 and a stride of 2 leave a checkerboard
    that takes long to unlearn (Odena, Dumoulin and Olah 2016, "Deconvolution and Checkerboard
    Artifacts").
    """

    def _initial_weight(self, inputs: int, outputs: int) -> Tensor:
        weight: Tensor = torch.randn(inputs, outputs, 2, 2) * (2 / (inputs * 4)) ** 0.5
        return weight

    @property
    def kernels(self) -> Tensor:
        shifted = [
            F.pad(self.weight, (left, 1 - left, top, 1 - top)) for left in (0, 1) for top in (0, 1)
        ]
        return torch.stack(shifted).sum(0)


class SkipOutputLayer(Layer):
    """The output layer with a skip connection: a convolution of features, plus a 1 × 1 convolution
    of the input picture, whose three channels follow after the features'.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 3, 9, relu=False)
        self.colours = nn.Parameter(torch.eye(3))
        nn.init.constant_(self.scale, OUTPUT_INIT_STD)

    def _initial_weight(self, inputs: int, outputs: int) -> Tensor:
        return super()._initial_weight(inputs, outputs) * STROKE_INIT_SCALE

    @property
    def kernels(self) -> Tensor:
        around = self.kernel // 2
        return torch.cat((self.weight, F.pad(self.colours[:, :, None, None], [around] * 4)), 1)


class ResidualBlock(nn.Module):
    """Two layers and an identity shortcut; initialised to the identity."""

    def __init__(self, channels: int, padding: Padding = "constant", dilation: int = 1) -> None:
        super().__init__()
        self.first = Layer(channels, channels, 3, padding=padding, dilation=dilation)
        self.second = Layer(channels, channels, 3, relu=False, padding=padding, dilation=dilation)
        nn.init.zeros_(self.second.scale)

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        output: Tensor = values + self.second(self.first(values))
        return output


class TransformNetwork(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 255 → (N, 3, 4⌈H / 4⌉, 4⌈W / 4⌉), −22.5 … 277.5.

    width: channels of the first layer; the residual blocks have four times as many.
    blocks: residual blocks. The published networks have 32 and 5.
    """

    upsampling: ClassVar[type[TransposedLayer]] = TransposedLayer
    padding: ClassVar[Padding] = "constant"
    """Of the residual blocks."""
    margin: ClassVar[int] = 32
    """Pixels of reflection padding on each side, which `bands.apply_style` adds and crops: zeros
    beyond the edge make a frame of false colours nearly as wide. A multiple of `REDUCTION`.
    """

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.channels = 4 * width
        """Of the residual blocks."""
        self.down = nn.Sequential(
            Layer(3, width, 9),
            Layer(width, 2 * width, 3, 2),
            Layer(2 * width, 4 * width, 3, 2),
        )
        self.blocks = nn.Sequential(
            *(ResidualBlock(4 * width, self.padding) for _ in range(blocks))
        )
        self.up = nn.Sequential(
            self.upsampling(4 * width, 2 * width),
            self.upsampling(2 * width, width),
            self._output_layer(width),
        )

    def _output_layer(self, width: int) -> Layer:
        return Layer(width, 3, 9, relu=False)

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.blocks(self.down(self.first_input(pictures)))
        features = self.last_input(self.up[:-1](features), pictures)
        return to_rgb(self.up[-1](features))

    def first_input(self, pictures: Tensor, first: int = 0) -> Tensor:
        """The first layer's input, of pictures (N, 3, h, W) that are their rows from `first` on."""
        return pictures

    def last_input(self, features: Tensor, pictures: Tensor) -> Tensor:
        """The output layer's input: of features (N, C, h, W) and the same rows of the pictures."""
        return features

    def layers(self) -> Iterator[Layer]:
        """All layers, from the first to the last."""
        return (layer for layer in self.modules() if isinstance(layer, Layer))


class SkipTransformNetwork(TransformNetwork):
    """(N, 3, H, W) float RGB in 0 … 255, sides multiples of 4 → the same, −22.5 … 277.5.

    It differs from `TransformNetwork` in

    - a skip connection from the picture to the output layer: the network paints over the
      photograph, and at first gives little but the photograph with other colours. The picture is
      added before instance norm, which gives light and dark pictures alike the brightness and
      contrast of the style; added after it, they would keep those of the picture;
    - upsampling before the convolution, instead of transposed convolutions, and residual blocks
      padded by the edge;
    - fixed noise, the same in every picture, that is added to the first layer's input, after the
      noise inputs of Ulyanov et al. 2016, "Texture Networks". In a flat region, such as the sky,
      the network could make strokes from nothing else but its own artifacts at edges, which are
      stripes.
    """

    upsampling = UpsamplingLayer
    padding = "replicate"
    margin = 0
    """As `fast_style` pads its pictures itself, when it is trained too."""
    noise: Tensor

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__(width, blocks)
        size = NOISE_PERIOD
        noise = torch.randn(3, size, size, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", noise * NOISE_STD, persistent=False)

    def _output_layer(self, width: int) -> Layer:
        return SkipOutputLayer(width)

    def first_input(self, pictures: Tensor, first: int = 0) -> Tensor:
        rows, columns = (
            torch.arange(start, start + count, device=pictures.device) % NOISE_PERIOD
            for start, count in zip((first, 0), pictures.shape[2:], strict=True)
        )
        return pictures + self.noise[:, rows][:, :, columns]

    def last_input(self, features: Tensor, pictures: Tensor) -> Tensor:
        return torch.cat((features, (pictures - 127.5) / 64), 1)


def to_rgb(values: Tensor) -> Tensor:
    """The output layer's values → RGB, slightly beyond 0 … 255."""
    return values.tanh() * 150 + 127.5
