"""A generative adversarial network of fully-connected layers, as the first one was.

Goodfellow et al. 2014, "Generative Adversarial Nets": from noise z, G makes examples, and D says
how likely an example is real,

    min over G, max over D of  E[log D(x)] + E[log(1 − D(G(z)))]        (equation 1)

with G maximising log D(G(z)) instead, as in section 3.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rockfall_generators.adversarial import Adversarial, AdversarialConfig


class Gan(Adversarial):
    """Noise (N, latent) → examples (N, …)."""

    Config = AdversarialConfig
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"hidden": 16, "latent": 4, "epochs": 1, "batch_size": 256},
    }
