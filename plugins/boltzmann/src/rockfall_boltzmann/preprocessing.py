"""Preprocessing: how a source's examples become visible units, and back.

Four methods:

- `unit`: values from 0 to 1, for binary visible units;
- `centred`: every feature of mean 0, all divided by their common standard deviation;
- `standard`: every feature of mean 0 and standard deviation 1;
- `zca`: patches of pictures, each brought to mean 0 and about the same contrast and then
  ZCA-whitened by the symmetric matrix (Σ + εI)^(−1/2) (Bell and Sejnowski 1997; Krizhevsky 2009,
  appendix A; the constants of Coates, Lee and Ng 2011, section 4.2).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

import rockfall
from rockfall import RockfallError

Method = Literal["unit", "centred", "standard", "zca"]

MIN_STD_RATIO = 0.1
"""Least standard deviation that a feature is divided by, in means of all features' standard
deviations: the noise of one that hardly ever changes is not amplified further."""
CONTRAST_VARIANCE = 10.0
"""Added to the variance of a uint8 patch before contrast normalisation, so that an even patch does
not become all noise."""
ZCA_EPSILON = 0.1
"""ε: added to the eigenvalues of the covariance of contrast-normalised patches."""
CHUNK = 1000
"""Examples compared at a time, which bounds the memory of the copies."""
STATISTICS_EXAMPLES = 100_000
"""Most training examples that means, standard deviations and covariances are estimated from."""


class Preprocessor(nn.Module):
    """Inputs (N, …) as the source gives them → v (N, D) float32, after `fit`; `inverse` is the way
    back.

    Raises ValueError for data that the method does not apply to.
    """

    def __init__(self, info: rockfall.SourceInfo, method: Method) -> None:
        super().__init__()
        self.method = method
        self.shape = info.shape
        self.num_features = torch.Size(info.shape).numel()
        self.is_uint8 = info.dtype == "uint8"
        self.takes_constant = False
        """Whether all examples may be the same, or be one."""
        _check(info, method)
        self.mean: Tensor
        self.scale: Tensor
        self.whiten: Tensor
        self.unwhiten: Tensor
        self.brightness: Tensor
        self.register_buffer("mean", torch.zeros(self.num_features))
        self.register_buffer("scale", torch.ones(self.num_features))
        # Mean over all patches, and mean of each patch's standard deviation.
        self.register_buffer("brightness", torch.tensor([0.0, 1.0]))
        side = self.num_features if method == "zca" else 0
        self.register_buffer("whiten", torch.zeros(side, side))
        self.register_buffer("unwhiten", torch.zeros(side, side))

    @torch.no_grad()
    def fit(self, inputs: Tensor) -> None:
        """Estimate the statistics from training inputs (N, …).

        Raises RockfallError if all examples are the same, unless it `takes_constant`.
        """
        constant = all((part == inputs[0]).all() for part in inputs.split(CHUNK))
        if constant and not self.takes_constant:
            raise RockfallError("all training examples are the same: there is nothing to learn")
        if self.method == "unit":
            return
        values = inputs[:STATISTICS_EXAMPLES].flatten(1).float()
        if self.method == "zca" and self.is_uint8:
            self.brightness[0] = values.mean()
            self.brightness[1] = values.std(1).mean()
            values = self._normalise_contrast(values)
        self.mean.copy_(values.mean(0))
        if constant:  # every v is 0, and nothing is divided
            return
        if self.method == "centred":
            self.scale.fill_(values.var(0, correction=0).mean().sqrt())
            return
        if self.method == "standard":
            stds = values.std(0, correction=0)
            self.scale.copy_(stds.clamp(min=MIN_STD_RATIO * stds.mean().item()))
            return
        centred = (values - self.mean).double()
        eigenvalues, eigenvectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        roots = (eigenvalues.clamp(min=0) + ZCA_EPSILON).sqrt()
        self.whiten.copy_((eigenvectors / roots) @ eigenvectors.T)
        self.unwhiten.copy_((eigenvectors * roots) @ eigenvectors.T)

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs.flatten(1)
        if self.method == "unit":
            return values / 255 if self.is_uint8 else values
        values = values.float()
        if self.method == "zca":
            centred: Tensor = self._normalise_contrast(values) - self.mean
            return centred @ self.whiten
        return (values - self.mean) / self.scale

    def inverse(self, v: Tensor) -> Tensor:
        """v (N, D) → (N, …) of the source's shape and dtype.

        What `zca` removed of a patch, its own mean and contrast, comes back as those of the average
        training patch.
        """
        values = v
        if self.method == "unit" and self.is_uint8:
            values = v * 255
        elif self.method in ("centred", "standard"):
            values = v * self.scale + self.mean
        elif self.method == "zca":
            brightness, contrast = self.brightness.unbind()
            values = (v @ self.unwhiten + self.mean) * contrast + brightness
        values = values.reshape(-1, *self.shape)
        return values.round().clamp(0, 255).byte() if self.is_uint8 else values

    def held(self, v: Tensor, given: Tensor, clamped: Tensor) -> Tensor:
        """v (N, D) with the features of `given` (N, D) where `clamped` (N, D) bool says so: of
        whitened ones the pixels before that.
        """
        if self.method != "zca":
            return given.where(clamped, v)
        pixels = (given @ self.unwhiten).where(clamped, v @ self.unwhiten)
        return pixels @ self.whiten

    def _normalise_contrast(self, values: Tensor) -> Tensor:
        """Each uint8 example (N, D) to mean 0 and standard deviation about 1; vectors stay."""
        if not self.is_uint8:
            return values
        variance, mean = torch.var_mean(values, 1, keepdim=True)
        return (values - mean) / (variance + CONTRAST_VARIANCE).sqrt()


def _check(info: rockfall.SourceInfo, method: Method) -> None:
    """Raise ValueError, before any training, for data that can't be trained on."""
    means, stds = info.statistics["mean"], info.statistics["std"]
    if not all(map(math.isfinite, (*means, *stds))):
        raise ValueError(f"{info.name} holds values that are not finite numbers")
    if info.sizes.get("train", 2) < 2:
        raise ValueError(f"{info.name} has one training example, from which nothing is learned")
    if method == "zca" and info.dtype == "uint8" and torch.Size(info.shape).numel() < 2:
        raise ValueError(f"{info.name} has pictures of one pixel, which have no covariance")
    if method == "unit" and info.dtype != "uint8":
        low, high = info.statistics.get("min", [0.0]), info.statistics.get("max", [1.0])
        if min(low) < 0 or max(high) > 1:
            raise ValueError(
                f"binary units take values from 0 to 1, and those of {info.name} range from "
                f"{min(low):.4g} to {max(high):.4g}: visible=gaussian takes them"
            )
