"""What all machines here share: how they are fitted, and what an energy makes possible.

A machine gives every visible vector v an energy, p(v) ∝ exp(−F(v)). No loss is minimised: a
learner lowers the free energy F of the data and raises it where the machine's own Markov chains
are, (Hinton 2002; Tieleman 2008),

    ∂ log p(v) / ∂θ = −∂F(v)/∂θ + E_model[∂F/∂θ]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall import Dataset, Diverged
from rockfall_boltzmann.inputs import Form, Inputs

MOST_WEIGHTS = 500_000_000
"""With their velocities and two copies more they take 8 GB; no batch's units are more, either."""
AT_ONCE = 50_000
"""Numbers that a learner is given at once: some 80 updates on digits, one on MNIST.

With the noise that belongs to them, much more would not stay in the processor's caches.
"""
WATCHED = 1000
"""Most examples that the logged figures are taken from; never more than a tenth of all."""
WATCH_EVERY = 1000
"""Updates between two such figures, in whole epochs, so that they cost little."""
BEGUN_WITH = 10_000
"""Training examples that a machine is prepared with."""
HUGE = 1e6
"""A norm of parameters that no data asks for: long before, every unit is certain."""
SWEEPS = 1000
"""Gibbs sweeps from noise to a sample."""


class EnergyConfig(rockfall.Config):
    hidden: int = Field(256, ge=1, description="binary hidden units")
    epochs: int = Field(30, ge=1, description="passes over the data")
    batch_size: int = Field(10, ge=1, description="examples an update, and Markov chains beside")
    lr: float = Field(0.05, gt=0, description="step size of the first epochs")
    schedule: Literal["constant", "linear"] = Field(
        "linear", description="linear: lr falls to 0, so that the last updates average the noise"
    )
    weight_decay: float = Field(0.0, ge=0, description="pull on the weights towards 0")


class Learner(Protocol):
    """Changes a machine's parameters in place; what it remembers beside them is kept."""

    def learn(self, v: Tensor, lr: float, /) -> None:
        """One update for every `batch_size` rows of v (N, D); the last has the rest."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> None: ...


class EnergyModel(nn.Module):
    """The base of every machine; a subclass supplies the energy.

    Raises ValueError for data that it can't learn from, and for more weights, or units of a batch,
    than fit a memory.
    """

    Config: ClassVar[type[EnergyConfig]] = EnergyConfig
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay

    def __init__(self, config: Any, info: rockfall.SourceInfo, form: Form) -> None:
        super().__init__()
        self.config = config
        self.shape = info.shape
        self.visible = torch.Size(info.shape).numel()
        if (weights := self.weights()) > MOST_WEIGHTS:
            raise ValueError(
                f"{weights:,} weights are more than {MOST_WEIGHTS:,}: take fewer hidden units, or "
                "smaller pictures by source.size"
            )
        if (units := config.batch_size * (self.visible + config.hidden)) > MOST_WEIGHTS:
            raise ValueError(
                f"{units:,} units of a batch's examples are more than {MOST_WEIGHTS:,}: take a "
                "smaller batch_size"
            )
        self.inputs = Inputs(info, form)
        self.chains: Tensor
        self.register_buffer("chains", torch.zeros(config.batch_size, self.visible))

    # What a subclass supplies ---------------------------------------------------------------

    def weights(self) -> int:
        """How many numbers it learns, about."""
        return self.visible * int(self.config.hidden)

    @property
    def lr(self) -> float:
        """Step size of the first epoch."""
        return float(self.config.lr)

    def begin(self, v: Tensor) -> None:
        """Before the first update: what follows from the training data (N, D)."""

    def learner(self, run: rockfall.Run) -> Learner:
        raise NotImplementedError

    def free_energy(self, v: Tensor) -> Tensor:
        """v (N, D) → F (N,), up to a constant: −log p(v) − log Z."""
        raise NotImplementedError

    def hidden(self, v: Tensor) -> Tensor:
        """v (N, D) → P(h = 1 | v) (N, M)."""
        raise NotImplementedError

    def features(self, v: Tensor) -> Tensor:
        """v (N, D) → what `encode` gives (N, F)."""
        return self.hidden(v)

    def noise(self, count: int) -> Tensor:
        """Where chains begin that know nothing: (count, D)."""
        return torch.randn(count, self.visible, device=self.chains.device)

    def sweep(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """v (N, D) → one sweep of block Gibbs on, and the mean that it was drawn about."""
        raise NotImplementedError

    def mean_field(self, v: Tensor) -> Tensor:
        """v (N, D) → up and down again by means, without noise (N, D)."""
        raise NotImplementedError

    def filters(self) -> Tensor:
        """The weights in the inputs' shape (F, …)."""
        raise NotImplementedError

    def watch(self, v: Tensor, trained: Tensor) -> dict[str, Tensor]:
        """What is logged of validation and training examples, (N, D) each, after every epoch.

        The gap of free energies grows when the data is learned by heart (Hinton 2010, section 6).
        """
        return {
            "free_energy_gap": self.free_energy(v).mean() - self.free_energy(trained).mean(),
            "reconstruction_error": (self.mean_field(v) - v).square().mean(),
            "activity": self.hidden(v).mean(),
        }

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run, name: str = "") -> None:
        """name: before those of what is kept and logged, where several machines learn in a run."""
        config = self.config
        with torch.no_grad():
            self.inputs.fit(data.train.inputs)
            self.begin(self.inputs(data.train.evenly_spaced(BEGUN_WITH).inputs))
            learner = self.learner(run)
            run.keep(**{f"{name}learner": learner})
            watched = min(WATCHED, -(-len(data.train) // 10))
            every = -(-WATCH_EVERY * config.batch_size // len(data.train))
            for epoch in run.epochs(config.epochs):
                lr = self.lr
                if config.schedule == "linear":
                    lr *= 1 - epoch.index / config.epochs
                good = {key: value.clone() for key, value in self.state_dict().items()}
                for block in epoch.blocks(data.train, config.batch_size, self.updates()):
                    learner.learn(self.inputs(block.inputs), lr)
                    norms = (torch.linalg.vector_norm(p) for p in self.parameters())
                    if not all(norm < HUGE for norm in norms):  # nor is NaN
                        self.give_up(good, run)
                if (epoch.index + 1) % every and epoch.index + 1 < config.epochs:
                    continue
                shown = [self.inputs(s.inputs[:watched]) for s in (data.validation, data.train)]
                run.log(**{name + key: value for key, value in self.watch(*shown).items()})

    def updates(self) -> int:
        """How many a block has."""
        return max(1, AT_ONCE // (int(self.config.batch_size) * self.visible))

    def give_up(self, good: dict[str, Tensor], run: rockfall.Run) -> None:
        """Save the machine as it was before the epoch, chains and all, and raise Diverged."""
        self.load_state_dict(good)
        run.save("last")
        raise Diverged(
            f"the weights grew beyond all measure after step {run.step}; those from before that "
            f"epoch are kept (`rockfall show {run.directory.address}`): a smaller lr often helps"
        )

    # What it can do -------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → features (N, F)."""
        return self.features(self.inputs(inputs))

    @torch.no_grad()
    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → the same shape and type."""
        return self.inputs.back(self.mean_field(self.inputs(inputs)))

    @torch.no_grad()
    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → −F (N,): the log-likelihood up to a constant."""
        return -self.free_energy(self.inputs(inputs))

    @torch.no_grad()
    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """Chains from noise on: (count, …) after each sweep, as means, of the source's type."""
        v = mean = self.noise(count)
        for _ in range(SWEEPS):
            yield self.inputs.back(mean)
            v, mean = self.sweep(v)
        yield self.inputs.back(mean)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        (made,) = deque(self.sample_steps(count), maxlen=1)
        return made

    @torch.no_grad()
    def activity(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → P(h = 1 | v) (N, M)."""
        return self.hidden(self.inputs(inputs))

    @torch.no_grad()
    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """P(h = 1 | v) (N, M) of inputs (N, …)."""
        return {"hidden units": self.activity(inputs)}
