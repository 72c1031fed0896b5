"""Long short-term memory (LSTM): a cell that gates may write to, clear and read.

Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; the forget gate is that of Gers,
Schmidhuber and Cummins 2000, "Learning to Forget". The input, forget and output gates i, f and o,
the candidate g, the cell c and the state h:

    iₜ, fₜ, oₜ = σ(W xₜ + U hₜ₋₁ + b)        gₜ = tanh(W xₜ + U hₜ₋₁ + b)
    cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ                 hₜ = oₜ ⊙ tanh(cₜ)

with weights of their own each. Where f is open, the cell's gradient passes from step to step as it
is. With `peepholes` (Gers, Schraudolph and Schmidhuber 2002, "Learning Precise Timing with LSTM
Recurrent Networks") the gates see the cell too: i and f that of the step before, o the new one.

Departs from the papers: gradients are not cut at the gates, but go back through everything; the
forget gates' bias begins at 1, so that nothing is forgotten at first (Jozefowicz et al. 2015).
Without peepholes the layer is torch's `nn.LSTM`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from rockfall_sequences.sequence_model import MNIST, TEXT, TINY, RecurrentConfig, SequenceModel
from rockfall_sequences.stack import over_time


class LstmConfig(RecurrentConfig):
    peepholes: bool = Field(
        False, description="whether the gates see the cell; slower, for torch has no such layer"
    )


class LstmLayer(nn.LSTM):
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
        """Gates, cell and state, step by step as the equations have them."""
        found, _ = self.in_steps(steps)
        return over_time(found, "input gate", "forget gate", "output gate", "cell", "state")

    def in_steps(
        self, steps: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[list[tuple[Tensor, ...]], tuple[Tensor, Tensor]]:
        """(i, f, o, c, h) of each step, (N, units) each; and the state (h, c) after the last."""
        sums = steps @ self.weight_ih_l0.T + self.bias_ih_l0 + self.bias_hh_l0
        h = c = sums.new_zeros(len(steps), self.hidden_size)
        if state is not None:
            h, c = state
        see_i, see_f, see_o = self.seen()
        found: list[tuple[Tensor, ...]] = []
        for step in sums.unbind(1):
            i, f, g, o = (step + h @ self.weight_hh_l0.T).chunk(4, 1)
            i, f = (i + see_i * c).sigmoid(), (f + see_f * c).sigmoid()
            c = f * c + i * g.tanh()
            o = (o + see_o * c).sigmoid()
            h = o * c.tanh()
            found.append((i, f, o, c, h))
        return found, (h, c)

    def seen(self) -> Tensor:
        """(3, units), the weights by which i, f and o see the cell: none."""
        return self.weight_hh_l0.new_zeros(3, 1)


class PeepholeLayer(LstmLayer):
    """The same whose gates see the cell."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.peepholes = nn.Parameter(torch.zeros(3, units))

    def seen(self) -> Tensor:
        return self.peepholes

    def forward(  # type: ignore[override]
        self, steps: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        found, state = self.in_steps(steps, state)
        return torch.stack([h for *_, h in found], 1), state


class Lstm(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K)."""

    Config = LstmConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": TINY,
        "text": TEXT,
        "sequential-mnist": MNIST,
    }

    def layer(self, inputs: int, units: int) -> nn.Module:
        kind = PeepholeLayer if self.config.peepholes else LstmLayer
        return kind(inputs, units)
