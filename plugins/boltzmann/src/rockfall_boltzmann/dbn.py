"""The deep belief network (DBN): a stack of restricted Boltzmann machines, trained greedily.

Hinton, Osindero and Teh 2006, "A fast learning algorithm for deep belief nets", Neural Computation
18; Bengio, Lamblin, Popovici and Larochelle 2007, "Greedy layer-wise training of deep networks".

    pre-training   for l = 1 … L: machine l learns the hidden probabilities of machine l − 1,
                   of which the first learns the pictures
    fine-tuning    x → σ(x W_1 + c_1) → … → σ(… W_L + c_L) → softmax, by back-propagation

The network starts as a copy of the machines' weights below a softmax layer of zeros. The machines
themselves stay as pre-trained: they encode, and generate by Gibbs sampling in the top machine and
ancestral sampling from there down.

Departures from the papers:
- Fine-tuning is of a classifier by back-propagation, as in Bengio et al., not of the generative
  model by the wake–sleep (up–down) algorithm of Hinton et al.; the top machine has no labels.
- The machines are trained by PCD, not by CD-1, on samples of the probabilities below, and no
  machine starts with the transposed weights of the one below.
- Adam fine-tunes, with dropout of hidden units (Hinton et al. 2012, "Improving neural networks by
  preventing co-adaptation of feature detectors", arXiv 1207.0580).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset, Split
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import set_lr
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_boltzmann.energy import EnergyModel, last, learning
from rockfall_boltzmann.rbm import Rbm, RbmConfig

EVAL_BATCH_SIZE = 1000
"""Examples in a batch of a forward pass without gradients."""


class DbnConfig(rockfall.Config):
    hidden: tuple[PositiveInt, ...] = Field(
        (256,),
        min_length=1,
        description="number of binary hidden units of each layer, bottom first",
    )
    pretrain_epochs: int = Field(
        100, ge=1, description="passes over the training split to pre-train a layer, without labels"
    )
    batch_size: int = Field(10, ge=1, description="mini-batch size in pre-training, in examples")
    lr: float = Field(
        0.1, gt=0, description="initial learning rate in pre-training a layer; falls linearly to 0"
    )
    k: int = Field(1, ge=1, description="Gibbs sweeps an update in pre-training: the k of PCD-k")
    finetune_epochs: int = Field(
        100, ge=1, description="passes over the training split to fine-tune with labels"
    )
    finetune_batch_size: int = Field(
        50, ge=1, description="mini-batch size in fine-tuning, in examples"
    )
    finetune_lr: float = Field(
        0.02,
        gt=0,
        description="initial learning rate of Adam in fine-tuning; high, for the gradients of "
        "logistic units are small; falls linearly to 0",
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout probability of each hidden unit in fine-tuning"
    )


class Dbn(nn.Module):
    """Inputs (N, C, H, W) uint8.

    machines: the pre-trained RBMs, bottom first. network: the fine-tuned linear layers, each but
    the last followed by a sigmoid.

    Logged: of every machine, with the prefix `layer_1_` and so on, what an RBM logs; at each step
    of fine-tuning `train loss`, of the batch and with dropout; after each of its epochs
    `validation loss`, cross-entropy, and `validation accuracy`.

    Raises ValueError for a source of fewer than two classes, and as `Rbm` does.
    """

    Config = DbnConfig
    parallel: ClassVar[str] = EnergyModel.parallel
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {
            "hidden": (500, 500),
            "pretrain_epochs": 10,
            "batch_size": 100,
            "finetune_epochs": 40,
            "finetune_batch_size": 100,
            "finetune_lr": 1e-3,  # twenty times as many steps an epoch as on digits
            "dropout": 0.3,
        },
        "tiny": {"hidden": (16, 12), "pretrain_epochs": 2, "finetune_epochs": 2},
    }
    monitor: ClassVar[str] = "validation accuracy"
    precision: ClassVar[str] = "bf16"  # of the machines' products; the network's are float32

    def __init__(self, config: DbnConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        if len(info.classes) < 2:
            raise ValueError(f"{info.name} has fewer than two classes: nothing to classify")
        self.config = config
        self.shape = info.shape
        sources = (info, *map(_layer_info, config.hidden))
        self.machines = nn.ModuleList(
            Rbm(
                RbmConfig(
                    hidden=hidden,
                    epochs=config.pretrain_epochs,
                    batch_size=config.batch_size,
                    lr=config.lr,
                    k=config.k,
                ),
                source,
            )
            for hidden, source in zip(config.hidden, sources, strict=False)
        )
        widths = (self.stack[0].num_visible, *config.hidden, len(info.classes))
        self.network = nn.ModuleList(map(nn.Linear, widths, widths[1:]))

    @property
    def stack(self) -> list[Rbm]:
        """The machines, bottom first."""
        return [machine for machine in self.machines if isinstance(machine, Rbm)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → logits (N, classes)."""
        return self.forward_layers(inputs)[-1]

    def forward_layers(self, inputs: Tensor, dropout: float = 0.0) -> list[Tensor]:
        """Inputs (N, C, H, W) → activations (N, M) of every layer of the network, then the logits.

        dropout: probability that the next layer sees 0 for a hidden unit.
        """
        *layers, softmax = self.network
        values = self.stack[0].inputs(inputs)
        activations = []
        for layer in layers:
            activations.append(layer(values).sigmoid())
            values = F.dropout(activations[-1], dropout)
        return [*activations, softmax(values)]

    def hidden_probabilities(self, inputs: Tensor) -> list[Tensor]:
        """Inputs (N, C, H, W) → P(h = 1) (N, M) of every machine, bottom first."""
        values: Tensor = self.stack[0].inputs(inputs)
        return [values := machine.hidden_probabilities(values) for machine in self.stack]

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        with learning(*self.stack):
            self.pretrain(data, run)
            self.finetune(data, run)

    def pretrain(self, data: Dataset, run: rockfall.Run) -> None:
        """One machine after the other, each on the hidden probabilities of the one below."""
        bottom, *higher = self.stack
        bottom.fit(data, run, "layer_1_")
        below = bottom
        for number, machine in enumerate(higher, 2):
            data = _encode_dataset(below, data)
            machine.fit(data, run, f"layer_{number}_")
            below = machine

    def finetune(self, data: Dataset, run: rockfall.Run) -> None:
        """The whole network, with labels."""
        config = self.config
        self.init_network()
        optimizer = Adam(self.network.parameters(), lr=config.finetune_lr, fused=True)
        run.keep(optimizer=optimizer)

        def step(inputs: Tensor, labels: Tensor) -> Tensor:
            logits = self.forward_layers(inputs, config.dropout)[-1]
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.finetune_epochs):
            decay = 1 - epoch.index / config.finetune_epochs
            set_lr(optimizer, config.finetune_lr * decay)
            for batch in epoch.batches(data.train, config.finetune_batch_size):
                run.log(**{"train loss": captured_step(*batch)})
            run.log(**self.validation_metrics(data.validation))

    @torch.no_grad()
    def init_network(self) -> None:
        """Copy the machines' weights and hidden biases into the network; its last layer is 0."""
        for parameter in self.network.parameters():
            nn.init.zeros_(parameter)
        for layer, machine in zip(self.network, self.stack, strict=False):
            weight, bias = layer.parameters()
            weight.copy_(machine.weight.T)
            bias.copy_(machine.hidden_bias)

    @torch.no_grad()
    def validation_metrics(self, split: Split) -> dict[str, Tensor]:
        """Mean cross-entropy in nats, and share of examples classified correctly."""
        logits = torch.cat([self(part) for part in split.inputs.split(EVAL_BATCH_SIZE)])
        correct: Tensor = logits.argmax(1) == split.labels
        return {
            "validation loss": F.cross_entropy(logits, split.labels),
            "validation accuracy": correct.float().mean(),
        }

    # Inference ------------------------------------------------------------------------------

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → probabilities (N, classes)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → P(h = 1) of the top machine (N, M), learned without labels."""
        return self.hidden_probabilities(inputs)[-1]

    @torch.no_grad()
    def activity(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → P(h = 1) of all machines' hidden units (N, ΣM)."""
        return torch.cat(self.hidden_probabilities(inputs), 1)

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, C, H, W) → uint8 of the same shape: up through the machines and down again by
        conditional means.
        """
        values = self.encode(inputs)
        for machine in reversed(self.stack):
            values = machine.visible_mean(values)
        return self.stack[0].inputs.inverse(values)

    @torch.no_grad()
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """(count, C, H, W) uint8 of the top machine's chains, at first and after each sweep."""
        for mean in self.stack[-1].chain_means(count):
            yield self.sample_downward(mean)

    def sample_downward(self, mean: Tensor) -> Tensor:
        """Ancestral sampling: the top machine's visible means (N, D) → (N, C, H, W) uint8."""
        for machine in reversed(self.stack[:-1]):
            mean = machine.visible_mean(mean.bernoulli())
        return self.stack[0].inputs.inverse(mean)

    def sample(self, count: int) -> Tensor:
        """(count, C, H, W) uint8, after the last sweep."""
        return last(self.sample_steps(count))

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, C, H, W) → the layers of the network, fine-tuned as a classifier, up to the
        probabilities (N, classes).
        """
        return trace_layers(self, inputs, self.classify)

    @torch.no_grad()
    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """Inputs (N, C, H, W) → activations (N, M) of the network, by the name of the layer."""
        *activations, logits = self.forward_layers(inputs)
        named = {f"{number} logistic": values for number, values in enumerate(activations, 1)}
        return {**named, "probabilities": logits.softmax(1)}

    def filters(self) -> Tensor:
        """The weights of the network's first layer as pictures (M, C, H, W)."""
        return next(self.network.parameters()).detach().reshape(-1, *self.shape)


def _layer_info(units: int) -> rockfall.SourceInfo:
    """The description of a layer's hidden probabilities as a source, for the machine above."""
    return rockfall.SourceInfo(
        name="hidden units",
        kinds=("vectors",),
        shape=(units,),
        dtype="float32",
        low=0.0,
        high=1.0,
        statistics={"mean": [0.5], "std": [0.5]},
    )


def _encode_dataset(machine: Rbm, data: Dataset) -> Dataset:
    """A dataset of the machine's hidden probabilities, in the same splits."""
    splits = {
        name: Split(
            torch.cat([machine.encode(part) for part in split.inputs.split(EVAL_BATCH_SIZE)]),
            split.labels,
        )
        for name, split in data.splits.items()
    }
    return Dataset("hidden units", splits, kinds=("vectors",))
