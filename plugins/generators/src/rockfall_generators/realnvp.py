"""Real NVP: a normalising flow of affine coupling layers, with an exact likelihood.

Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real NVP". An invertible function
f maps an example to noise z with p(z) = N(0, I), and by the change of variables

    log p(x) = log p(f(x)) + log |det ∂f/∂x|                                           (equation 2)

Each coupling layer leaves the part of x that a binary mask b names as it is, and scales and shifts
the rest by functions of that part, so that the Jacobian is triangular (equations 7 to 9):

    y = b x + (1 − b) (x exp s(b x) + t(b x))        log |det| = Σ (1 − b) s(b x)
    x = b y + (1 − b) (y − t(b y)) exp(−s(b y))

Samples are f⁻¹ of noise, in one pass. It differs from the paper: s and t are fully connected, not
convolutional residual networks; masks alternate between a checkerboard and its complement, with no
squeezing and no multi-scale architecture; a learned scale and shift of every number after each
layer takes the place of batch normalisation (`ActNorm`: Kingma and Dhariwal 2018, "Glow", section
3.1). Bytes are dequantised by uniform noise and mapped by a logit (section 4.1), so that of
pictures the likelihood is a lower bound of the bytes' probability (Theis, van den Oord and Bethge
2016, "A note on the evaluation of generative models", section 3.1).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import eval_mode
from rockfall.kit.memory import unallocated
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators.maximum_likelihood import MaximumLikelihood, MaximumLikelihoodConfig
from rockfall_generators.networks import check_parameter_count, mlp

ALPHA = 0.05
"""α of logit(α + (1 − 2 α) x), how far values stay from 0 and 1: the paper's."""
LEVELS = 256
CHUNK = 1000


class RealNvpConfig(MaximumLikelihoodConfig):
    couplings: int = Field(6, ge=2, description="affine coupling layers; masks alternate")
    hidden: int = Field(128, ge=1, description="units in both hidden layers of each s and t")
    epochs: int = Field(100, ge=1, description="passes over the training split")


class RealNvp(MaximumLikelihood):
    """Inputs (N, …), uint8 pictures or vectors, ↔ noise (N, D). Raises ValueError for vectors of
    one number, which can't be split, and for too many parameters.
    """

    Config = RealNvpConfig
    binary = False
    spherical: ClassVar[bool] = True
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "ring": {"couplings": 12, "epochs": 100, "lr": 5e-3, "batch_size": 256},
        "mnist": {"couplings": 10, "hidden": 256, "epochs": 20, "lr": 1e-3},
        "tiny": {"couplings": 2, "hidden": 8, "epochs": 1, "batch_size": 256},
    }

    def __init__(self, config: RealNvpConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        if self.scaling.numel < 2:
            raise ValueError(
                f"coupling layers split an example in two parts, and one of {info.name} is one "
                "number"
            )
        self.discrete = self.scaling.pictures
        if self.discrete:
            self.likelihood_note = "bound by uniform dequantisation"
        with unallocated():
            check_parameter_count(self.build())
        self.flow = self.build()

    def build(self) -> nn.ModuleList:
        """Values (N, D) → noise (N, D), layer by layer."""
        mask = checkerboard(self.scaling.shape)
        layers: list[nn.Module] = []
        for number in range(self.config.couplings):
            kept = mask if number % 2 else [not seen for seen in mask]
            layers.append(Coupling(kept, self.config.hidden))
            layers.append(ActNorm(len(mask)))
        return nn.ModuleList(layers)

    # The change of variables ----------------------------------------------------------------

    def observe(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → x (N, …): bytes as k / 255, numbers with mean 0 and deviation 1."""
        x: Tensor = self.scaling(inputs)
        return x

    def log_likelihood(self, x: Tensor) -> Tensor:
        """x (N, …) → log p(x) (N,); of bytes, by noise from torch's global generator."""
        values, log_det = x.flatten(1), x.new_zeros(len(x))
        if self.discrete:
            values, log_det = self._logit(values + torch.rand_like(values) / 255)
        noise, of_flow = self.transform(values)
        log_prior = -(noise.square() + math.log(2 * math.pi)).sum(1) / 2
        return log_prior + of_flow + log_det

    def transform(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, D) → noise f(x) (N, D) and log |det ∂f/∂x| (N,)."""
        log_det = values.new_zeros(len(values))
        for layer in self.flow:
            values, of_layer = layer(values)
            log_det = log_det + of_layer
        return values, log_det

    def inverse(self, noise: Tensor) -> Tensor:
        """Noise (N, D) → values f⁻¹(z) (N, D)."""
        for layer in reversed(list(self.flow)):
            assert isinstance(layer, Coupling | ActNorm)
            noise = layer.inverse(noise)
        return noise

    def _logit(self, dequantised: Tensor) -> tuple[Tensor, Tensor]:
        """(k + u) / 255 (N, D) → logits, and log |det| of the bytes' mapping (N,)."""
        share = ALPHA + (1 - 2 * ALPHA) * dequantised * (255 / LEVELS)
        logits = share.logit()
        slope = math.log((1 - 2 * ALPHA) / LEVELS)
        return logits, (F.softplus(logits) + F.softplus(-logits) + slope).sum(1)

    # What it can do -------------------------------------------------------------------------

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.sample_latents(count))

    def sample_latents(self, count: int) -> Tensor:
        """Noise (count, D), from torch's global generator."""
        return torch.randn(count, self.scaling.numel, device=self.scaling.offset.device)

    def decode(self, latents: Tensor) -> Tensor:
        """Noise (N, D) → (N, …) of the source's shape and type."""
        with eval_mode(self):
            values = torch.cat([self.inverse(part) for part in latents.split(CHUNK)])
        if self.discrete:
            share = (values.sigmoid() - ALPHA) / (1 - 2 * ALPHA)
            values = (share * LEVELS - 0.5) / 255  # the middle of a byte's interval is the byte
        return self.scaling.inverse(values.view(-1, *self.scaling.shape))

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Inputs (N, …) → their noise (N, D), of bytes by the middles of their intervals; labels do
        not matter.
        """
        with eval_mode(self):
            return self._noise(inputs)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers from values to noise (N, D)."""
        return trace_layers(self, inputs, self._noise)

    def _noise(self, inputs: Tensor) -> Tensor:
        values = self.observe(inputs).flatten(1)
        if self.discrete:
            values, _ = self._logit(values + 0.5 / 255)
        return self.transform(values)[0]


class Coupling(nn.Module):
    """Values (N, D) → (N, D) and log |det| (N,): equation 9, where the mask is what stays."""

    def __init__(self, mask: Sequence[bool], hidden: int) -> None:
        super().__init__()
        self.kept: Tensor
        self.moved: Tensor
        kept = [place for place, stays in enumerate(mask) if stays]
        moved = [place for place, stays in enumerate(mask) if not stays]
        self.register_buffer("kept", torch.tensor(kept), persistent=False)
        self.register_buffer("moved", torch.tensor(moved), persistent=False)
        self.network = mlp((len(self.kept), hidden, hidden, 2 * len(self.moved)))
        for parameter in self.network[-1].parameters():
            nn.init.zeros_(parameter)  # initially the identity
        self.reach = nn.Parameter(torch.ones(len(self.moved)))

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self._affine(values)
        moved = values[:, self.moved] * log_scale.exp() + shift
        return values.index_copy(1, self.moved, moved), log_scale.sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        log_scale, shift = self._affine(values)
        moved = (values[:, self.moved] - shift) * (-log_scale).exp()
        return values.index_copy(1, self.moved, moved)

    def _affine(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """s, a tanh times a learned reach as in section 4.1, and t, of what stays."""
        log_scale, shift = self.network(values[:, self.kept]).chunk(2, 1)
        return log_scale.tanh() * self.reach, shift


class ActNorm(nn.Module):
    """y = (x − shift) exp(log scale), number by number, initially the identity."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(count))
        self.log_scale = nn.Parameter(torch.zeros(count))

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        scaled = (values - self.shift) * self.log_scale.exp()
        return scaled, self.log_scale.sum().expand(len(values))

    def inverse(self, values: Tensor) -> Tensor:
        return values * (-self.log_scale).exp() + self.shift


def checkerboard(shape: Sequence[int]) -> list[bool]:
    """Of the D numbers of examples (…): whether the sum of a number's indices is odd."""
    return [sum(indices) % 2 == 1 for indices in itertools.product(*map(range, shape))]
