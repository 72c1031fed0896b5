"""The one trainer of every GAN here: a generator learns to make what discriminators take for real.

Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1. What differs between the
methods is a loss, a penalty and a schedule, which are settings (`duel.py`), and the networks.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import rockfall
from rockfall import Batch, Dataset, eval_mode, fork_rng
from rockfall.kit.schedules import averaged_model
from rockfall_generators import augmentation
from rockfall_generators.augmentation import augmented
from rockfall_generators.conditions import Conditions, joined, told
from rockfall_generators.duel import Duel, DuelConfig, told_apart
from rockfall_generators.inversion import inverted
from rockfall_generators.networks import (
    SLOPE,
    Upsampling,
    check_weights,
    conv_down,
    conv_up,
    mlp,
)
from rockfall_generators.scaling import Scaling, check_batch
from rockfall_generators.signs import Signs, variety

AT_ONCE = 1_000_000
"""Numbers of examples made at a time, which keeps what lies in memory small."""
SEEN = 512
"""Examples by which variety is judged after every epoch."""


MNIST: dict[str, Any] = {
    "hidden": 512,
    "epochs": 10,  # 17,000 steps
}
PRESETS: dict[str, dict[str, Any]] = {
    "mnist": MNIST,
    "fashion-mnist": MNIST,
    "kmnist": MNIST,
    "gaussian-1d": {
        "noise": "uniform",
        "latent": 1,
        "hidden": 64,
        "batch_size": 256,  # a mean and a variance of fewer examples are too rough to learn from
        "spectral_norm": False,
        "discriminator_steps": 3,  # or its tails come late
        "discriminator_lr": 3e-3,
    },
    "ring": {
        "latent": 8,
        "batch_size": 128,
        "epochs": 150,
        "schedule": "cosine",
        "spectral_norm": False,  # a slope of 1 can't tell what is 0.02 apart
        "penalty": "r1",
        "penalty_weight": 0.02,
    },
    "tiny": {"hidden": 16, "channels": 4, "latent": 4, "epochs": 1, "batch_size": 256},
}
"""What suits a source, whatever the method."""


class AdversarialConfig(DuelConfig):
    latent: int = Field(64, ge=1, le=10_000, description="numbers of noise that an example is of")
    noise: Literal["normal", "uniform"] = Field(
        "normal", description="what the generator makes examples of; uniform is from −1 to 1"
    )
    network: Literal["mlp", "conv"] = Field("mlp", description="conv is for pictures")
    hidden: int = Field(
        256, ge=1, le=100_000, description="units of each of two hidden layers, with mlp"
    )
    channels: int = Field(
        32,
        ge=1,
        le=10_000,
        description="feature maps at half the size, with conv; twice as many at half of that",
    )
    upsampling: Upsampling = Field(
        "transposed", description="how conv doubles sides; resize leaves no checkerboards"
    )
    epochs: int = Field(200, ge=1, description="passes over the data; 8,000 steps on digits")
    batch_size: int = Field(32, ge=2, description="examples a step, real and made")
    pretrain: int = Field(
        0, ge=0, description="steps that the discriminator learns alone at the beginning"
    )
    discriminator_steps: int = Field(
        1, ge=1, description="of the discriminator, for each step of the generator"
    )
    spectral_norm: bool = Field(
        True,
        description="bound the slope of each of D's layers by 1 (Miyato et al. 2018), with which "
        "step sizes need no tuning",
    )
    augment: tuple[augmentation.Name, ...] = Field(
        (), description="what D sees changed by chance: shift, cutout, colour"
    )
    ema: float = Field(
        0.999, ge=0, lt=1, description="decay of the average generator that makes samples; 0: none"
    )


class Adversarial(nn.Module):
    """A GAN: noise (N, latent) → examples, and discriminators of examples → logits (N,).

    Raises ValueError for a batch larger than the data, for pictures of a size that convolutions
    can't make, and for more weights than fit a memory.
    """

    Config: ClassVar[type[AdversarialConfig]] = AdversarialConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = PRESETS
    threads: ClassVar[int] = 1  # the networks are too small for a second thread to pay
    conditional: ClassVar[bool] = False
    """Whether both sides are told the class."""
    harshness: float = 0.0
    """How much more a discriminator counts to which the generator loses more."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        check_batch(config.batch_size, info)
        self.config = config
        self.scaling = Scaling(info)
        self.conditions = Conditions(info) if self.conditional else None
        self.classes = self.conditions.count if self.conditions else 0
        if config.augment and not self.scaling.pictures:
            raise ValueError(f"augment is for pictures, and {info.name} has none")
        with torch.device("meta"):  # takes no memory
            check_weights(self.build_generator(), self.build_discriminators())
        self.generator = self.build_generator()
        self.discriminators = self.build_discriminators()
        self.average = averaged_model(self.generator, config.ema)

    def build_generator(self) -> nn.Module:
        """Noise and condition (N, latent + K) → values (N, …); of pictures from −1 to 1."""
        config, scaling = self.config, self.scaling
        inputs = config.latent + self.classes
        if config.network == "conv":
            up = conv_up(inputs, scaling.shape, config.channels, upsampling=config.upsampling)
            return nn.Sequential(up, nn.Tanh())
        widths = (inputs, config.hidden, config.hidden, scaling.count)
        layers = [mlp(widths, slope=SLOPE, norm=scaling.pictures)]
        last = [nn.Tanh()] if scaling.pictures else []
        return nn.Sequential(*layers, *last, nn.Unflatten(1, scaling.shape))

    def build_discriminators(self) -> nn.ModuleList:
        return nn.ModuleList([self.build_discriminator()])

    def build_discriminator(self) -> nn.Module:
        """Values and condition, as `seen` joins them → logits (N,).

        There is no batch normalisation here, unlike in Radford et al. 2016: a batch of real and a
        batch of made examples would each be told by their means.
        """
        config, shape = self.config, self.scaling.shape
        shape = (shape[0] + self.classes, *shape[1:])
        if config.network == "conv":
            network = conv_down(shape, config.channels, 1)
        else:
            widths = (math.prod(shape), config.hidden, config.hidden, 1)
            network = nn.Sequential(nn.Flatten(), *mlp(widths, slope=SLOPE))
        if config.spectral_norm:
            for layer in network.modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    spectral_norm(layer)
        return nn.Sequential(network, nn.Flatten(0))

    def duel(self) -> Duel:
        return Duel(
            self.config,
            self.generator,
            self.discriminators,
            self.average,
            harshness=self.harshness,
            own=self.scaling.shape[0],
        )

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        if self.conditions is not None:
            self.conditions.fit(data.train.labels)
        duel = self.duel()
        signs = Signs(run, saturates=config.objective != "wasserstein")
        seen = data.train.evenly_spaced(SEEN)
        run.keep(duel=duel)
        for epoch in run.epochs(config.epochs):
            self.train()
            duel.pace(epoch.index / config.epochs)
            for batch in epoch.batches(data.train, config.batch_size):
                inputs, labels = two_or_more(batch)
                told = self.told(labels)
                real = self.seen(self.scaling(inputs), told)
                with torch.no_grad():
                    fake = self.seen(self.made(told), told)
                metrics = duel.discriminator_step(real, fake)
                turn = run.step - config.pretrain
                if turn >= 0 and (turn + 1) % config.discriminator_steps == 0:
                    metrics |= duel.generator_step(self.seen(self.made(told), told))
                run.log(**metrics)
            if 4 * (epoch.index + 1) >= config.epochs:  # before, all that is made is alike
                signs.look(*self.standing(seen))

    def standing(self, batch: Batch) -> tuple[float, float]:
        """How well discriminators tell real examples from as many made ones, from 0 to 1, and how
        much the made ones vary, as a share of the variance of the real.
        """
        with fork_rng(), eval_mode(self):
            told = self.told(batch.labels)
            real, fake = self.scaling(batch.inputs), self.made(told)
            shown = [self.seen(values, told) for values in (real, fake)]
            right = [told_apart(*map(judge, shown)) for judge in self.discriminators]
            return float(torch.stack(right).mean()), variety(real, fake)

    def told(self, labels: Tensor) -> Tensor:
        """Labels (N,) → conditions (N, K), K being 0 where nothing is told."""
        return told(self.conditions, labels, self.scaling.middle)

    def made(self, told: Tensor) -> Tensor:
        """Conditions (N, K) → values (N, …) of as much new noise, with their graph."""
        values: Tensor = self.generator(torch.cat((self.drawn(len(told)), told), 1))
        return values

    def drawn(self, count: int) -> Tensor:
        """Noise (count, latent), from torch's global generator."""
        size, device = (count, self.config.latent), self.scaling.middle.device
        if self.config.noise == "uniform":
            return torch.rand(size, device=device) * 2 - 1
        return torch.randn(size, device=device)

    def seen(self, values: Tensor, told: Tensor) -> Tensor:
        """Values (N, …) and conditions (N, K) as a discriminator sees them, (N, … + K)."""
        if self.config.augment:
            values = augmented(values, self.config.augment)
        return joined(values, told)

    # What it can do -------------------------------------------------------------------------

    @property
    def spherical(self) -> bool:
        """Whether noise lies about a sphere, as that of many normal numbers does."""
        return bool(self.config.noise == "normal")

    @property
    def trained(self) -> nn.Module:
        """The generator that makes samples: the average of the one that learns, if there is one."""
        return self.generator if self.average is None else self.average.module

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.drawn(count))

    def decode(self, latents: Tensor) -> Tensor:
        """Noise and conditions (N, latent + K) → examples (N, …)."""
        with eval_mode(self):
            parts = latents.split(max(1, AT_ONCE // self.scaling.count))
            return torch.cat([self.scaling.back(self.trained(part)) for part in parts])

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → noise and conditions that make about these."""
        told = self.told(labels)
        with eval_mode(self):
            noise = inverted(self.trained, self.scaling(inputs), told, self.drawn)
        return torch.cat((noise, told), 1)


def two_or_more(batch: Batch) -> Batch:
    """The batch, or its one example twice: batch normalisation compares two or more."""
    if len(batch.labels) > 1:
        return batch
    return Batch(batch.inputs.repeat_interleave(2, 0), batch.labels.repeat(2))
