"""A GAN whose discriminator is a critic: the difference of its means is a distance.

Arjovsky, Chintala and Bottou 2017, "Wasserstein Generative Adversarial Networks", algorithm 1: the
critic's slope is bounded by clipping its weights, it learns five steps for each of the generator's,
and both without momentum.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rockfall_generators import objectives
from rockfall_generators.adversarial import Adversarial, AdversarialConfig


class WganConfig(AdversarialConfig):
    objective: objectives.Name = Field("wasserstein", description="what each side minimises")
    clip: float = Field(0.01, ge=0, description="the critic's weights are kept so small: theirs")
    spectral_norm: bool = Field(False, description="bound the slope of each layer of D by 1")
    discriminator_steps: int = Field(5, ge=1, description="of the critic, a generator step: theirs")


class Wgan(Adversarial):
    """Noise (N, latent) → examples (N, …)."""

    Config = WganConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": 16, "latent": 4, "epochs": 1, "batch_size": 256},
    }
