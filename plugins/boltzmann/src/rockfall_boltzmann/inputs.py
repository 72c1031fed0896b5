"""How a source's examples become the visible units of a machine, and back.

Four forms: `unit`, from 0 to 1 for binary units; `centred`, every number of mean 0, in units of
their common deviation; `standard`, every number of mean 0 and deviation 1; `zca`, whitened patches
of pictures: each patch of mean 0 and about the same contrast, then all correlations between pixels
removed by the symmetric matrix (Σ + εI)^(−1/2) (Bell and Sejnowski 1997; Krizhevsky 2009,
appendix A; the constants of Coates, Lee and Ng 2011, section 4.2).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

import rockfall
from rockfall import RockfallError

Form = Literal["unit", "centred", "standard", "zca"]

LEAST_DEVIATION = 0.1
"""Of the mean deviation over all numbers: one that hardly ever changes is not blown up further."""
CONTRAST = 10.0
"""Added to the variance of a patch of bytes, so that an even one is not all noise."""
EPSILON = 0.1
"""Added to the variances of contrast-normalised patches before their correlations are removed."""
AT_ONCE = 1000
"""Examples that are compared at a time, which keeps what is copied small."""
LOOKED_AT = 100_000
"""Examples from which means, deviations and correlations are found."""


class Inputs(nn.Module):
    """Inputs (N, …) as the source gives them → v (N, D) float32; `back` is the other way.

    `fit` finds the buffers. Raises ValueError for what the form can't take.
    """

    def __init__(self, info: rockfall.SourceInfo, form: Form) -> None:
        super().__init__()
        self.form = form
        self.shape = info.shape
        self.count = torch.Size(info.shape).numel()
        self.bytes = info.dtype == "uint8"
        _check(info, form)
        self.mean: Tensor
        self.scale: Tensor
        self.whiten: Tensor
        self.unwhiten: Tensor
        self.brightness: Tensor
        self.register_buffer("mean", torch.zeros(self.count))
        self.register_buffer("scale", torch.ones(self.count))
        self.register_buffer("brightness", torch.tensor([0.0, 1.0]))
        side = self.count if form == "zca" else 0
        self.register_buffer("whiten", torch.zeros(side, side))
        self.register_buffer("unwhiten", torch.zeros(side, side))

    @torch.no_grad()
    def fit(self, inputs: Tensor) -> None:
        """Find means, deviations and correlations of training inputs (N, …).

        Raises RockfallError if they are all the same.
        """
        if all((part == inputs[0]).all() for part in inputs.split(AT_ONCE)):
            raise RockfallError("all training examples are the same: there is nothing to learn")
        if self.form == "unit":
            return
        values = inputs[:LOOKED_AT].flatten(1).float()
        if self.form == "zca" and self.bytes:
            self.brightness[0] = values.mean()
            self.brightness[1] = values.std(1).mean()
            values = self._contrast(values)
        self.mean.copy_(values.mean(0))
        if self.form == "centred":
            self.scale.fill_(values.var(0, correction=0).mean().sqrt())
            return
        if self.form == "standard":
            deviations = values.std(0, correction=0)
            self.scale.copy_(deviations.clamp(min=LEAST_DEVIATION * deviations.mean().item()))
            return
        centred = (values - self.mean).double()
        variances, axes = torch.linalg.eigh(centred.T @ centred / len(centred))
        roots = (variances.clamp(min=0) + EPSILON).sqrt()
        self.whiten.copy_((axes / roots) @ axes.T)
        self.unwhiten.copy_((axes * roots) @ axes.T)

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs.flatten(1)
        if self.form == "unit":
            return values / 255 if self.bytes else values
        values = values.float()
        if self.form == "zca":
            centred: Tensor = self._contrast(values) - self.mean
            return centred @ self.whiten
        return (values - self.mean) / self.scale

    def back(self, visible: Tensor) -> Tensor:
        """v (N, D) → (N, …) of the source's shape and type. A patch gets the mean contrast back."""
        values = visible
        if self.form == "unit" and self.bytes:
            values = visible * 255
        elif self.form in ("centred", "standard"):
            values = visible * self.scale + self.mean
        elif self.form == "zca":
            middle, contrast = self.brightness.unbind()
            values = (visible @ self.unwhiten + self.mean) * contrast + middle
        values = values.reshape(-1, *self.shape)
        return values.round().clamp(0, 255).byte() if self.bytes else values

    def _contrast(self, values: Tensor) -> Tensor:
        """Each example to mean 0 and deviation about 1."""
        if not self.bytes:
            return values
        variance, mean = torch.var_mean(values, 1, keepdim=True)
        return (values - mean) / (variance + CONTRAST).sqrt()


def _check(info: rockfall.SourceInfo, form: Form) -> None:
    """Raise ValueError, before any training, for data that can't be learned from."""
    means, deviations = info.statistics["mean"], info.statistics["std"]
    if not all(map(_finite, (*means, *deviations))):
        raise ValueError(f"{info.name} holds values that are not finite numbers")
    if info.sizes.get("train", 2) < 2:
        raise ValueError(f"{info.name} has one training example, from which nothing is learned")
    if form == "zca" and info.dtype == "uint8" and torch.Size(info.shape).numel() < 2:
        raise ValueError(f"{info.name} has pictures of one pixel, in which nothing is correlated")
    if form == "unit" and info.dtype != "uint8":
        low, high = info.statistics.get("min", [0.0]), info.statistics.get("max", [1.0])
        if min(low) < 0 or max(high) > 1:
            raise ValueError(
                f"binary units take values from 0 to 1, and those of {info.name} reach from "
                f"{min(low):.4g} to {max(high):.4g}: visible=gaussian takes them"
            )


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
