"""The generative multi-adversarial network (GMAN): a GAN with several discriminators.

Durugkar, Gemp and Mahadevan 2017, "Generative Multi-Adversarial Networks", section 4. Each of N
discriminators minimises its own loss of `gan.py`; the generator minimises its losses L₁ … L_N to
all of them, weighted by how well each discriminator does (GMAN-λ):

    Σᵢ wᵢ Lᵢ,   w = softmax(λ L)

λ = 0 is their mean, a large λ leaves the best discriminator alone. The weights count as constants.

It differs from the paper: λ is a setting and is not learned (as in GMAN*); L is the non-saturating
loss unless objective=minimax, the paper's; the discriminators differ by their initial weights
alone, not in architecture or dropout.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from rockfall.kit.parallel import average
from rockfall_generators.adversarial import AdversarialConfig, AdversarialModel
from rockfall_generators.adversarial_update import (
    Metrics,
    discriminator_accuracy,
    discriminator_metrics,
    frozen,
    logits,
)
from rockfall_generators.gan import GanUpdate


class MultiGanConfig(AdversarialConfig):
    epochs: int = Field(
        120, ge=1, description="passes over the training split; each costs as three of a gan"
    )
    discriminators: int = Field(3, ge=1, le=100, description="number of discriminators")
    temperature: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="λ of the softmax by which the generator weights its losses: a larger one "
        "prefers the best discriminators, 0 is their mean",
    )


class MultiGanUpdate(GanUpdate):
    """Both updates, for several discriminators with the losses of a GAN each."""

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        """All discriminators by the mean of their losses: their weights are apart, so that one
        optimizer step is one of each.
        """
        losses, accuracies, penalties = [], [], []
        for discriminator in self.discriminators:
            real_logits, fake_logits = logits(discriminator, real, fake)
            losses.append(self.discriminator_loss(real_logits, fake_logits))
            accuracies.append(discriminator_accuracy(real_logits, fake_logits))
            penalty = self.penalty(discriminator, real, fake)
            if penalty is not None:
                penalties.append(penalty)
        loss = torch.stack(losses).mean()
        mean_penalty = torch.stack(penalties).mean() if penalties else None
        self.minimise_discriminators(loss, mean_penalty)
        self.clip_weights()
        return discriminator_metrics(loss, torch.stack(accuracies).mean(), mean_penalty)

    def generator_step(self, fake: Tensor) -> Metrics:
        with frozen(self.discriminators):
            losses = torch.stack(
                [self.generator_loss(discriminator(fake)) for discriminator in self.discriminators]
            )
            means = losses.detach().clone()
            average(means)
            weights = (self.config.temperature * means).softmax(0)
            loss = losses @ weights
            self.minimise_generator(loss)
        return {"generator_loss": loss.detach()}


class MultiGan(AdversarialModel):
    """Noise z (N, latent) → examples (N, …)."""

    Config = MultiGanConfig
    Update = MultiGanUpdate

    def build_discriminators(self) -> nn.ModuleList:
        return nn.ModuleList(self.build_discriminator() for _ in range(self.config.discriminators))
