"""The base class of every machine here: training, and what an energy function makes possible.

A Boltzmann machine gives every visible vector v a free energy F, and p(v) = exp(−F(v)) / Z. The
partition function Z is intractable, so there is no loss to differentiate: a learner lowers the free
energy of the data and raises it at samples of the machine's own Markov chains, which estimates the
gradient (Hinton 2002; Tieleman 2008)

    ∂ log p(v) / ∂θ = −∂F(v)/∂θ + E_{v ~ p}[∂F(v)/∂θ]
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall import Dataset, Diverged, fork_rng
from rockfall.kit.tracing import Layer
from rockfall_boltzmann.preprocessing import Method, Preprocessor

MAX_NUMBERS = 500_000_000
"""Most weights, and most units of a batch: with velocities and two copies, weights take 8 GB."""
BLOCK_NUMBERS = 50_000
"""Numbers that a learner is given at once: some 80 updates on digits, one on MNIST.

With the noise that belongs to them, much more would not stay in the processor's caches.
"""
GPU_UPDATES, GPU_NUMBERS = 64, 50_000_000
"""Updates of a block, at least, on another device, which waits for its kernels to be launched; and
the numbers beyond which it has fewer.
"""
METRICS_EXAMPLES = 1000
"""Most examples that the logged metrics are computed from; never more than a tenth of all."""
METRICS_EVERY = 1000
"""Updates between two loggings of metrics, rounded up to whole epochs, so that they cost little."""
CHECK_EVERY = 64
"""Updates between two looks at the norms of the weights, which on MNIST take as long as a tenth of
an update."""
INIT_EXAMPLES = 10_000
"""Training examples that parameters are initialised from."""
MAX_NORM = 1e6
"""Norm of a parameter from which on training counts as diverged: long before, units saturate."""
SAMPLING_SWEEPS, LEARNING_SWEEPS = 1000, 30
"""Gibbs sweeps from an initial state to a sample, and fewer to one that is drawn while the machine
learns: on MNIST a thousand take as long as three epochs.
"""


class EnergyConfig(rockfall.Config):
    hidden: int = Field(256, ge=1, description="number of binary hidden units, M")
    epochs: int = Field(30, ge=1, description="passes over the training split")
    batch_size: int = Field(
        10, ge=1, description="mini-batch size, in examples; there are as many Markov chains"
    )
    lr: float = Field(0.05, gt=0, description="initial learning rate")
    schedule: Literal["constant", "linear"] = Field(
        "linear",
        description="learning-rate schedule; linear falls to 0, so that the noise of the last "
        "updates averages out",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="weight decay coefficient, for weights alone; decoupled"
    )


VISIBLE, HIDDEN = "visible units", "hidden units"
"""The names of these layers."""


class Learner(Protocol):
    """Updates a machine's parameters in place; its state is kept in the checkpoint."""

    def partial_fit(self, v: Tensor, lr: float, /) -> None:
        """One update for every `batch_size` rows of v (N, D); the last has the rest."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> None: ...


class EnergyModel(nn.Module):
    """The base class of every machine; a subclass supplies the energy function.

    Logged about every thousand updates: what `validation_metrics` returns.

    Raises ValueError for data that can't be trained on, and for more weights, or units of a batch,
    than fit into a memory.
    """

    Config: ClassVar[type[EnergyConfig]] = EnergyConfig
    parallel: ClassVar[str] = (
        "its updates follow samples of its own Markov chains, many in one call, without a backward "
        "pass at whose end gradients are averaged"
    )

    def __init__(self, config: Any, info: rockfall.SourceInfo, preprocessing: Method) -> None:
        super().__init__()
        self.config = config
        self.shape = info.shape
        self.num_visible = torch.Size(info.shape).numel()
        if (weights := self.num_weights()) > MAX_NUMBERS:
            raise ValueError(
                f"{weights:,} weights are more than {MAX_NUMBERS:,}: take fewer hidden units, or "
                "smaller pictures by source.size"
            )
        if (units := config.batch_size * (self.num_visible + config.hidden)) > MAX_NUMBERS:
            raise ValueError(
                f"{units:,} units of a mini-batch are more than {MAX_NUMBERS:,}: take a smaller "
                "batch_size"
            )
        self.inputs = Preprocessor(info, preprocessing)
        self.chains: Tensor
        self.register_buffer("chains", torch.zeros(config.batch_size, self.num_visible))
        self.sampling_sweeps = SAMPLING_SWEEPS

    # What a subclass supplies ---------------------------------------------------------------

    def num_weights(self) -> int:
        """The number of learned parameters, but for biases."""
        return self.num_visible * int(self.config.hidden)

    @property
    def initial_lr(self) -> float:
        """Learning rate of the first epoch."""
        return float(self.config.lr)

    def init_from_data(self, v: Tensor) -> None:
        """Initialise parameters and chains from training examples v (N, D)."""

    def learner(self, run: rockfall.Run) -> Learner:
        """What updates the parameters."""
        raise NotImplementedError

    def free_energy(self, v: Tensor) -> Tensor:
        """v (N, D) → F (N,), up to a constant: −log p(v) − log Z."""
        raise NotImplementedError

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        """v (N, D) → P(h = 1 | v) (N, M)."""
        raise NotImplementedError

    def features(self, v: Tensor) -> Tensor:
        """v (N, D) → the representation that `encode` returns (N, F)."""
        return self.hidden_probabilities(v)

    def initial_visible(self, count: int) -> Tensor:
        """Random initial states of Markov chains (count, D)."""
        return torch.randn(count, self.num_visible, device=self.chains.device)

    def gibbs_step(self, v: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """One sweep of block Gibbs sampling: v (N, D) → the next v, and its conditional mean.

        temperature: T of exp(−E / T), where E is the energy of visible and hidden units.
        """
        raise NotImplementedError

    def mean_field(self, v: Tensor) -> Tensor:
        """v (N, D) → its reconstruction (N, D): up and down again by conditional means."""
        raise NotImplementedError

    def filters(self) -> Tensor:
        """Each hidden unit's weights in the shape of an input (F, …)."""
        raise NotImplementedError

    def hidden_layers(self, v: Tensor) -> list[Layer]:
        """v (N, D) → the layers after `VISIBLE`, up to `HIDDEN`."""
        raise NotImplementedError

    def reconstruction_layer(self, v: Tensor, shape: torch.Size) -> Layer:
        """v (N, D) → its reconstruction in the shape of the inputs."""
        return Layer("reconstruction", "mean field", self.mean_field(v).view(shape), (HIDDEN,))

    def validation_metrics(self, v: Tensor, train_v: Tensor) -> dict[str, Tensor]:
        """Metrics of validation and training examples, (N, D) each.

        `free_energy_gap` is the mean free energy of the former less that of the latter; it grows
        when the machine overfits (Hinton 2012, section 6).
        """
        return {
            "free_energy_gap": self.free_energy(v).mean() - self.free_energy(train_v).mean(),
            "reconstruction_error": (self.mean_field(v) - v).square().mean(),
            "activity": self.hidden_probabilities(v).mean(),
        }

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run, name: str = "") -> None:
        """Train on the training split, without labels.

        name: prefix of kept and logged names, where a run trains several machines. Raises Diverged.
        """
        config = self.config
        with torch.no_grad(), learning(self):
            self.inputs.fit(data.train.inputs)
            self.init_from_data(self.inputs(data.train.evenly_spaced(INIT_EXAMPLES).inputs))
            learner = self.learner(run)
            run.keep(**{f"{name}learner": learner})
            count = min(METRICS_EXAMPLES, -(-len(data.train) // 10))
            every = -(-METRICS_EVERY * config.batch_size // len(data.train))
            # To read a number of a GPU's is to wait for it.
            check_every = CHECK_EVERY if run.device.type == "cpu" else len(data.train)
            warned = ""
            for epoch in run.epochs(config.epochs):
                lr = self.initial_lr
                if config.schedule == "linear":
                    lr *= 1 - epoch.index / config.epochs
                last_good = {key: value.clone() for key, value in self.state_dict().items()}
                checked = run.step
                for block in epoch.blocks(data.train, config.batch_size, self.updates_per_block()):
                    learner.partial_fit(self.inputs(block.inputs), lr)
                    if run.step >= checked + check_every:
                        self.check_divergence(last_good, run)
                        checked = run.step
                self.check_divergence(last_good, run)
                if not warned and (warned := self.warning()):
                    run.warn(warned)
                due = (epoch.index + 1) % every == 0
                if not due and epoch.index + 1 < config.epochs:
                    continue
                v, train_v = (self.inputs(s.inputs[:count]) for s in (data.validation, data.train))
                # Of a last epoch alone they draw nothing that one more epoch would miss.
                with contextlib.nullcontext() if due else fork_rng():
                    metrics = self.validation_metrics(v, train_v)
                run.log(**{name + key: value for key, value in metrics.items()})

    def updates_per_block(self) -> int:
        """How many updates the learner makes of one block of data."""
        numbers = int(self.config.batch_size) * self.num_visible
        least = 1 if self.chains.device.type == "cpu" else min(GPU_UPDATES, GPU_NUMBERS // numbers)
        return max(1, least, BLOCK_NUMBERS // numbers)

    def warning(self) -> str:
        """What the user should know of the training so far, looked for after every epoch until
        there is something.
        """
        return ""

    def check_divergence(self, last_good: dict[str, Tensor], run: rockfall.Run) -> None:
        """If weights grew without bound, save the machine as it was before the epoch, chains
        included, and raise Diverged.
        """
        norms = torch.stack([torch.linalg.vector_norm(p) for p in self.parameters()])
        if (norms < MAX_NORM).all():  # a NaN is not, either
            return
        self.load_state_dict(last_good)
        run.save("last")
        raise Diverged(
            f"training diverged: the weights grew without bound after step {run.step}; those from "
            f"before that epoch are saved (`rockfall show {run.address}`): a smaller lr "
            "often helps"
        )

    # Inference ------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → features (N, F)."""
        return self.features(self.inputs(inputs))

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → mean-field reconstructions of the same shape and dtype."""
        return self.inputs.inverse(self.mean_field(self.inputs(inputs)))

    @torch.no_grad()
    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → −F (N,): the log-likelihood up to a constant."""
        return -self.free_energy(self.inputs(inputs))

    @torch.no_grad()
    def chain_means(self, count: int) -> Iterator[Tensor]:
        """Conditional means (count, D) of the visible units of new Markov chains, at their initial
        state and after each sweep.
        """
        v = mean = self.initial_visible(count)
        for _ in range(self.sampling_sweeps):
            yield mean
            v, mean = self.gibbs_step(v)
        yield mean

    @torch.no_grad()
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """`chain_means` as inputs: (count, …) of the source's shape and dtype."""
        for mean in self.chain_means(count):
            yield self.inputs.inverse(mean)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and dtype, after the last sweep."""
        return last(self.sample_steps(count))

    @torch.no_grad()
    def resample(
        self, inputs: Tensor, clamped: Tensor, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        """Conditional means (N, …) after each sweep of Markov chains that begin at the inputs, of
        the source's shape and dtype; without end. clamped: (N, …) bool, what keeps its value.
        """
        given = v = self.inputs(inputs)
        held = clamped.flatten(1)
        while True:
            v, mean = self.gibbs_step(v, temperature)
            v = self.inputs.held(v, given, held)
            yield inputs.where(clamped, self.inputs.inverse(mean))

    @torch.no_grad()
    def activity(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → P(h = 1 | v) (N, M)."""
        return self.hidden_probabilities(self.inputs(inputs))

    @torch.no_grad()
    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers: visible units v, hidden ones by P(h = 1 | v), and the
        mean-field reconstruction of v.
        """
        v = self.inputs(inputs)
        return [
            Layer("input", "input", inputs),
            Layer(VISIBLE, "scale", v.view(inputs.shape), ("input",)),
            *self.hidden_layers(v),
            self.reconstruction_layer(v, inputs.shape),
        ]

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """Inputs (N, …) → P(h = 1 | v) (N, M), by the name of the layer."""
        return {HIDDEN: self.activity(inputs)}


@contextlib.contextmanager
def learning(*machines: EnergyModel) -> Iterator[None]:
    """Inside, samples of these machines take fewer sweeps."""
    before = [machine.sampling_sweeps for machine in machines]
    for machine in machines:
        machine.sampling_sweeps = LEARNING_SWEEPS
    try:
        yield
    finally:
        for machine, sweeps in zip(machines, before, strict=True):
            machine.sampling_sweeps = sweeps


def last(steps: Iterable[Tensor]) -> Tensor:
    """The last of many tensors, none of which is kept."""
    (final,) = deque(steps, maxlen=1)
    return final
