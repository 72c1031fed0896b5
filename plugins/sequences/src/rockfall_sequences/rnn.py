"""The simple recurrent network (RNN): its state is computed anew at each step, and forgets.

Elman 1990, "Finding Structure in Time":

    hₜ = tanh(W xₜ + U hₜ₋₁ + b)

The gradient over n steps has n factors Uᵀ diag(1 − h²), and vanishes or explodes with n (Bengio,
Simard and Frasconi 1994). Departs from the paper: the gradient goes back through the whole
sequence, where Elman's went back one step. The layer is torch's `nn.RNN`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from rockfall_sequences.sequence_model import TEXT, TINY, RecurrentConfig, SequenceModel


class RnnConfig(RecurrentConfig):
    lr: float = Field(
        3e-3, gt=0, le=1, description="peak learning rate of AdamW; lower, for gradients explode"
    )
    nonlinearity: Literal["tanh", "relu"] = Field(
        "tanh",
        description="what the sum goes through; relu begins with U the identity, which remembers "
        "until it is taught otherwise (Le, Jaitly and Hinton 2015)",
    )


class RnnLayer(nn.RNN):
    """(N, T, inputs) → (N, T, units)."""

    weight_hh_l0: nn.Parameter

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        """The state, which is all that there is."""
        return {"state": self(steps)[0]}


class Rnn(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    Config = RnnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": TINY, "text": {**TEXT, "lr": 3e-3}}

    def layer(self, inputs: int, units: int) -> nn.Module:
        nonlinearity = self.config.nonlinearity
        made = RnnLayer(inputs, units, nonlinearity=nonlinearity, batch_first=True)
        if nonlinearity == "relu":
            nn.init.eye_(made.weight_hh_l0)
        return made
