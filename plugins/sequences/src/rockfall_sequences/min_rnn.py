"""minGRU and minLSTM: gates that see the input alone, so that all steps can be computed at once.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs All We Needed?", arXiv:2410.01201.
minGRU, with the update gate z and the candidate h̃:

    zₜ = σ(W xₜ + b)        h̃ₜ = g(W xₜ + b)        hₜ = (1 − zₜ) ⊙ hₜ₋₁ + zₜ ⊙ h̃ₜ

minLSTM, with gates f and i that are made to share 1 between them:

    fₜ, iₜ = σ(W xₜ + b)    f'ₜ = fₜ / (fₜ + iₜ)    i'ₜ = iₜ / (fₜ + iₜ)
    hₜ = f'ₜ ⊙ hₜ₋₁ + i'ₜ ⊙ h̃ₜ

with weights of their own each, and g(x) = x + ½ from 0 up, σ(x) below, which is positive. As no
gate sees h, a single layer can't decide by what it remembers what to keep; a second one can.

Departs from the paper: the recurrence is computed in blocks (`scan.py`), not in logarithms, and h
begins at 0; the bias of z begins at −1, and that of f at 1, so that the state is kept at first;
there is neither convolution, MLP nor norm around a layer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from rockfall_sequences.scan import scan
from rockfall_sequences.sequence_model import TEXT, TINY, RecurrentConfig, SequenceModel


class MinGruLayer(nn.Module):
    """(N, T, inputs) → (N, T, units)."""

    gates: ClassVar[tuple[str, ...]] = ("update gate",)

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, (len(self.gates) + 1) * units)
        self.begin()

    @torch.no_grad()
    def begin(self) -> None:
        """The biases of the gates at first."""
        self.linear.bias[: self.linear.out_features // 2] = -1.0

    def forward(self, steps: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        keep, write, candidate, _ = self.parts(steps)
        h = scan(keep, write * candidate, state)
        return h, h[:, -1]

    def parts(self, steps: Tensor) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """How much is kept of the state and taken of the candidate, that, and the gates."""
        update, candidate = self.linear(steps).chunk(2, -1)
        z = update.sigmoid()
        return 1 - z, z, positive(candidate), (z,)

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        *_, gates = self.parts(steps)
        return {**dict(zip(self.gates, gates, strict=True)), "state": self(steps)[0]}


class MinLstmLayer(MinGruLayer):
    """(N, T, inputs) → (N, T, units)."""

    gates: ClassVar[tuple[str, ...]] = ("forget gate", "input gate")

    @torch.no_grad()
    def begin(self) -> None:
        self.linear.bias[: self.linear.out_features // 3] = 1.0

    def parts(self, steps: Tensor) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        forget, into, candidate = self.linear(steps).chunk(3, -1)
        f, i = forget.sigmoid(), into.sigmoid()
        keep = f / (f + i)
        return keep, 1 - keep, positive(candidate), (keep, 1 - keep)


def positive(values: Tensor) -> Tensor:
    """g: x + ½ from 0 up, σ(x) below: continuous, rising, and positive."""
    above = values.relu()
    return above + (values - above).sigmoid()  # five times as fast as by `torch.where`


class MinRnnConfig(RecurrentConfig):
    layers: int = Field(
        2, ge=1, le=64, description="layers; a second one, for the gates of one see the input alone"
    )


class MinGru(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    Config = MinRnnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": TINY, "text": TEXT}

    def layer(self, inputs: int, units: int) -> nn.Module:
        return MinGruLayer(inputs, units)


class MinLstm(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    Config = MinRnnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": TINY, "text": TEXT}

    def layer(self, inputs: int, units: int) -> nn.Module:
        return MinLstmLayer(inputs, units)
