"""A GAN with several discriminators: what one overlooks, another may see.

Durugkar, Gemp and Mahadevan 2017, "Generative Multi-Adversarial Networks", section 4: the generator
minimises its losses L₁ … L_K to all of them, weighted by how harsh each is,

    Σₖ wₖ Lₖ,  w = softmax(λ L)

where λ = 0 is their mean, and a large λ leaves the harshest alone. A step takes w as given.
"""

from __future__ import annotations

from pydantic import Field
from torch import nn

import rockfall
from rockfall_generators.adversarial import Adversarial, AdversarialConfig


class MultiGanConfig(AdversarialConfig):
    epochs: int = Field(120, ge=1, description="passes over the data; each costs as three of a gan")
    discriminators: int = Field(3, ge=1, le=100, description="how many judge")
    harshness: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="λ: how much more the harsher ones count; 0: all of them alike",
    )


class MultiGan(Adversarial):
    """Noise (N, latent) → examples (N, …)."""

    Config = MultiGanConfig

    def __init__(self, config: MultiGanConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info)
        self.harshness = config.harshness

    def build_discriminators(self) -> nn.ModuleList:
        return nn.ModuleList(self.build_discriminator() for _ in range(self.config.discriminators))
