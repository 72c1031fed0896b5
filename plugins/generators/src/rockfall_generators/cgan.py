"""A GAN in which both sides are told the class, so that one can ask for it.

Mirza and Osindero 2014, "Conditional Generative Adversarial Nets", equation 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall_generators.adversarial import Adversarial


class Cgan(Adversarial):
    """Noise (N, latent) and classes (N, K) → examples (N, …)."""

    conditional = True

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, classes as often as in the training data."""
        assert self.conditions is not None
        return self.sample_of(self.conditions.draw(count))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.decode(torch.cat((self.drawn(len(labels)), self.told(labels)), 1))
