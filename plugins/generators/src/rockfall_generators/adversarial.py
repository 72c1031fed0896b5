"""The training loop of every GAN, and what a trained generator can do.

Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1: alternately so many updates of
the discriminator and one of the generator. The losses and the updates are each method's own
(`gan.py` first); here are the alternation, the discriminator's pre-training, the learning rates,
what is logged, diagnosed and left as snapshots, and the networks that the methods share.
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
from rockfall.kit.memory import unallocated
from rockfall.kit.modules import multiplications
from rockfall.kit.schedules import averaged_model
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators import augmentation
from rockfall_generators.adversarial_update import (
    AdversarialUpdate,
    AdversarialUpdateConfig,
    Metrics,
    discriminator_accuracy,
)
from rockfall_generators.augmentation import augment
from rockfall_generators.conditions import ClassConditions, NoConditions, concatenate
from rockfall_generators.diagnostics import (
    EXAMPLES,
    CollapseDiagnostics,
    DiscriminatorDiagnostics,
    variance_ratio,
)
from rockfall_generators.inversion import invert
from rockfall_generators.networks import (
    NEGATIVE_SLOPE,
    Network,
    Upsampling,
    check_parameter_count,
    conv_down,
    conv_up,
    mixed_precision,
    mlp,
)
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches

SPREAD = 0.02
"""Standard deviation of each Gaussian in a mixture of noise, whose centres are the axes' unit
vectors: far apart, so that a generator need not stretch what lies between (Khayatkhoei, Elgammal
and Singh 2018, "Disconnected Manifold Learning for Generative Adversarial Networks")."""
CHUNK = 1_000_000
"""Numbers of examples generated at a time, which bounds the memory that it takes."""


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
        "batch_size": 256,  # the mean and variance of fewer examples are too noisy to learn from
        "spectral_norm": False,
        "discriminator_steps": 3,  # with fewer the tails are learned late
        "discriminator_lr": 3e-3,
    },
    "ring": {
        # What a network makes of connected noise is connected: a quarter of the points of a gan
        # with normal noise are on the way from one mode to another.
        "noise": "mixture",
        "latent": 32,
        "hidden": 64,
        "batch_size": 64,
        "epochs": 60,  # 9,400 steps
        "lr": 3e-3,
        "discriminator_lr": 3e-3,
        "schedule": "cosine",  # the modes are narrower than the steps of a high learning rate
        "spectral_norm": False,  # a Lipschitz constant of 1 can't separate what is 0.02 apart
        "penalty": "r1",
        "penalty_weight": 2e-4,  # a larger one blurs the modes
    },
    "tiny": {"hidden": 16, "channels": 4, "latent": 4, "epochs": 1, "batch_size": 256},
}
"""Settings for a source that suit every method."""


class AdversarialConfig(AdversarialUpdateConfig):
    latent: int = Field(64, ge=1, le=10_000, description="dimension of the noise z")
    noise: Literal["normal", "uniform", "mixture"] = Field(
        "normal",
        description="distribution of the noise z; uniform: from −1 to 1; mixture: as many "
        "Gaussians as dimensions, far apart, for data in separate parts: what a network makes of "
        "connected noise is connected, with points between the parts",
    )
    network: Literal["mlp", "conv"] = Field(
        "mlp", description="kind of both networks: fully connected, or convolutional for pictures"
    )
    hidden: int = Field(
        256, ge=1, le=100_000, description="units in each of the two hidden layers, with mlp"
    )
    channels: int = Field(
        32,
        ge=1,
        le=10_000,
        description="feature maps at half the picture's size, with conv; doubled at each halving",
    )
    upsampling: Upsampling = Field(
        "transposed",
        description="how the generator doubles sides, with conv: transposed convolutions, or "
        "resize and convolve, which leaves no checkerboards",
    )
    epochs: int = Field(
        200, ge=1, description="passes over the training split; 8,000 steps on digits"
    )
    batch_size: int = Field(32, ge=2, description="mini-batch size, of real and of generated ones")
    pretrain: int = Field(
        0, ge=0, description="updates of the discriminator alone, before the first of the generator"
    )
    discriminator_steps: int = Field(
        1, ge=1, description="updates of the discriminator for each of the generator: the paper's k"
    )
    spectral_norm: bool = Field(
        True,
        description="spectral normalisation of the discriminator (Miyato et al. 2018): bounds each "
        "layer's Lipschitz constant by 1, so that learning rates need no tuning",
    )
    augment: tuple[augmentation.Name, ...] = Field(
        (),
        description="differentiable augmentation of the discriminator's inputs, real and "
        "generated: shift, cutout, colour; for few pictures",
    )
    ema: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="exponential decay rate of the generator's averaged weights, which make the "
        "samples; 0: no average",
    )


class AdversarialModel(nn.Module):
    """A GAN: noise z (N, latent) → examples (N, …), and discriminators of examples → logits (N,).

    Raises ValueError for pictures of a size that convolutions
    can't generate, and for more parameters than fit into memory.
    """

    Config: ClassVar[type[AdversarialConfig]] = AdversarialConfig
    Update: ClassVar[type[AdversarialUpdate]]
    """The method's losses and steps."""
    tuned_by: ClassVar[str] = "-Fréchet distance"
    search_spaces: ClassVar[dict[str, dict[str, str]]] = {
        "": {
            "lr": "2e-4..4e-3:log",
            "discriminator_lr": "2e-4..4e-3:log",
            "batch_size": "16,32,64",
        }
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = PRESETS
    precision: ClassVar[str] = "bf16"
    parallel: ClassVar[str] = "batches"

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        config = with_full_batches(config, info, least=2)
        self.config = config
        self.scaling = Scaling(info)
        self.conditions = self.build_conditions(info)
        if config.augment and not self.scaling.pictures:
            raise ValueError(f"augment is for pictures, and {info.name} has none")
        with unallocated():
            check_parameter_count(self.build_generator(), self.build_discriminators())
        self.generator = self.build_generator()
        self.discriminators = self.build_discriminators()
        self.multiplications = config.batch_size * (
            multiplications(self.generator, torch.zeros(1, config.latent + self.conditions.count))
            + len(self.discriminators)
            * multiplications(self.discriminators[0], torch.zeros(1, *self.discriminator_shape))
        )
        self.average = averaged_model(self.generator, config.ema)

    # The networks ---------------------------------------------------------------------------

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions | NoConditions:
        """What labels (N,) are for both networks: conditions (N, K), here with K = 0."""
        return NoConditions()

    def build_generator(self) -> nn.Module:
        """Noise and conditions (N, latent + K) → values (N, …); of pictures, from −1 to 1."""
        config, scaling = self.config, self.scaling
        inputs = config.latent + self.conditions.count
        if config.network == "conv":
            up = conv_up(inputs, scaling.shape, config.channels, upsampling=config.upsampling)
            return Network(up, nn.Tanh())
        widths = (inputs, config.hidden, config.hidden, scaling.numel)
        layers = [mlp(widths, negative_slope=NEGATIVE_SLOPE, norm=scaling.pictures)]
        last = [nn.Tanh()] if scaling.pictures else []
        return Network(*layers, *last, nn.Unflatten(1, scaling.shape))

    def build_discriminators(self) -> nn.ModuleList:
        return nn.ModuleList([self.build_discriminator()])

    def build_discriminator(self) -> nn.Module:
        """Values and conditions, as `discriminator_input` joins them → logits (N,).

        It has no batch normalisation, unlike that of Radford et al. 2016: batches of real and of
        generated examples would give themselves away by their statistics.
        """
        config, shape = self.config, self.discriminator_shape
        if config.network == "conv":
            network = conv_down(shape, config.channels, 1)
        else:
            widths = (math.prod(shape), config.hidden, config.hidden, 1)
            network = nn.Sequential(nn.Flatten(), *mlp(widths, negative_slope=NEGATIVE_SLOPE))
        if config.spectral_norm:
            for layer in network.modules():
                # On "meta", where parameters are counted, its arithmetic imports torch's compiler.
                if isinstance(layer, nn.Linear | nn.Conv2d) and not layer.weight.is_meta:
                    spectral_norm(layer)
        return Network(network, nn.Flatten(0))

    @property
    def discriminator_shape(self) -> tuple[int, ...]:
        """Of one input: values and conditions, (C + K, …)."""
        channels, *sides = self.scaling.shape
        return (channels + self.conditions.count, *sides)

    def build_update(self) -> AdversarialUpdate:
        return self.Update(
            self.config,
            self.generator,
            self.discriminators,
            self.average,
            data_channels=self.scaling.shape[0],
        )

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        config = self.config
        self.conditions.fit(data.train.labels)
        update = self.build_update()
        diagnostics = CollapseDiagnostics(run, saturates=config.objective != "wasserstein")
        diagnosed = data.train.evenly_spaced(EXAMPLES)
        run.keep(duel=update)
        networks = (self.generator, *self.discriminators)
        in_mixed_precision = mixed_precision(run, networks, self.multiplications)

        @in_mixed_precision
        def discriminator_step(inputs: Tensor, labels: Tensor) -> Metrics:
            conditions = self.conditions(labels)
            real = self.discriminator_input(self.scaling(inputs), conditions)
            with torch.no_grad():
                fake = self.discriminator_input(self.generate(conditions), conditions)
            return update.discriminator_step(real, fake)

        @in_mixed_precision
        def generator_step(labels: Tensor) -> Metrics:
            conditions = self.conditions(labels)
            fake = self.discriminator_input(self.generate(conditions), conditions)
            return update.generator_step(fake)

        of_generator, of_discriminators = update.optimizers.values()
        captured_discriminator_step = run.capture(discriminator_step, of_discriminators)
        captured_generator_step = run.capture(generator_step, of_generator)
        for epoch in run.epochs(config.epochs):
            self.train()
            update.set_learning_rates(epoch.index / config.epochs)
            for batch in epoch.batches(data.train, config.batch_size):
                inputs, labels = at_least_two(batch)
                metrics = captured_discriminator_step(inputs, labels)
                updates = run.step + 1 - config.pretrain
                if updates > 0 and updates % config.discriminator_steps == 0:
                    metrics = {**metrics, **captured_generator_step(labels)}
                run.log(**metrics)
            if 4 * (epoch.index + 1) >= config.epochs:  # at first every generator looks collapsed
                diagnostics.check(found := self.discriminator_diagnostics(diagnosed))
                if epoch.index + 1 == config.epochs:
                    diagnostics.end(found, config.epochs)

    def discriminator_diagnostics(self, batch: Batch) -> DiscriminatorDiagnostics:
        """On these real examples and as many generated ones; changes neither model nor generators
        of random numbers.
        """
        with fork_rng(), eval_mode(self):
            conditions = self.conditions(batch.labels)
            real, fake = self.scaling(batch.inputs), self.generate(conditions)
            inputs = [self.discriminator_input(values, conditions) for values in (real, fake)]
            accuracies = [
                discriminator_accuracy(*map(discriminator, inputs))
                for discriminator in self.discriminators
            ]
            accuracy = float(torch.stack(accuracies).mean())
            return DiscriminatorDiagnostics(accuracy, variance_ratio(real, fake))

    def generate(self, conditions: Tensor) -> Tensor:
        """Conditions (N, K) → values G(z) (N, …) of fresh noise, with their graph."""
        latents = torch.cat((self.sample_noise(len(conditions)), conditions), 1)
        values: Tensor = self.generator(latents)
        return values

    def sample_noise(self, count: int) -> Tensor:
        """Noise z (count, latent), from torch's global generator."""
        size, device = (count, self.config.latent), self.scaling.offset.device
        if self.config.noise == "uniform":
            return torch.rand(size, device=device) * 2 - 1
        noise = torch.randn(size, device=device)
        if self.config.noise == "mixture":
            component = torch.randint(size[1], (count, 1), device=device)
            noise.mul_(SPREAD).scatter_add_(1, component, noise.new_ones(count, 1))
        return noise

    def discriminator_input(self, values: Tensor, conditions: Tensor) -> Tensor:
        """Values (N, C, …), augmented if it is set, and conditions (N, K) → (N, C + K, …)."""
        if self.config.augment:
            values = augment(values, self.config.augment)
        return concatenate(values, conditions)

    # What it can do -------------------------------------------------------------------------

    @property
    def spherical(self) -> bool:
        """Whether noise concentrates about a sphere, as that of many normal numbers does."""
        return bool(self.config.noise == "normal")

    @property
    def trained(self) -> nn.Module:
        """The generator that makes samples: with averaged weights, if they are kept."""
        return self.generator if self.average is None else self.average.module

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers of the discriminator up to its logits (N,): how real it takes
        an example to be, such as a drawing. Of several, each in turn; of one that is conditioned on
        the class, given the class with which it takes it to be most real.

        What the generator makes of noise is seen by `decode`.
        """
        with eval_mode(self):
            conditions = self.infer_conditions(self.scaling(inputs))

        def discriminate(given: Tensor) -> list[Tensor]:
            values = concatenate(self.scaling(given), conditions)
            return [discriminator(values) for discriminator in self.discriminators]

        return trace_layers(self, inputs, discriminate)

    def infer_conditions(self, values: Tensor) -> Tensor:
        """Values (N, …) of unknown classes → conditions (N, K): those that look most real."""
        if not self.conditions.count:
            return values.new_empty(len(values), 0)
        logits = []
        for label in range(self.conditions.count):
            conditions = self.conditions(torch.full((len(values),), label, device=values.device))
            given = concatenate(values, conditions)
            logits.append(torch.stack([each(given) for each in self.discriminators]).mean(0))
        inferred: Tensor = self.conditions(torch.stack(logits, 1).argmax(1))
        return inferred

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.sample_latents(count))

    def sample_latents(self, count: int) -> Tensor:
        """Noise and conditions (count, latent + K) that samples are decoded from."""
        return self.sample_noise(count)

    def decode(self, latents: Tensor) -> Tensor:
        """Noise and conditions (N, latent + K) → examples (N, …); conditions that a blend took off
        the simplex are brought back to it.
        """
        return self.decode_any(self.conditions.on_simplex(latents))

    def decode_any(self, latents: Tensor) -> Tensor:
        """The same of any conditions, as they are."""
        with eval_mode(self):
            parts = latents.split(max(1, CHUNK // self.scaling.numel))
            return torch.cat([self.scaling.inverse(self.trained(part)) for part in parts])

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → noise and conditions that generate about these."""
        conditions = self.conditions(labels)
        with eval_mode(self):
            noise = invert(self.trained, self.scaling(inputs), conditions, self.sample_noise)
        return torch.cat((noise, conditions), 1)


def at_least_two(batch: Batch) -> Batch:
    """The batch, or its only example twice: batch normalisation needs a variance."""
    if len(batch.labels) > 1:
        return batch
    return Batch(batch.inputs.repeat_interleave(2, 0), batch.labels.repeat(2))
