"""A GAN whose discriminator is a critic: the difference of its means is a distance.

Arjovsky, Chintala and Bottou 2017, "Wasserstein Generative Adversarial Networks", algorithm 1: the
critic's slope is bounded by clipping its weights, it learns some steps for each of the generator's,
and both without momentum.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rockfall_generators import objectives
from rockfall_generators.adversarial import PRESETS, Adversarial, AdversarialConfig


class WganConfig(AdversarialConfig):
    objective: objectives.Name = Field("wasserstein", description="what each side minimises")
    optimizer: Literal["adam", "rmsprop"] = Field("rmsprop", description="has no momentum: theirs")
    lr: float = Field(5e-4, gt=0, description="of the generator; theirs is 5e-5, for days of steps")
    discriminator_lr: float = Field(5e-4, gt=0, description="of the critic")
    clip: float = Field(
        0.1, ge=0, description="the critic's weights are kept so small; their 0.01 blurs digits"
    )
    discriminator_steps: int = Field(
        2, ge=1, description="of the critic, a generator step; their 5 leave it too few"
    )
    spectral_norm: bool = Field(False, description="bound the slope of each layer of D by 1")


class Wgan(Adversarial):
    """Noise (N, latent) → examples (N, …)."""

    Config = WganConfig
    presets = PRESETS | {"ring": {"latent": 8, "batch_size": 128, "epochs": 150}}
