"""PixelCNN: a picture pixel by pixel, with an exact likelihood.

Van den Oord, Kalchbrenner and Kavukcuoglu 2016, "Pixel Recurrent Neural Networks", sections 2 and
3.5. By the chain rule, in the order of reading,

    log p(x) = Σᵢ log p(xᵢ | x₁ … xᵢ₋₁)                                                (equation 1)

and one convolutional network gives all of these conditionals at once, because its kernels are
masked: in the first layer a pixel sees what is above it and to its left (mask A), in all others
itself too (mask B). Samples are drawn one pixel after the other; every layer then computes one
position, of the activations that are kept of earlier ones (Ramachandran et al. 2017, "Fast
Generation for Convolutional Autoregressive Models"), so that a sample costs one pass.

It differs from the paper: grey pixels are binarised at random, anew at each update, as a VAE's
here; those in colour are bytes, by a mixture of discretised logistics whose means depend linearly
on the channels before (Salimans et al. 2017, "PixelCNN++", section 2.2), not by 256-way softmax;
Adam, not RMSProp. A pixel does not see some of those above to its right, as in the paper (the blind
spot of van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import eval_mode
from rockfall.kit.memory import unallocated
from rockfall.kit.randomness import binarise
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators import logistic_mixture
from rockfall_generators.maximum_likelihood import MaximumLikelihood, MaximumLikelihoodConfig
from rockfall_generators.networks import check_parameter_count

FIRST_KERNEL, KERNEL = 7, 3
"""Pixels a side of the first layer's kernel and of the others', the paper's."""
KEPT_NUMBERS = 60_000_000
"""Activations that are kept at a time of what is sampled: 240 MB."""


class PixelCnnConfig(MaximumLikelihoodConfig):
    channels: int = Field(32, ge=1, description="feature maps of each masked convolution")
    blocks: int = Field(5, ge=0, description="number of residual blocks of one 3 × 3 convolution")
    likelihood: Literal["bernoulli", "logistic"] | None = Field(
        None,
        description="distribution of a pixel, given those before: bernoulli, binarised, or a "
        "mixture of logistics, of bytes; none: bernoulli of grey pictures, else logistic",
    )
    mixture: int = Field(5, ge=1, description="logistics in a mixture, with likelihood=logistic")


class PixelCnn(MaximumLikelihood):
    """Pictures (N, C, H, W) uint8 → the distribution of every pixel. Raises ValueError for
    more parameters than fit into memory.
    """

    Config = PixelCnnConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {"epochs": 5},  # four minutes
        "tiny": {"channels": 4, "blocks": 1, "epochs": 1, "batch_size": 256},
    }

    def __init__(self, config: PixelCnnConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        channels = self.scaling.shape[0]
        self.binary = (config.likelihood or ("bernoulli" if channels == 1 else "logistic")) == (
            "bernoulli"
        )
        self.discrete = not self.binary
        self.outputs = (
            channels if self.binary else logistic_mixture.parameters(channels, config.mixture)
        )
        with unallocated():
            check_parameter_count(self.build())
        self.network = self.build()

    def build(self) -> MaskedNetwork:
        """Values (N, C, H, W) → parameters of every pixel's distribution (N, outputs, H, W)."""
        config = self.config
        return MaskedNetwork(self.scaling.shape[0], config.channels, config.blocks, self.outputs)

    # The likelihood -------------------------------------------------------------------------

    def observe(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → x from 0 to 1, with a Bernoulli likelihood binarised with torch's
        global generator.
        """
        values: Tensor = self.scaling(inputs)
        return binarise(values) if self.binary else values

    def log_likelihood(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) → log p(x) (N,), nats."""
        parameters = self.network(2 * x - 1).float()
        if self.binary:
            losses = F.binary_cross_entropy_with_logits(parameters, x, reduction="none")
            return -losses.flatten(1).sum(1)
        return logistic_mixture.log_probability(x, parameters).flatten(1).sum(1)

    # What it can do -------------------------------------------------------------------------

    def sample(self, count: int) -> Tensor:
        """(count, C, H, W) of the source's type."""
        (final,) = deque(self.sample_steps(count), maxlen=1)
        return final

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """From black on: (count, C, H, W) after each row."""
        shape = self.scaling.shape
        values = self.scaling.offset.new_zeros(count, *shape)
        kept = shape[1] * shape[2] * self.config.channels * (self.config.blocks + 3)
        parts = values.split(max(1, KEPT_NUMBERS // kept))  # views
        walks = [self._rows(part) for part in parts]
        yield self.scaling.inverse(values)
        for _ in range(shape[1]):
            for walk in walks:
                next(walk)
            yield self.scaling.inverse(values)

    def _rows(self, values: Tensor) -> Iterator[None]:
        """Draw the pixels of (N, C, H, W) in place, and say so after each row."""
        states = self.network.begin(values)
        for row in range(values.shape[2]):
            with torch.no_grad(), eval_mode(self):
                for column in range(values.shape[3]):
                    parameters = self.network.at(states, row, column)
                    pixel = self._draw(parameters)
                    values[:, :, row, column] = pixel
                    self.network.put(states, 2 * pixel - 1, row, column)
            yield

    def _draw(self, parameters: Tensor) -> Tensor:
        """Parameters (N, outputs) → pixels (N, C), from torch's global generator."""
        if self.binary:
            return (torch.rand_like(parameters) < parameters.sigmoid()).float()
        return logistic_mixture.sample(parameters, self.scaling.shape[0])

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, C, H, W) → the layers of the network that gives all pixels' distributions."""
        return trace_layers(self, inputs, lambda given: self.network(2 * self.scaling(given) - 1))


class MaskedNetwork(nn.Module):
    """Values (N, C, H, W) from −1 to 1 → (N, outputs, H, W), each position by those before it."""

    def __init__(self, inputs: int, channels: int, blocks: int, outputs: int) -> None:
        super().__init__()
        self.inward = MaskedConvolution(inputs, channels, FIRST_KERNEL, see_itself=False)
        self.blocks = nn.ModuleList(
            MaskedConvolution(channels, channels, KERNEL) for _ in range(blocks)
        )
        self.hidden = nn.Conv2d(channels, 2 * channels, 1)
        self.outward = nn.Conv2d(2 * channels, outputs, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, values: Tensor) -> Tensor:
        hidden = self.inward(values.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            hidden = hidden + block(F.relu(hidden))
        outputs: Tensor = self.outward(F.relu(self.hidden(F.relu(hidden))))
        return outputs

    # One position at a time: `states` are the inputs of all masked convolutions, padded.

    def begin(self, values: Tensor) -> list[Tensor]:
        """For pictures (N, C, H, W) of which nothing is known."""
        count, _, height, width = values.shape
        kinds = [(self.inward.in_channels, FIRST_KERNEL)]
        kinds += [(self.inward.out_channels, KERNEL)] * len(self.blocks)
        return [
            values.new_zeros(count, channels, height + kernel - 1, width + kernel - 1)
            for channels, kernel in kinds
        ]

    def put(self, states: list[Tensor], pixel: Tensor, row: int, column: int) -> None:
        """Take in the values (N, C) of one position."""
        margin = FIRST_KERNEL // 2
        states[0][:, :, row + margin, column + margin] = pixel

    def at(self, states: list[Tensor], row: int, column: int) -> Tensor:
        """(N, outputs) of one position, all before it being known."""
        hidden = self.inward.at(states[0], row, column)
        for block, state in zip(self.blocks, states[1:], strict=True):
            assert isinstance(block, MaskedConvolution)
            margin = KERNEL // 2
            state[:, :, row + margin, column + margin] = F.relu(hidden)
            hidden = hidden + block.at(state, row, column)
        hidden = F.linear(F.relu(hidden), self.hidden.weight.flatten(1), self.hidden.bias)
        return F.linear(F.relu(hidden), self.outward.weight.flatten(1), self.outward.bias)


class MaskedConvolution(nn.Conv2d):
    """A convolution that sees what is above and to the left, and the position itself or not."""

    def __init__(self, before: int, after: int, kernel: int, *, see_itself: bool = True) -> None:
        super().__init__(before, after, kernel, padding=kernel // 2)
        self.mask: Tensor
        # Of numbers of Python's: compared as tensors without memory they would import the compiler.
        seen = kernel * kernel // 2 + see_itself
        mask = torch.tensor([float(position < seen) for position in range(kernel * kernel)])
        self.register_buffer("mask", mask.view(kernel, kernel), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return F.conv2d(inputs, self.weight * self.mask, self.bias, padding=self.padding)

    def at(self, padded: Tensor, row: int, column: int) -> Tensor:
        """Padded inputs (N, C, H + K − 1, W + K − 1) → the output at one position (N, C')."""
        kernel = self.kernel_size[0]
        half = kernel // 2 + 1  # rows that are seen
        patch = padded[:, :, row : row + half, column : column + kernel]
        weight = (self.weight * self.mask)[:, :, :half]
        return F.linear(patch.flatten(1), weight.flatten(1), self.bias)
