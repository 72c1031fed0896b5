"""The generative adversarial network (GAN), of fully connected layers.

Goodfellow et al. 2014, "Generative Adversarial Nets". From noise z the generator makes examples
G(z), and the discriminator says with which probability D(x) an example is real:

    min over G, max over D of  E[log D(x)] + E[log(1 − D(G(z)))]        (equation 1)

Algorithm 1 alternates k ascents of D, each on a mini-batch of real and one of generated examples,
and one descent of G. As section 3 advises, G maximises log D(G(z)) instead, whose gradient does not
vanish where D is confident: the non-saturating loss.

It differs from the paper in what is usual since: Adam, not momentum; leaky ReLU and spectral
normalisation in D, not maxout and dropout; batch normalisation in G for pictures; samples are of an
exponential moving average of G's weights.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from rockfall_generators.adversarial import AdversarialModel
from rockfall_generators.adversarial_update import (
    AdversarialUpdate,
    Metrics,
    discriminator_accuracy,
    discriminator_metrics,
    frozen,
    logits,
)


class GanUpdate(AdversarialUpdate):
    """Both updates of algorithm 1, for one discriminator with D(x) = sigmoid(logit)."""

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """−E[log D(x)] − E[log(1 − D(G(z)))] of logits (N,) and (M,), a scalar.

        The labels 1 and 0 may be smoothed, on one side or both (Salimans et al. 2016, "Improved
        Techniques for Training GANs", section 3.4).
        """
        if self.config.objective == "wasserstein":  # the losses of wgan.py, without its clipping
            return fake_logits.mean() - real_logits.mean()
        real_label, fake_label = self.config.smooth_real, self.config.smooth_fake
        return cross_entropy(real_logits, real_label) + cross_entropy(fake_logits, fake_label)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """−E[log D(G(z))] of logits (N,), a scalar; E[log(1 − D(G(z)))] with objective=minimax."""
        if self.config.objective == "wasserstein":
            return -fake_logits.mean()
        if self.config.objective == "minimax":
            return -F.softplus(fake_logits).mean()
        return F.softplus(-fake_logits).mean()

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        (discriminator,) = self.discriminators
        real_logits, fake_logits = logits(discriminator, real, fake)
        loss = self.discriminator_loss(real_logits, fake_logits)
        penalty = self.penalty(discriminator, real, fake)
        self.minimise_discriminators(loss, penalty)
        self.clip_weights()
        accuracy = discriminator_accuracy(real_logits, fake_logits)
        return discriminator_metrics(loss, accuracy, penalty)

    def generator_step(self, fake: Tensor) -> Metrics:
        (discriminator,) = self.discriminators
        with frozen(discriminator):
            loss = self.generator_loss(discriminator(fake))
            self.minimise_generator(loss)
        return {"generator_loss": loss.detach()}


class Gan(AdversarialModel):
    """Noise z (N, latent) → examples (N, …)."""

    Update = GanUpdate


def cross_entropy(values: Tensor, label: float) -> Tensor:
    """Mean binary cross-entropy of logits (N,) with one label, 0 … 1, for all of them."""
    return F.softplus(values).mean() - label * values.mean()
