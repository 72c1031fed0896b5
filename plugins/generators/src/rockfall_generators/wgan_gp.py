"""A Wasserstein GAN whose critic is bounded by a penalty on its slope, not by clipping.

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", algorithm 1.
"""

from __future__ import annotations

from pydantic import Field

from rockfall_generators import objectives, penalties
from rockfall_generators.adversarial import PRESETS, Adversarial, AdversarialConfig


class WganGpConfig(AdversarialConfig):
    objective: objectives.Name = Field("wasserstein", description="what each side minimises")
    penalty: penalties.Name = Field("gradient", description="on the critic's slope")
    spectral_norm: bool = Field(False, description="bound the slope of each layer of D by 1")
    discriminator_steps: int = Field(
        2, ge=1, description="of the critic, a generator step; their 5 learn digits more slowly"
    )


class WganGp(Adversarial):
    """Noise (N, latent) → examples (N, …)."""

    Config = WganGpConfig
    presets = PRESETS | {
        "gaussian-1d": PRESETS["gaussian-1d"] | {"penalty_weight": 0.1},
        "ring": {"latent": 8, "batch_size": 128, "epochs": 150, "penalty_weight": 0.1},
    }
