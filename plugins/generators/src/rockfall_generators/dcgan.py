"""A GAN of convolutions: pictures grow from a few wide maps to full size, and are judged the same
way back.

Radford, Metz and Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", section 3.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rockfall_generators.adversarial import Adversarial, AdversarialConfig


class DcganConfig(AdversarialConfig):
    network: Literal["mlp", "conv"] = Field("conv", description="mlp makes it a plain gan")
    epochs: int = Field(150, ge=1, description="passes over the data; 6,000 steps on digits")


class Dcgan(Adversarial):
    """Noise (N, latent) → pictures (N, C, H, W)."""

    Config = DcganConfig
