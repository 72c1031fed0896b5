"""The gated recurrent unit (GRU): one gate both keeps the old state and lets the new one in.

Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
Translation". The reset and update gates r and z, the candidate n and the state h:

    rₜ, zₜ = σ(W xₜ + U hₜ₋₁ + b)        nₜ = tanh(W xₜ + b + rₜ ⊙ (U hₜ₋₁ + b'))
    hₜ = zₜ ⊙ hₜ₋₁ + (1 − zₜ) ⊙ nₜ

Departs from the paper: r acts after the matrix U, not before, as in cuDNN and torch's `nn.GRU`,
which the layer is; z's bias begins at 1, so that the state is kept at first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rockfall_sequences.sequence_model import MNIST, TEXT, TINY, SequenceModel
from rockfall_sequences.stack import over_time


class GruLayer(nn.GRU):
    """(N, T, inputs) → (N, T, units)."""

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, batch_first=True)
        with torch.no_grad():  # torch adds two biases; one is enough
            self.bias_ih_l0[units : 2 * units] = 1.0

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        """Gates and state, step by step as the equations have them."""
        sums = steps @ self.weight_ih_l0.T + self.bias_ih_l0
        h = sums.new_zeros(len(steps), self.hidden_size)
        found = []
        for step in sums.unbind(1):
            into = step.chunk(3, 1)
            back = (h @ self.weight_hh_l0.T + self.bias_hh_l0).chunk(3, 1)
            r, z = ((a + b).sigmoid() for a, b in zip(into[:2], back[:2], strict=True))
            h = torch.lerp((into[2] + r * back[2]).tanh(), h, z)
            found.append((r, z, h))
        return over_time(found, "reset gate", "update gate", "state")


class Gru(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": TINY,
        "text": TEXT,
        "sequential-mnist": MNIST,
    }

    def layer(self, inputs: int, units: int) -> nn.Module:
        return GruLayer(inputs, units)
