"""A stack of GANs that goes a classifier's way back: from the class to its features to the picture.

Huang, Li, Poursaeed, Hopcroft and Belongie 2017, "Stacked Generative Adversarial Networks",
section 3. A classifier is learned first and then kept, h₁ = E₀(x), y = E₁(h₁). For each of its
stages a generator goes the other way, given noise for what the stage leaves open:

    ĥ₁ = G₁(y, z₁)        x̂ = G₀(h₁, z₀)

and minimises three losses: an adversarial one, of a discriminator of its own that knows real h₁, or
real x; a conditional one, that the stage makes of ĥ₁, or x̂, again what it was made of, by
cross-entropy for y and squared error for h₁; and an entropy loss, that a network Q finds the noise
again, −log Q(z | ĥ₁) or −log Q(z | x̂), Q being a Gaussian of one variance, so that noise matters.
First the generators learn apart from each other, G₀ of real features; then jointly, G₀ of those
that G₁ makes. As in the authors' code, each goes on to minimise losses of its own.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Batch, Dataset, Split, eval_mode, fork_rng
from rockfall.kit.schedules import averaged_model
from rockfall_generators import penalties
from rockfall_generators.adversarial import AT_ONCE, SEEN, two_or_more
from rockfall_generators.conditions import Conditions
from rockfall_generators.duel import Duel, DuelConfig, Metrics, told_apart
from rockfall_generators.inversion import inverted
from rockfall_generators.networks import SLOPE, check_weights, conv_down, conv_up, mlp
from rockfall_generators.scaling import Scaling, check_batch
from rockfall_generators.signs import Signs, variety

LOOKED_AT = 1000
"""Pictures classified at a time."""


class StackedGanConfig(DuelConfig):
    network: Literal["mlp", "conv"] = Field("mlp", description="conv is for pictures")
    hidden: int = Field(
        256, ge=1, le=100_000, description="units of each hidden layer, where there are any"
    )
    channels: int = Field(
        32,
        ge=1,
        le=10_000,
        description="feature maps at half the size, with conv; twice as many at half of that",
    )
    features: int = Field(32, ge=1, le=10_000, description="of the classifier, between its stages")
    latent: int = Field(16, ge=1, le=10_000, description="numbers of noise for each generator")
    encoder_epochs: int = Field(30, ge=1, description="passes over the data by the classifier")
    encoder_lr: float = Field(1e-3, gt=0, description="Adam's step size for the classifier")
    epochs: int = Field(50, ge=1, description="passes by the generators, apart from each other")
    joint_epochs: int = Field(50, ge=0, description="passes by both, the one upon the other")
    batch_size: int = Field(64, ge=2, description="examples a step")
    conditional: float = Field(1.0, ge=0, description="weight of the conditional loss")
    entropy: float = Field(
        1.0,
        ge=0,
        description="weight of the entropy loss; theirs is 10, of noise of variance 1 / 12",
    )
    lr: float = Field(1e-3, gt=0, description="highest step size of the generators")
    discriminator_lr: float = Field(1e-3, gt=0, description="that of the discriminators")
    penalty: penalties.Name = Field(
        "r1", description="on a discriminator's slope, which keeps it from winning"
    )
    penalty_weight: float = Field(1.0, gt=0, description="of the penalty beside the loss")
    ema: float = Field(
        0.99, ge=0, lt=1, description="decay of the average generators that make samples; 0: none"
    )


class Level(nn.Module):
    """What makes one stage's inputs (N, *shape) of noise and its outputs (N, told).

    bounded: whether what it makes lies between −1 and 1.
    """

    def __init__(
        self, config: StackedGanConfig, told: int, shape: tuple[int, ...], *, bounded: bool
    ) -> None:
        super().__init__()
        last = [nn.Tanh()] if bounded else []
        self.generator = nn.Sequential(upward(config, config.latent + told, shape), *last)
        self.discriminators = nn.ModuleList(
            [nn.Sequential(downward(config, shape, 1), nn.Flatten(0))]
        )
        self.recogniser = downward(config, shape, config.latent)
        self.average = averaged_model(self.generator, config.ema)

    @property
    def trained(self) -> nn.Module:
        """The generator that makes samples: the average of the one that learns, if there is one."""
        return self.generator if self.average is None else self.average.module

    def duel(self, config: StackedGanConfig) -> Duel:
        beside = self.recogniser.parameters()
        return Duel(config, self.generator, self.discriminators, self.average, beside)


class StackedGan(nn.Module):
    """Classes and noise (N, 2 latent + K) → examples (N, …).

    Raises ValueError for a source of fewer than two classes, for a batch larger than the data, for
    pictures of a size that convolutions can't make, and for more weights than fit a memory.
    """

    Config = StackedGanConfig
    threads: ClassVar[int] = 1  # the networks are too small for a second thread to pay
    spherical: ClassVar[bool] = True
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {
            "network": "conv",
            "channels": 16,
            "features": 64,
            "latent": 32,
            "encoder_epochs": 3,
            "epochs": 5,
            "joint_epochs": 5,
            "lr": 5e-4,
            "discriminator_lr": 5e-4,
        },
        "tiny": {
            "hidden": 16,
            "features": 8,
            "latent": 4,
            "encoder_epochs": 1,
            "epochs": 1,
            "joint_epochs": 1,
            "batch_size": 256,
        },
    }

    def __init__(self, config: StackedGanConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        check_batch(config.batch_size, info)
        self.config = config
        self.scaling = Scaling(info)
        self.conditions = Conditions(info)
        with torch.device("meta"):  # takes no memory
            check_weights(self.build_encoder(), self.build_levels())
        self.encoder = self.build_encoder()
        self.levels = self.build_levels()

    def build_encoder(self) -> nn.ModuleList:
        """The classifier's stages: values (N, …) → features (N, F), each of mean 0 and variance 1
        → logits (N, K).
        """
        config = self.config
        down = downward(config, self.scaling.shape, config.features)
        norm = nn.BatchNorm1d(config.features, affine=False)
        up = nn.Sequential(nn.ReLU(), nn.Linear(config.features, self.conditions.count))
        return nn.ModuleList([nn.Sequential(down, norm), up])

    def build_levels(self) -> nn.ModuleList:
        """What goes the stages back, the lowest first."""
        config, scaling = self.config, self.scaling
        lowest = Level(config, config.features, scaling.shape, bounded=scaling.pictures)
        highest = Level(config, self.conditions.count, (config.features,), bounded=False)
        return nn.ModuleList([lowest, highest])

    @property
    def stack(self) -> list[Level]:
        """The levels, the lowest first."""
        return [cast(Level, level) for level in self.levels]

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        self.conditions.fit(data.train.labels)
        optimizer = torch.optim.Adam(self.encoder.parameters(), lr=config.encoder_lr, fused=True)
        duels = [level.duel(config) for level in self.stack]
        run.keep(encoder=optimizer, pictures=duels[0], features=duels[1])
        self.learn_to_classify(data, run, optimizer)
        self.encoder.requires_grad_(False)
        self.learn_to_make(data, run, duels, config.epochs, jointly=False)
        self.learn_to_make(data, run, duels, config.joint_epochs, jointly=True)
        self.encoder.requires_grad_(True)

    def learn_to_classify(
        self, data: Dataset, run: rockfall.Run, optimizer: torch.optim.Optimizer
    ) -> None:
        for epoch in run.epochs(self.config.encoder_epochs):
            self.train()
            for batch in epoch.batches(data.train, self.config.batch_size):
                inputs, labels = two_or_more(batch)
                loss = F.cross_entropy(self.logits(inputs), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(encoder_loss=loss)
            run.log(accuracy=self.accuracy(data.validation))

    def learn_to_make(
        self, data: Dataset, run: rockfall.Run, duels: list[Duel], epochs: int, *, jointly: bool
    ) -> None:
        config, seen = self.config, data.train.evenly_spaced(SEEN)
        signs = Signs(run, saturates=config.objective != "wasserstein")
        for epoch in run.epochs(epochs):
            self.train()
            self.encoder.eval()
            for duel in duels:
                duel.pace(epoch.index / epochs)
            for batch in epoch.batches(data.train, config.batch_size):
                inputs, labels = two_or_more(batch)
                values, told = self.scaling(inputs), self.conditions(labels)
                with torch.no_grad():
                    features = self.encoder[0](values)
                made, metrics = self.step(1, duels[1], features, told)
                run.log(**{f"feature_{name}": value for name, value in metrics.items()})
                _, metrics = self.step(0, duels[0], values, made if jointly else features)
                run.log(**metrics)
            if 4 * (epoch.index + 1) >= epochs:  # before, all that is made is alike
                signs.look(*self.standing(seen))

    def step(self, place: int, duel: Duel, real: Tensor, told: Tensor) -> tuple[Tensor, Metrics]:
        """A step of each side of a level: it is to make what `real` (N, …) is like, of conditions
        `told` (N, T). Returns what it made, without its graph, and what there is to log.
        """
        config, level = self.config, self.stack[place]
        noise = self.drawn(len(told))
        made = level.generator(torch.cat((noise, told), 1))
        metrics = duel.discriminator_step(real, made.detach())
        again = self.encoder[place](made)
        conditional = F.cross_entropy(again, told) if place else F.mse_loss(again, told)
        entropy = F.mse_loss(level.recogniser(made), noise)
        more = config.conditional * conditional + config.entropy * entropy
        metrics |= duel.generator_step(made, more)
        metrics |= {"conditional_loss": conditional.detach(), "entropy_loss": entropy.detach()}
        return made.detach(), metrics

    def standing(self, batch: Batch) -> tuple[float, float]:
        """How well the lowest discriminator tells real examples from as many made ones, and how
        much the made ones vary, as a share of the variance of the real.
        """
        with fork_rng(), eval_mode(self):
            real, told = self.scaling(batch.inputs), self.conditions(batch.labels)
            fake = self.made(torch.cat((self.drawn(len(told), 2), told), 1))
            (judge,) = self.stack[0].discriminators
            return float(told_apart(judge(real), judge(fake))), variety(real, fake)

    # What it can do -------------------------------------------------------------------------

    def drawn(self, count: int, levels: int = 1) -> Tensor:
        """Noise (count, levels · latent), from torch's global generator."""
        return torch.randn(count, levels * self.config.latent, device=self.scaling.middle.device)

    def made(self, latents: Tensor) -> Tensor:
        """z₁, z₀ and y (N, 2 latent + K) → values (N, …)."""
        latent, (lowest, highest) = self.config.latent, self.stack
        above, below, told = latents.tensor_split((latent, 2 * latent), 1)
        features = highest.trained(torch.cat((above, told), 1))
        values: Tensor = lowest.trained(torch.cat((below, features), 1))
        return values

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, classes as often as in the training data."""
        return self.sample_of(self.conditions.draw(count))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.decode(torch.cat((self.drawn(len(labels), 2), self.conditions(labels)), 1))

    def decode(self, latents: Tensor) -> Tensor:
        """z₁, z₀ and y (N, 2 latent + K) → examples (N, …)."""
        with eval_mode(self):
            parts = latents.split(max(1, AT_ONCE // self.scaling.count))
            return torch.cat([self.scaling.back(self.made(part)) for part in parts])

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → z₁, z₀ and y that make about these."""
        told = self.conditions(labels)
        with eval_mode(self):
            noise = inverted(
                self.made, self.scaling(inputs), told, lambda count: self.drawn(count, 2)
            )
        return torch.cat((noise, told), 1)

    def classify(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → probabilities (N, classes)."""
        with eval_mode(self):
            return self.logits(inputs).softmax(1)

    def logits(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → logits (N, classes)."""
        values: Tensor = self.scaling(inputs)
        for stage in self.encoder:
            values = stage(values)
        return values

    def accuracy(self, split: Split) -> Tensor:
        """Share of a split that is classified rightly."""
        said = torch.cat([self.classify(part).argmax(1) for part in split.inputs.split(LOOKED_AT)])
        right: Tensor = said == split.labels
        return right.float().mean()


def upward(config: StackedGanConfig, inputs: int, shape: tuple[int, ...]) -> nn.Module:
    """(N, inputs) → values (N, *shape), by convolutions where they are asked for and can be."""
    if config.network == "conv" and len(shape) > 1:
        return conv_up(inputs, shape, config.channels)
    widths = (inputs, config.hidden, config.hidden, math.prod(shape))
    return nn.Sequential(mlp(widths, slope=SLOPE, norm=True), nn.Unflatten(1, shape))


def downward(config: StackedGanConfig, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Values (N, *shape) → (N, outputs), alike. Nothing is normalised, as in `Adversarial`."""
    if config.network == "conv" and len(shape) > 1:
        return conv_down(shape, config.channels, outputs)
    widths = (math.prod(shape), config.hidden, config.hidden, outputs)
    return nn.Sequential(nn.Flatten(), mlp(widths, slope=SLOPE))
