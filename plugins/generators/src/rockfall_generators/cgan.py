"""The conditional GAN (CGAN).

Mirza and Osindero 2014, "Conditional Generative Adversarial Nets". Generator and discriminator are
both conditioned on the class y of an example:

    min over G, max over D of  E[log D(x | y)] + E[log(1 − D(G(z | y) | y))]        (equation 2)

The losses and updates are those of `gan.py` on what is conditioned. G is given y as a one-hot
vector beside the noise; D is given it as further inputs, of pictures constant planes, one a class.
Generated examples have the classes of the batch of real ones.

It differs from the paper: y enters both networks at their first layer, not through hidden layers of
its own; and, as in `gan.py`, Adam, batch and spectral normalisation and averaged weights are for
momentum, maxout and dropout.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

import rockfall
from rockfall_generators.adversarial import PRESETS, AdversarialConfig, AdversarialModel
from rockfall_generators.conditions import ClassConditions
from rockfall_generators.gan import GanUpdate


class CganConfig(AdversarialConfig):
    guidance: float = Field(
        1.0,
        gt=0,
        le=10,
        description="guidance of the samples: how many times the one-hot class they are asked for "
        "with; above 1 classes are exaggerated, typical and alike",
    )


class Cgan(AdversarialModel):
    """Noise z (N, latent) and one-hot classes y (N, K) → examples (N, …).

    Raises ValueError, as `AdversarialModel` does, and for a source of fewer than two classes.
    """

    Config: ClassVar[type[AdversarialConfig]] = CganConfig
    Update = GanUpdate
    presets = PRESETS | {
        "ring": {  # told the class, it has one mode to make: noise need not be in parts
            "latent": 8,
            "batch_size": 128,
            "epochs": 150,
            "schedule": "cosine",
            "spectral_norm": False,
            "penalty": "r1",
            "penalty_weight": 0.02,
        }
    }
    conditions: ClassConditions

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions:
        return ClassConditions(info)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, classes as often as in the training split."""
        return self.sample_of(self.conditions.sample_labels(count))

    def sample_latents(self, count: int) -> Tensor:
        """Noise and classes (count, latent + K), classes as often as in the training split."""
        return self._latents_of(self.conditions.sample_labels(count))

    def sample_of(self, labels: Tensor, guidance: float | None = None) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type. guidance: None: that of
        the settings.
        """
        latents = self._latents_of(labels)
        latents[:, self.config.latent :] *= guidance or self.config.guidance
        return self.decode_any(latents)

    def _latents_of(self, labels: Tensor) -> Tensor:
        return torch.cat((self.sample_noise(len(labels)), self.conditions(labels)), 1)
