"""The conditional variational autoencoder (CVAE).

Sohn, Lee and Yan 2015, "Learning Structured Output Representation using Deep Conditional Generative
Models"; Kingma et al. 2014, "Semi-supervised Learning with Deep Generative Models" (M2, with all
labels known). The bound of `vae.py` with encoder and decoder conditioned on the class y:

    log p(x | y) ≥ E_q[log p(x | z, y)] − KL(q(z | x, y) ‖ p(z))

so that z need only represent what the class leaves open. The class of an example without a label is
inferred: the one with the highest bound.

It differs from Sohn et al.: the prior of z does not depend on y; there is no recurrent connection
and no hybrid objective. It differs from M2: it has no classifier q(y | x) of its own.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

import rockfall
from rockfall import eval_mode
from rockfall_generators.conditions import ClassConditions
from rockfall_generators.vae import SCORE_SAMPLES, Vae


class Cvae(Vae):
    """Inputs (N, …) and one-hot classes (N, K) → q(z | x, y) → reconstructions (N, …).

    Raises ValueError, as `EncoderDecoder` does, and for a source of fewer than two classes.
    """

    conditions: ClassConditions
    withholds_class: ClassVar[bool] = True

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions:
        return ClassConditions(info)

    def infer_conditions(self, values: Tensor) -> Tensor:
        """Values (N, …) → conditions (N, K): the most probable class, by the posterior mean."""
        with eval_mode(self):
            bounds = self._log_joint_bounds(values, self.fixed_noise(1) * 0)
        conditions: Tensor = self.conditions(bounds.argmax(1))
        return conditions

    def score(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → log Σ_y p(y) exp ELBO(x | y), nats, a bound on log p(x) (N,)."""
        with eval_mode(self):
            noise = self.fixed_noise(SCORE_SAMPLES)
            return self._log_joint_bounds(self.scaling(inputs), noise).logsumexp(1)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, classes as often as in the training split."""
        return self.sample_of(self.conditions.sample_labels(count))

    def sample_latents(self, count: int) -> Tensor:
        """Latents of the prior and classes (count, latent + K), these as often as in training."""
        return self.prior_latents(self.conditions(self.conditions.sample_labels(count)))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.generate(self.conditions(labels))

    def _log_joint_bounds(self, values: Tensor, noise: Tensor) -> Tensor:
        """log p(y) + ELBO(x | y) of values (N, …) for each class (N, K), by ε (M, latent)."""
        labels = torch.arange(self.conditions.count, device=values.device)
        bounds = [self.elbo(values, self.conditions(y.expand(len(values))), noise) for y in labels]
        return torch.stack(bounds, 1) + self.conditions.shares.log()
