"""The Wasserstein GAN with gradient penalty (WGAN-GP).

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", algorithm 1. The critic f of a
Wasserstein GAN (`wgan.py`) is Lipschitz not because its weights are clipped, but because its loss

    E[f(G(z))] − E[f(x)] + λ E[(‖∇f(x̂)‖₂ − 1)²],   x̂ = ε x + (1 − ε) G(z),  ε ~ U[0, 1]

(equation 3) penalises gradients whose norm is not 1 between real and generated examples.

It differs from the paper: β₁ is 0.5 and β₂ 0.99, not 0 and 0.9, learning rates 1e-3, not 1e-4;
the critic has 2 updates for each of the generator, not 5; samples are of an exponential moving
average of the generator's weights.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from rockfall_generators import penalties
from rockfall_generators.adversarial import PRESETS, AdversarialConfig, AdversarialModel
from rockfall_generators.adversarial_update import (
    Metrics,
    Objective,
    discriminator_accuracy,
    discriminator_metrics,
    logits,
)
from rockfall_generators.wgan import WganUpdate


class WganGpConfig(AdversarialConfig):
    objective: Objective = Field(
        "wasserstein",
        description="adversarial loss: of a critic; non-saturating and minimax are those of a gan",
    )
    penalty: penalties.Name = Field(
        "gradient",
        description="gradient penalty on the critic: gradient (norm 1, between real and generated "
        "examples), as in the paper, or r1 (norm 0, at real ones)",
    )
    spectral_norm: bool = Field(
        False, description="spectral normalisation of the critic; the penalty is in its place"
    )
    discriminator_steps: int = Field(
        2,
        ge=1,
        description="updates of the critic for each of the generator; with the paper's 5 digits "
        "are learned more slowly",
    )


class WganGpUpdate(WganUpdate):
    """The critic's update of algorithm 1; the generator's is that of a Wasserstein GAN."""

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        """Algorithm 1, lines 4 to 9."""
        if self.config.penalty != "gradient":  # an ablation of the method
            return super().discriminator_step(real, fake)
        (critic,) = self.discriminators
        real_scores, fake_scores = logits(critic, real, fake)
        loss = self.discriminator_loss(real_scores, fake_scores)
        penalty = penalties.gradient_penalty(critic, real, fake, self.data_channels)
        self.minimise_discriminators(loss, penalty)  # loss + λ · penalty
        self.clip_weights()  # not at all, but for a setting
        accuracy = discriminator_accuracy(real_scores, fake_scores)
        return discriminator_metrics(loss, accuracy, penalty)


class WganGp(AdversarialModel):
    """Noise z (N, latent) → examples (N, …)."""

    Config = WganGpConfig
    Update = WganGpUpdate
    presets = PRESETS | {
        "gaussian-1d": PRESETS["gaussian-1d"] | {"penalty_weight": 0.1},
        "ring": {"latent": 8, "batch_size": 128, "epochs": 150, "penalty_weight": 0.1},
    }
