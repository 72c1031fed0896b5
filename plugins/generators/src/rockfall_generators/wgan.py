"""The Wasserstein GAN (WGAN), with weight clipping.

Arjovsky, Chintala and Bottou 2017, "Wasserstein Generative Adversarial Networks", algorithm 1. The
discriminator is a critic f, whose score is no probability. Over all 1-Lipschitz functions

    W = max over f of  E[f(x)] − E[f(G(z))]        (equation 2)

is the Wasserstein-1 distance between data and generated examples, which G minimises; its gradient
does not vanish however good the critic is. The critic is Lipschitz because its weights are clipped
to [−c, c] after each of its n updates, which come before every one of G, by RMSProp: momentum makes
it unstable.

It differs from the paper: c is 0.1, not 0.01, learning rates 5e-4, not 5e-5, and n is 2, not 5;
samples are of an exponential moving average of G's weights.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from rockfall_generators.adversarial import PRESETS, AdversarialConfig, AdversarialModel
from rockfall_generators.adversarial_update import (
    Metrics,
    Objective,
    discriminator_accuracy,
    discriminator_metrics,
    logits,
)
from rockfall_generators.gan import GanUpdate


class WganConfig(AdversarialConfig):
    objective: Objective = Field(
        "wasserstein",
        description="adversarial loss: of a critic; non-saturating and minimax are those of a gan",
    )
    optimizer: Literal["adam", "rmsprop"] = Field(
        "rmsprop", description="optimizer of both sides: RMSProp, as in the paper, has no momentum"
    )
    lr: float = Field(
        5e-4,
        gt=0,
        description="peak learning rate of the generator's optimizer; the paper's 5e-5 takes long",
    )
    discriminator_lr: float = Field(
        5e-4, gt=0, description="peak learning rate of the critic's optimizer"
    )
    clip: float = Field(
        0.1,
        ge=0,
        description="weight clipping c: the critic's stay in [−c, c]; the paper's 0.01 blurs "
        "digits; 0: off",
    )
    discriminator_steps: int = Field(
        2,
        ge=1,
        description="updates of the critic for each of the generator; the paper's 5 leave the "
        "generator too few",
    )
    spectral_norm: bool = Field(
        False, description="spectral normalisation of the critic; its weights are clipped instead"
    )


class WganUpdate(GanUpdate):
    """Both updates of algorithm 1. The scores of a critic are its network's outputs (N,)."""

    def discriminator_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """−(E[f(x)] − E[f(G(z))]), of scores (N,) and (M,): a scalar."""
        if self.config.objective != "wasserstein":
            return super().discriminator_loss(real_scores, fake_scores)
        return fake_scores.mean() - real_scores.mean()

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """−E[f(G(z))], of scores (N,): a scalar."""
        if self.config.objective != "wasserstein":
            return super().generator_loss(fake_scores)
        return -fake_scores.mean()

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        """Algorithm 1, lines 5 to 7."""
        (critic,) = self.discriminators
        real_scores, fake_scores = logits(critic, real, fake)
        loss = self.discriminator_loss(real_scores, fake_scores)
        penalty = self.penalty(critic, real, fake)  # none, but for a setting
        self.minimise_discriminators(loss, penalty)
        self.clip_weights()  # w ← clip(w, −c, c)
        accuracy = discriminator_accuracy(real_scores, fake_scores)
        return discriminator_metrics(loss, accuracy, penalty)


class Wgan(AdversarialModel):
    """Noise z (N, latent) → examples (N, …)."""

    Config = WganConfig
    Update = WganUpdate
    presets = PRESETS | {"ring": {"latent": 8, "batch_size": 128, "epochs": 150}}
