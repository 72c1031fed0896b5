"""SimpleLSTM: an LSTM with one gate and no separate cell.

evolvingstuff 2012, github.com/evolvingstuff/SimpleLSTM. The gate f, the squashed input g and the
state h, which is all that is remembered and all that is read:

    fₜ, gₜ = σ(W [xₜ, hₜ₋₁, 1])        hₜ = fₜ ⊙ hₜ₋₁ + (1 − fₜ) ⊙ gₜ        yₜ = V [hₜ, 1]

A gate that is open keeps the state as it is; a closed one replaces it by the input. It is a GRU
without a reset gate (Zhou et al. 2016 and Ravanelli et al. 2018 came to it again).

`rule=original` learns as the original does. For each weight of a cell it keeps the derivative of
that cell's state by it, with gradients cut to the cell's own path, as if hₜ₋₁ on the right of W
depended on no weight (the rule of Hochreiter and Schmidhuber 1997; for f and for g):

    ∂hₜ/∂W_f ← fₜ ∂hₜ₋₁/∂W_f + (hₜ₋₁ − gₜ) f'ₜ [xₜ, hₜ₋₁, 1]
    ∂hₜ/∂W_g ← fₜ ∂hₜ₋₁/∂W_g + (1 − fₜ) g'ₜ [xₜ, hₜ₋₁, 1]

and steps at once at every step with a target d, one-hot, down ‖d − y‖² / 2, at a constant rate
of 0.07, from weights uniform in ±0.1. With more sequences in a batch it takes their mean.

`rule=full`, the default, is back-propagation through time of the cross-entropy, as in the other
memories here, in mini-batches, by AdamW; f's bias then begins at 1.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset
from rockfall.kit.targets import has_target
from rockfall_sequences.sequence_model import TEXT, TINY, RecurrentConfig, SequenceModel
from rockfall_sequences.stack import over_time


class SimpleLstmConfig(RecurrentConfig):
    units: int = Field(15, ge=1, le=4096, description="cells; the original has 15")
    rule: Literal["full", "original"] = Field(
        "full",
        description="learning rule: full gradients through time, or the original's, cut to each "
        "cell's own path, step by step, of one layer alone; for it take the preset `original`",
    )


class SimpleLstmLayer(nn.Module):
    """(N, T, inputs) → (N, T, units). The rows of `weight` are those of f, then those of g."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.weight = nn.Parameter(torch.empty(2 * units, inputs + units))
        self.bias = nn.Parameter(torch.zeros(2 * units))
        nn.init.uniform_(self.weight, -(units**-0.5), units**-0.5)
        nn.init.ones_(self.bias[:units])

    def forward(self, steps: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        found = self.in_steps(steps, state)
        return torch.stack([h for _, _, h in found], 1), found[-1][2]

    def holds(self, steps: Tensor) -> dict[str, Tensor]:
        return over_time(self.in_steps(steps), "gate", "input", "state")

    def in_steps(
        self, steps: Tensor, h: Tensor | None = None
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """(f, g, h) of each step, (N, units) each."""
        into, back = self.weight.split((steps.shape[-1], self.units), 1)
        sums = F.linear(steps, into, self.bias)
        if h is None:
            h = sums.new_zeros(len(steps), self.units)
        found = []
        for step in sums.unbind(1):
            f, g = torch.addmm(step, h, back.T).sigmoid().chunk(2, 1)
            h = torch.lerp(g, h, f)
            found.append((f, g, h))
        return found


class SimpleLstm(SequenceModel):
    """inputs (N, T, …) → outputs (N, T, K).

    Raises ValueError for the original rule in more than one layer, or where numbers are predicted.
    """

    Config = SimpleLstmConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": TINY,
        "text": TEXT,
        "original": {"rule": "original", "batch_size": 1, "lr": 0.07, "epochs": 250},
    }

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        if config.rule == "original":
            self.parallel = "rule=original changes weights at every step, without a backward pass"
            if config.layers > 1 or config.stateful or not self.predicts_classes:
                raise ValueError(
                    "rule=original is of one layer, not stateful, and predicts classes"
                )
            for values in (*self.memory.parameters(), *self.readout.parameters()):
                nn.init.uniform_(values, -0.1, 0.1)

    def layer(self, inputs: int, units: int) -> nn.Module:
        return SimpleLstmLayer(inputs, units)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        if self.config.rule == "full":
            return super().loss(outputs, labels)
        asked = steps_asked(labels, outputs.shape[1])
        pairs = [(outputs[rows, n], targets) for n, (rows, targets) in asked.items()]
        found, wanted = (torch.cat(each) for each in zip(*pairs, strict=True))
        return (F.one_hot(wanted, self.outputs) - found).square().sum(1).mean() / 2

    def probabilities(self, outputs: Tensor) -> Tensor:
        """By the original rule the outputs are estimates of them."""
        if self.config.rule == "full":
            return super().probabilities(outputs)
        shares = outputs.clamp(0, 1) + 1e-6
        return shares / shares.sum(-1, keepdim=True)

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        if self.config.rule == "full":
            super().fit(data, run)
            return
        for epoch in run.epochs(self.config.epochs):
            for batch in epoch.batches(data.fresh(epoch.index), self.config.batch_size):
                outputs = self.learn_online(*batch)
                loss = self.loss(outputs, batch.labels)
                run.log(**self.metrics("train", loss, outputs, batch.labels))
            run.log(**self.validation_metrics(data.validation))

    @torch.no_grad()
    def learn_online(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """One batch by the original rule; returns the outputs (N, T, K) as they came, each before
        what it led to.
        """
        layer: Any = self.memory.layers[0]
        units, lr = layer.units, self.config.lr
        steps = self.as_steps(inputs)
        asked = steps_asked(labels, steps.shape[1])
        h = steps.new_zeros(len(steps), units)
        traces = steps.new_zeros(len(steps), 2 * units, layer.weight.shape[1] + 1)
        ones = steps.new_ones(len(steps), 1)
        outputs = []
        for number, step in enumerate(steps.unbind(1)):
            seen = torch.cat((step, h, ones), 1)
            f, g = torch.addmm(layer.bias, seen[:, :-1], layer.weight.T).sigmoid().chunk(2, 1)
            slopes = torch.cat(((h - g) * f * (1 - f), (1 - f) * g * (1 - g)), 1)
            traces *= f.repeat(1, 2)[:, :, None]
            traces += slopes[:, :, None] * seen[:, None]
            h = torch.lerp(g, h, f)
            output = self.readout(h)
            outputs.append(output)
            if number in asked:
                rows, targets = asked[number]
                wrong = torch.zeros_like(output)
                wrong[rows] = F.one_hot(targets, self.outputs) - output[rows]
                wrong *= lr / len(rows)
                blame = (wrong @ self.readout.weight).repeat(1, 2)
                self.readout.weight.add_(wrong.T @ h)
                self.readout.bias.add_(wrong.sum(0))
                change = torch.einsum("nu,nui->ui", blame, traces)
                layer.weight.add_(change[:, :-1])
                layer.bias.add_(change[:, -1])
        return torch.stack(outputs, 1)


def steps_asked(labels: Tensor, steps: int) -> dict[int, tuple[Tensor, Tensor]]:
    """Number of a step with targets → which sequences have one there, and the targets."""
    if labels.ndim == 1:
        return {steps - 1: (torch.arange(len(labels), device=labels.device), labels)}
    asked = has_target(labels)
    numbers = asked.any(0).nonzero()[:, 0].tolist()
    rows = {number: asked[:, number].nonzero()[:, 0] for number in numbers}
    return {number: (found, labels[found, number]) for number, found in rows.items()}
