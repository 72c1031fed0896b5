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

from typing import Literal

from pydantic import Field

from rockfall_generators.adversarial import AdversarialConfig
from rockfall_generators.gan import Gan


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
