"""A generative adversarial network of fully-connected layers, as the first one was.

Goodfellow et al. 2014, "Generative Adversarial Nets": from noise z, G makes examples, and D says
how likely an example is real,

    min over G, max over D of  E[log D(x)] + E[log(1 − D(G(z)))]        (equation 1)

with G maximising log D(G(z)) instead, as in section 3.
"""

from __future__ import annotations

from rockfall_generators.adversarial import Adversarial


class Gan(Adversarial):
    """Noise (N, latent) → examples (N, …)."""
