"""The deep belief network: restricted Boltzmann machines, one upon the other.

Hinton, Osindero and Teh 2006, "A fast learning algorithm for deep belief nets", Neural Computation
18; Bengio, Lamblin, Popovici and Larochelle 2007, "Greedy layer-wise training of deep networks".

    pre-training   for l = 1 … L: machine l learns the hidden probabilities of machine l − 1,
                   of which the first learns the pictures
    fine-tuning    x → σ(x W_1 + c_1) → … → σ(… W_L + c_L) → softmax, by back-propagation

The network begins as a copy of the machines' weights below a softmax of zeros. The machines stay
as they were, so that what was learned without labels still encodes, and makes pictures: Gibbs
sampling in the highest machine, and from there down by draws of each layer's units. Each step of
fine-tuning does without some units, drawn anew (Hinton et al. 2012, "Improving neural networks by
preventing co-adaptation of feature detectors", arXiv 1207.0580).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset, Split
from rockfall_boltzmann.energy import SWEEPS
from rockfall_boltzmann.rbm import Rbm, RbmConfig

LOOKED_AT = 1000
"""Examples that are looked at at once when nothing is learned."""


class DbnConfig(rockfall.Config):
    hidden: tuple[PositiveInt, ...] = Field(
        (256,), min_length=1, description="binary hidden units of each layer, the lowest first"
    )
    pretrain: int = Field(100, ge=1, description="passes over the data a layer, without labels")
    batch_size: int = Field(10, ge=1, description="examples an update of a layer")
    lr: float = Field(0.1, gt=0, description="first step size of a layer; falls to 0")
    k: int = Field(1, ge=1, description="Gibbs sweeps an update, of persistent chains")
    finetune: int = Field(100, ge=1, description="passes over the data with labels")
    finetune_batch_size: int = Field(50, ge=1, description="examples a step of the network")
    finetune_lr: float = Field(
        0.02, gt=0, description="Adam's first step size, large for logistic units; falls to 0"
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="share of each layer's units that a step does without"
    )


class Dbn(nn.Module):
    """Inputs (N, C, H, W) uint8. Raises ValueError for a source of fewer than two classes."""

    Config = DbnConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {
            "hidden": (500, 500),
            "pretrain": 10,
            "batch_size": 100,
            "finetune": 40,
            "finetune_batch_size": 100,
            "finetune_lr": 1e-3,  # twenty times as many steps an epoch as on digits
            "dropout": 0.3,
        },
        "tiny": {"hidden": (16, 12), "pretrain": 2, "finetune": 2},
    }
    monitor: ClassVar[str] = "accuracy"
    threads: ClassVar[int] = 1  # most of its products are too small for a second to pay
    precision: ClassVar[str] = "bf16"  # of the machines' products; the network's are float32

    def __init__(self, config: DbnConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        if len(info.classes) < 2:
            raise ValueError(f"{info.name} has fewer than two classes, so nothing to tell apart")
        self.config = config
        self.shape = info.shape
        below = (info, *map(_units, config.hidden))
        self.machines = nn.ModuleList(
            Rbm(
                RbmConfig(
                    hidden=hidden,
                    epochs=config.pretrain,
                    batch_size=config.batch_size,
                    lr=config.lr,
                    k=config.k,
                ),
                source,
            )
            for hidden, source in zip(config.hidden, below, strict=False)
        )
        widths = (self.stack[0].visible, *config.hidden, len(info.classes))
        self.network = nn.ModuleList(map(nn.Linear, widths, widths[1:]))

    @property
    def stack(self) -> list[Rbm]:
        """The machines, the lowest first."""
        return [machine for machine in self.machines if isinstance(machine, Rbm)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → logits (N, classes)."""
        return self.upward(inputs)[-1]

    def upward(self, inputs: Tensor, dropout: float = 0.0) -> list[Tensor]:
        """Inputs (N, C, H, W) → what each layer of the network gives: (N, M), then the logits.

        dropout: share of a layer's units that the one above does not see.
        """
        *layers, softmax = self.network
        values = self.stack[0].inputs(inputs)
        found = []
        for layer in layers:
            found.append(layer(values).sigmoid())
            values = F.dropout(found[-1], dropout)
        return [*found, softmax(values)]

    def hidden(self, inputs: Tensor) -> list[Tensor]:
        """Inputs (N, C, H, W) → P(h = 1) (N, M) of every machine, the lowest first."""
        values: Tensor = self.stack[0].inputs(inputs)
        return [values := machine.hidden(values) for machine in self.stack]

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        self.pretrain(data, run)
        self.finetune(data, run)

    def pretrain(self, data: Dataset, run: rockfall.Run) -> None:
        """One machine after the other."""
        first, *higher = self.stack
        first.fit(data, run, "layer_1_")
        below = first
        for number, machine in enumerate(higher, 2):
            data = _encoded(below, data)
            machine.fit(data, run, f"layer_{number}_")
            below = machine

    def finetune(self, data: Dataset, run: rockfall.Run) -> None:
        """All of the network at once."""
        config = self.config
        self.begin()
        optimizer = torch.optim.Adam(self.network.parameters(), lr=config.finetune_lr, fused=True)
        run.keep(optimizer=optimizer)
        for epoch in run.epochs(config.finetune):
            left = 1 - epoch.index / config.finetune
            optimizer.param_groups[0]["lr"] = config.finetune_lr * left
            for batch in epoch.batches(data.train, config.finetune_batch_size):
                logits = self.upward(batch.inputs, config.dropout)[-1]
                loss = F.cross_entropy(logits, batch.labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
            run.log(accuracy=self.accuracy(data.validation))

    @torch.no_grad()
    def begin(self) -> None:
        """Copy what the machines learned into the network."""
        for parameter in self.network.parameters():
            nn.init.zeros_(parameter)
        for layer, machine in zip(self.network, self.stack, strict=False):
            weight, bias = layer.parameters()
            weight.copy_(machine.weight.T)
            bias.copy_(machine.hidden_bias)

    @torch.no_grad()
    def accuracy(self, split: Split) -> Tensor:
        """Share of a split that is classified rightly."""
        predicted = torch.cat([self(part).argmax(1) for part in split.inputs.split(LOOKED_AT)])
        right: Tensor = predicted == split.labels
        return right.float().mean()

    # What it can do -------------------------------------------------------------------------

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → probabilities (N, classes)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → P(h = 1) of the highest machine (N, M), learned without labels."""
        return self.hidden(inputs)[-1]

    @torch.no_grad()
    def activity(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → P(h = 1) of all machines' units (N, ΣM)."""
        return torch.cat(self.hidden(inputs), 1)

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → up through the machines and down again by means, uint8."""
        values = self.encode(inputs)
        for machine in reversed(self.stack):
            values = machine.mean_visible(values)
        return self.stack[0].inputs.back(values)

    @torch.no_grad()
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """Chains of the highest machine from noise on: (count, C, H, W) uint8 after each sweep."""
        highest = self.stack[-1]
        v = mean = highest.noise(count)
        for _ in range(SWEEPS):
            yield self.downward(mean)
            v, mean = highest.sweep(v)
        yield self.downward(mean)

    def downward(self, mean: Tensor) -> Tensor:
        """Visible means (N, D) of the highest machine → (N, C, H, W) uint8, by draws of units."""
        for machine in reversed(self.stack[:-1]):
            mean = machine.mean_visible(mean.bernoulli())
        return self.stack[0].inputs.back(mean)

    def sample(self, count: int) -> Tensor:
        """(count, C, H, W) uint8."""
        (made,) = deque(self.sample_steps(count), maxlen=1)
        return made

    @torch.no_grad()
    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """Inputs (N, C, H, W) → what each layer of the network makes of them (N, M)."""
        *layers, logits = self.upward(inputs)
        named = {f"{number} logistic": values for number, values in enumerate(layers, 1)}
        return {**named, "probabilities": logits.softmax(1)}

    def filters(self) -> Tensor:
        """The network's first weights as pictures (M, C, H, W)."""
        return next(self.network.parameters()).detach().reshape(-1, *self.shape)


def _units(count: int) -> rockfall.SourceInfo:
    """What the machine above a layer of so many units is told of what it learns from."""
    return rockfall.SourceInfo(
        name="hidden units",
        kinds=("vectors",),
        shape=(count,),
        dtype="float32",
        low=0.0,
        high=1.0,
        statistics={"mean": [0.5], "std": [0.5]},
    )


def _encoded(machine: Rbm, data: Dataset) -> Dataset:
    """The data as the hidden probabilities of a machine."""
    splits = {
        name: Split(
            torch.cat([machine.encode(part) for part in split.inputs.split(LOOKED_AT)]),
            split.labels,
        )
        for name, split in data.splits.items()
    }
    return Dataset("hidden units", splits, kinds=("vectors",))
