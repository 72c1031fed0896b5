"""The deep convolutional GAN (DCGAN).

Radford, Metz and Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", section 3: the losses and updates of `gan.py` with networks that

- double and halve the sides of pictures by strided convolutions, with no pooling,
- have no fully connected hidden layers,
- have batch normalisation and ReLU in the generator, whose output is a tanh,
- have leaky ReLU of slope 0.2 in the discriminator.

They are `conv_up` and `conv_down` of `networks.py`. It differs from the paper: the discriminator
has spectral in place of batch normalisation; depth follows the picture's size, so that digits of
8 × 8 are doubled twice and not four times; learning rates are 1e-3, not 2e-4, and β₂ is 0.99;
samples are of an exponential moving average of the generator's weights.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

import rockfall
from rockfall_generators.adversarial import PRESETS, AdversarialConfig
from rockfall_generators.gan import Gan
from rockfall_generators.networks import can_convolve

COLOUR: dict[str, Any] = {
    # A few hundred pictures are soon known by heart; what is seen of them differs each time.
    "augment": ("colour", "shift", "cutout"),
    "upsampling": "resize",  # transposed convolutions leave checkerboards for thousands of steps
    "epochs": 300,
}
LARGE = 64
"""Pixels a side from which on pictures in colour are large."""


class DcganConfig(AdversarialConfig):
    network: Literal["mlp", "conv"] = Field(
        "conv", description="kind of both networks: convolutional; fully connected is a plain gan"
    )
    epochs: int = Field(
        150, ge=1, description="passes over the training split; 6,000 steps on digits"
    )


class Dcgan(Gan):
    """Noise z (N, latent) → pictures (N, C, H, W)."""

    Config = DcganConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        **PRESETS,
        "colour": COLOUR,
        "large-colour": {**COLOUR, "epochs": 200},
        "cifar10": {"channels": 64, "batch_size": 64, "epochs": 20},
    }

    @classmethod
    def preset_for(cls, info: rockfall.SourceInfo) -> str:
        """The preset of pictures in colour that have none of their own, by their size."""
        if info.dtype != "uint8" or not can_convolve(info.shape) or info.shape[0] == 1:
            return ""
        return "large-colour" if max(info.shape[1:]) >= LARGE else "colour"
