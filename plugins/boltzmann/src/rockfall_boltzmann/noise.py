"""Random numbers in bulk, from sixteen random bits each.

A binary unit is on where its pre-activation exceeds logistic noise: for u uniform in (0, 1),
σ(a) > u just where a > logit(u), so that no sigmoid need be computed to draw a unit. u is one of
the 65,536 fractions of sixteen bits, four from every random word, and its logit is looked up: half
the time that uniform numbers alone would take. The probability of a unit is right to 1.5e-5.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRACTIONS = 2**16


class Noise:
    """Draws by 65,536 quantiles, from torch's global generator of their device."""

    def __init__(self, quantiles: Tensor) -> None:
        self._quantiles = quantiles

    def draw(self, *shape: int) -> Tensor:
        """Independent numbers."""
        return self.fill(self._quantiles.new_empty(shape))

    def fill(self, out: Tensor) -> Tensor:
        """Independent numbers in place of those in a contiguous tensor."""
        count = out.numel()
        words = torch.empty(-(-count // 4), dtype=torch.int64, device=out.device)
        words.random_(-(2**63), None)
        sixteen = words.view(torch.int16)[:count].int().add_(FRACTIONS // 2)
        torch.index_select(self._quantiles, 0, sixteen, out=out.view(-1))
        return out


class UniformNoise(Noise):
    """Uniform in (0, 1)."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(_fractions().to(device, dtype))


class LogisticNoise(Noise):
    """Logits of uniform numbers: of mean 0 and variance π² / 3."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(_fractions().logit().to(device, dtype))


def _fractions() -> Tensor:
    """u of every pattern of sixteen bits."""
    return (torch.arange(FRACTIONS, dtype=torch.float64) + 0.5) / FRACTIONS
