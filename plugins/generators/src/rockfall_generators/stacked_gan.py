"""The stacked GAN (SGAN): it inverts a classifier, from the class to its features to the picture.

Huang, Li, Poursaeed, Hopcroft and Belongie 2017, "Stacked Generative Adversarial Networks",
section 3. A classifier, the encoder, is trained first and then fixed: h₁ = E₀(x), y = E₁(h₁). For
each of its stages a generator inverts it, given noise for what the stage leaves open:

    ĥ₁ = G₁(y, z₁)        x̂ = G₀(h₁, z₀)

Each generator minimises a weighted sum of three losses: an adversarial one, of a discriminator of
its own for real h₁ or x, as in `gan.py`; a conditional one, that the encoder's stage recovers from
ĥ₁ or x̂ what it was generated from, by cross-entropy for y and squared error for h₁; and an entropy
loss, −log Q(z | ĥ₁) or −log Q(z | x̂), by which a network Q recovers the noise, so that noise is not
ignored. Q is a Gaussian of fixed variance. First the generators are trained independently, G₀ on
real features; then jointly, G₀ on the features that G₁ generates.

It differs from the paper: in joint training too each generator minimises its own losses alone, as
in the authors' code; Q is a network of its own, which shares no layers with the discriminator; the
discriminators have an R1 penalty; samples are of exponential moving averages of the generators'
weights.
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
from rockfall.kit.memory import unallocated
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import averaged_model
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators import penalties
from rockfall_generators.adversarial import CHUNK, at_least_two
from rockfall_generators.adversarial_update import (
    AdversarialUpdateConfig,
    Metrics,
    discriminator_accuracy,
    frozen,
)
from rockfall_generators.conditions import ClassConditions
from rockfall_generators.diagnostics import (
    EXAMPLES,
    CollapseDiagnostics,
    DiscriminatorDiagnostics,
    variance_ratio,
)
from rockfall_generators.gan import GanUpdate
from rockfall_generators.inversion import invert
from rockfall_generators.networks import (
    NEGATIVE_SLOPE,
    check_parameter_count,
    conv_down,
    conv_up,
    mlp,
)
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches

CLASSIFIED_AT_ONCE = 1000
"""Pictures classified at a time, which bounds the memory that it takes."""


class StackedGanConfig(AdversarialUpdateConfig):
    network: Literal["mlp", "conv"] = Field(
        "mlp", description="kind of the networks: fully connected, or convolutional for pictures"
    )
    hidden: int = Field(
        256, ge=1, le=100_000, description="units in each hidden layer, where there are any"
    )
    channels: int = Field(
        32,
        ge=1,
        le=10_000,
        description="feature maps at half the picture's size, with conv; doubled at each halving",
    )
    features: int = Field(32, ge=1, le=10_000, description="dimension of the encoder's features h₁")
    latent: int = Field(16, ge=1, le=10_000, description="dimension of the noise of each generator")
    encoder_epochs: int = Field(
        30, ge=1, description="passes over the training split by the encoder, a classifier"
    )
    encoder_lr: float = Field(1e-3, gt=0, description="learning rate of Adam for the encoder")
    epochs: int = Field(
        50, ge=1, description="passes by the generators in their independent training"
    )
    joint_epochs: int = Field(50, ge=0, description="passes by the generators in joint training")
    batch_size: int = Field(64, ge=2, description="mini-batch size")
    conditional: float = Field(1.0, ge=0, description="weight of the conditional loss")
    entropy: float = Field(
        1.0,
        ge=0,
        description="weight of the entropy loss; the authors' is 10, for noise of variance 1 / 12",
    )
    lr: float = Field(1e-3, gt=0, description="peak learning rate of the generators' optimizers")
    discriminator_lr: float = Field(
        1e-3, gt=0, description="peak learning rate of the discriminators' optimizers"
    )
    penalty: penalties.Name = Field(
        "r1",
        description="gradient penalty on the discriminators, which keeps them from winning: "
        "gradient (norm 1, between real and generated examples) or r1 (norm 0, at real ones)",
    )
    penalty_weight: float = Field(1.0, gt=0, description="coefficient λ of the gradient penalty")
    ema: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="exponential decay rate of the generators' averaged weights, which make the "
        "samples; 0: no average",
    )


class LevelUpdate(GanUpdate):
    """Both updates of a level; its generator and Q minimise more than the adversarial loss."""

    def generator_step(self, fake: Tensor, other_losses: Tensor | float = 0.0) -> Metrics:
        """other_losses: the weighted sum of the conditional and the entropy loss."""
        (discriminator,) = self.discriminators
        with frozen(discriminator):
            adversarial_loss = self.generator_loss(discriminator(fake))
            self.minimise_generator(adversarial_loss + other_losses)
        return {"generator_loss": adversarial_loss.detach()}


class Level(nn.Module):
    """The networks that invert one stage: a generator of the stage's inputs (N, *shape) from noise
    and the stage's outputs (N, conditions), a discriminator, and Q, which recovers the noise.

    bounded: whether the stage's inputs lie between −1 and 1.
    """

    def __init__(
        self, config: StackedGanConfig, conditions: int, shape: tuple[int, ...], *, bounded: bool
    ) -> None:
        super().__init__()
        last = [nn.Tanh()] if bounded else []
        self.generator = nn.Sequential(up(config, config.latent + conditions, shape), *last)
        self.discriminators = nn.ModuleList([nn.Sequential(down(config, shape, 1), nn.Flatten(0))])
        self.recogniser = down(config, shape, config.latent)  # Q
        self.average = averaged_model(self.generator, config.ema)

    @property
    def trained(self) -> nn.Module:
        """The generator that makes samples: with averaged weights, if they are kept."""
        return self.generator if self.average is None else self.average.module

    def build_update(self, config: StackedGanConfig) -> LevelUpdate:
        return LevelUpdate(
            config,
            self.generator,
            self.discriminators,
            self.average,
            other_parameters=self.recogniser.parameters(),
        )


class StackedGan(nn.Module):
    """Noise and classes (N, 2 latent + K) → examples (N, …).

    Raises ValueError for a source of fewer than two classes, for
    pictures of a size that convolutions can't generate, and for more parameters than fit into
    memory.
    """

    Config = StackedGanConfig
    parallel: ClassVar[str] = "batches"
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
        config = with_full_batches(config, info, least=2)
        self.config = config
        self.scaling = Scaling(info)
        self.conditions = ClassConditions(info)
        with unallocated():
            check_parameter_count(self.build_encoder(), self.build_levels())
        self.encoder = self.build_encoder()
        self.levels = self.build_levels()

    def build_encoder(self) -> nn.ModuleList:
        """The classifier's stages: values (N, …) → features h₁ (N, F), each of mean 0 and variance
        1 → logits (N, K).
        """
        config = self.config
        to_features = down(config, self.scaling.shape, config.features)
        norm = nn.BatchNorm1d(config.features, affine=False)
        to_logits = nn.Sequential(nn.ReLU(), nn.Linear(config.features, self.conditions.count))
        return nn.ModuleList([nn.Sequential(to_features, norm), to_logits])

    def build_levels(self) -> nn.ModuleList:
        """The inverses of the stages, in their order: G₀ first."""
        config, scaling = self.config, self.scaling
        lowest = Level(config, config.features, scaling.shape, bounded=scaling.pictures)
        highest = Level(config, self.conditions.count, (config.features,), bounded=False)
        return nn.ModuleList([lowest, highest])

    @property
    def stack(self) -> list[Level]:
        """The levels, that of pictures first."""
        return [cast(Level, level) for level in self.levels]

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        config = self.config
        self.conditions.fit(data.train.labels)
        optimizer = Adam(self.encoder.parameters(), lr=config.encoder_lr, fused=True)
        updates = [level.build_update(config) for level in self.stack]
        run.keep(encoder=optimizer, pictures=updates[0], features=updates[1])
        self.fit_encoder(data, run, optimizer)
        self.encoder.requires_grad_(False)
        self.fit_generators(data, run, updates, config.epochs, jointly=False)
        self.fit_generators(data, run, updates, config.joint_epochs, jointly=True)
        self.encoder.requires_grad_(True)

    def fit_encoder(
        self, data: Dataset, run: rockfall.Run, optimizer: torch.optim.Optimizer
    ) -> None:
        def step(inputs: Tensor, labels: Tensor) -> Tensor:
            loss = F.cross_entropy(self.logits(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(self.config.encoder_epochs):
            self.train()
            for batch in epoch.batches(data.train, self.config.batch_size):
                run.log(encoder_loss=captured_step(*at_least_two(batch)))
            run.log(**{"validation accuracy": self.accuracy(data.validation)})

    def fit_generators(
        self,
        data: Dataset,
        run: rockfall.Run,
        updates: list[LevelUpdate],
        epochs: int,
        *,
        jointly: bool,
    ) -> None:
        config, diagnosed = self.config, data.train.evenly_spaced(EXAMPLES)
        diagnostics = CollapseDiagnostics(run, saturates=config.objective != "wasserstein")

        def step(inputs: Tensor, labels: Tensor) -> tuple[Metrics, Metrics]:
            values, classes = self.scaling(inputs), self.conditions(labels)
            with torch.no_grad():
                features = self.encoder[0](values)
            fake_features, of_features = self.step(1, updates[1], features, classes)
            conditions = fake_features if jointly else features
            _, of_pictures = self.step(0, updates[0], values, conditions)
            return of_features, of_pictures

        optimizers = [each for update in updates for each in update.optimizers.values()]
        captured_step = run.capture(step, *optimizers)
        for epoch in run.epochs(epochs):
            self.train()
            self.encoder.eval()
            for update in updates:
                update.set_learning_rates(epoch.index / epochs)
            for batch in epoch.batches(data.train, config.batch_size):
                of_features, of_pictures = captured_step(*at_least_two(batch))
                run.log(**{f"feature_{name}": value for name, value in of_features.items()})
                run.log(**of_pictures)
            if 4 * (epoch.index + 1) >= epochs:  # at first every generator looks collapsed
                diagnostics.check(found := self.discriminator_diagnostics(diagnosed))
                if epoch.index + 1 == epochs:
                    diagnostics.end(found, epochs)

    def step(
        self, stage: int, update: LevelUpdate, real: Tensor, conditions: Tensor
    ) -> tuple[Tensor, Metrics]:
        """One update of each side of the level that inverts a stage, from real inputs (N, …) of the
        stage and conditions (N, C). Returns the generated inputs, without their graph, and what is
        logged.
        """
        config, level = self.config, self.stack[stage]
        noise = self.sample_noise(len(conditions))
        fake = level.generator(torch.cat((noise, conditions), 1))
        metrics = update.discriminator_step(real, fake.detach())
        recovered = self.encoder[stage](fake)
        conditional_loss = (
            F.cross_entropy(recovered, conditions) if stage else F.mse_loss(recovered, conditions)
        )
        entropy_loss = F.mse_loss(level.recogniser(fake), noise)  # −log Q, but for constants
        other_losses = config.conditional * conditional_loss + config.entropy * entropy_loss
        metrics |= update.generator_step(fake, other_losses)
        metrics |= {
            "conditional_loss": conditional_loss.detach(),
            "entropy_loss": entropy_loss.detach(),
        }
        return fake.detach(), metrics

    def discriminator_diagnostics(self, batch: Batch) -> DiscriminatorDiagnostics:
        """On these real pictures and as many generated ones, by the discriminator of pictures."""
        with fork_rng(), eval_mode(self):
            real, classes = self.scaling(batch.inputs), self.conditions(batch.labels)
            fake = self.generate(torch.cat((self.sample_noise(len(classes), 2), classes), 1))
            (discriminator,) = self.stack[0].discriminators
            accuracy = discriminator_accuracy(discriminator(real), discriminator(fake))
            return DiscriminatorDiagnostics(float(accuracy), variance_ratio(real, fake))

    # What it can do -------------------------------------------------------------------------

    def sample_noise(self, count: int, levels: int = 1) -> Tensor:
        """Noise (count, levels · latent), from torch's global generator."""
        return torch.randn(count, levels * self.config.latent, device=self.scaling.offset.device)

    def generate(self, latents: Tensor) -> Tensor:
        """z₁, z₀ and y (N, 2 latent + K) → values (N, …), by the averaged generators."""
        latent, (lowest, highest) = self.config.latent, self.stack
        z1, z0, classes = latents.tensor_split((latent, 2 * latent), 1)
        features = highest.trained(torch.cat((z1, classes), 1))
        values: Tensor = lowest.trained(torch.cat((z0, features), 1))
        return values

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.sample_latents(count))

    def sample_latents(self, count: int) -> Tensor:
        """z₁, z₀ and y (count, 2 latent + K), classes as often as in the training split."""
        return self._latents_of(self.conditions.sample_labels(count))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.decode(self._latents_of(labels))

    def _latents_of(self, labels: Tensor) -> Tensor:
        return torch.cat((self.sample_noise(len(labels), 2), self.conditions(labels)), 1)

    def decode(self, latents: Tensor) -> Tensor:
        """z₁, z₀ and y (N, 2 latent + K) → examples (N, …); y that a blend took off the simplex is
        brought back to it.
        """
        latents = self.conditions.on_simplex(latents)
        with eval_mode(self):
            parts = latents.split(max(1, CHUNK // self.scaling.numel))
            return torch.cat([self.scaling.inverse(self.generate(part)) for part in parts])

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → z₁, z₀ and y that generate about these."""
        classes = self.conditions(labels)
        with eval_mode(self):
            noise = invert(
                self.generate,
                self.scaling(inputs),
                classes,
                lambda count: self.sample_noise(count, 2),
            )
        return torch.cat((noise, classes), 1)

    def classify(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → probabilities (N, classes)."""
        with eval_mode(self):
            return self.logits(inputs).softmax(1)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers of the encoder up to the probabilities (N, classes)."""
        return trace_layers(self, inputs, self.classify)

    def logits(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → logits (N, classes)."""
        values: Tensor = self.scaling(inputs)
        for stage in self.encoder:
            values = stage(values)
        return values

    def accuracy(self, split: Split) -> Tensor:
        """Share of a split that is classified correctly."""
        parts = split.inputs.split(CLASSIFIED_AT_ONCE)
        predictions = torch.cat([self.classify(part).argmax(1) for part in parts])
        correct: Tensor = predictions == split.labels
        return correct.float().mean()


def up(config: StackedGanConfig, inputs: int, shape: tuple[int, ...]) -> nn.Module:
    """(N, inputs) → values (N, *shape), by convolutions where they are set and it is a picture."""
    if config.network == "conv" and len(shape) > 1:
        return conv_up(inputs, shape, config.channels)
    widths = (inputs, config.hidden, config.hidden, math.prod(shape))
    return nn.Sequential(
        mlp(widths, negative_slope=NEGATIVE_SLOPE, norm=True), nn.Unflatten(1, shape)
    )


def down(config: StackedGanConfig, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Values (N, *shape) → (N, outputs), alike; nothing is normalised, as in any discriminator."""
    if config.network == "conv" and len(shape) > 1:
        return conv_down(shape, config.channels, outputs)
    widths = (math.prod(shape), config.hidden, config.hidden, outputs)
    return nn.Sequential(nn.Flatten(), mlp(widths, negative_slope=NEGATIVE_SLOPE))
