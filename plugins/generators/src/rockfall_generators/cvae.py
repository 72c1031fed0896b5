"""A variational autoencoder that is told the class, and can be asked for one.

Sohn, Lee and Yan 2015, "Learning structured output representation using deep conditional generative
models"; Kingma et al. 2014, "Semi-supervised learning with deep generative models" (M2, all labels
known). The bound of `vae.py` with the class y beside x and z:

    log p(x | y) ≥ E_q[log p(x | z, y)] − KL(q(z | x, y) ‖ p(z))

so that z need only hold what the class leaves open. Of an example whose class nobody told, it is
the one with the highest bound.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import eval_mode
from rockfall_generators.vae import SCORED, Vae


class Cvae(Vae):
    """Inputs (N, …) and classes (N, K) → q(z | x, y) → inputs again."""

    conditional = True

    def recognised(self, values: Tensor) -> Tensor:
        """Values (N, …) → conditions (N, K), the likeliest of all by the mean latents."""
        with eval_mode(self):
            said = self._given_each_class(values, self.noise(1) * 0)
        return self.told(said.argmax(1))

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → log Σ_y p(y) exp ELBO(x | y), nats, a bound on log p(x) (N,)."""
        with eval_mode(self):
            return self._given_each_class(self.scaling(inputs), self.noise(SCORED)).logsumexp(1)

    def sample(self, count: int) -> Tensor:
        """(count, …), classes as often as in the training data."""
        assert self.conditions is not None
        return self.sample_of(self.conditions.draw(count))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.made(self.told(labels))

    def _given_each_class(self, values: Tensor, noise: Tensor) -> Tensor:
        """log p(y) + ELBO(x | y) of values (N, …) for each class (N, K), by draws of ε (M, D)."""
        assert self.conditions is not None
        labels = torch.arange(self.classes, device=values.device)
        said = [self.bound(values, self.told(y.expand(len(values))), noise) for y in labels]
        return torch.stack(said, 1) + self.conditions.shares.log()
