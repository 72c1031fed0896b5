"""Logistic noise in bulk: a binary unit is on where its pre-activation exceeds a draw of it.

For u uniform in (0, 1), σ(a) > u just where a > logit(u), so that no sigmoid need be computed to
draw a unit. u is one of the 65,536 fractions of sixteen bits (four from every random word), whose
logits are looked up: a third of the time that uniform numbers and their logits would take. The
probability of a unit is thereby right to 1.5e-5.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRACTIONS = 2**16


class LogisticNoise:
    """Draws from torch's global generator of its device."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        fractions = (torch.arange(FRACTIONS, dtype=torch.float64) + 0.5) / FRACTIONS
        self._logits = fractions.logit().to(device, dtype)

    def draw(self, *shape: int) -> Tensor:
        """Independent logistic numbers."""
        count = torch.Size(shape).numel()
        words = torch.empty(-(-count // 4), dtype=torch.int64, device=self._logits.device)
        words.random_(-(2**63), None)
        sixteen = words.view(torch.int16)[:count].int().add_(FRACTIONS // 2)
        return self._logits.index_select(0, sixteen).view(shape)
