"""What the conformance kit asks of a model that blends."""

from __future__ import annotations

import torch

from rockfall import Dataset, fork_rng
from rockfall_capabilities.blends.protocol import Blends
from rockfall_capabilities.samples_by_class.protocol import is_conditional


def check(model: Blends, source: Dataset) -> None:
    """A finite latent an example, which the seed decides, and an example a latent."""
    inputs, labels = source.train[:5]
    if not is_conditional(model):
        labels = torch.full_like(labels, -1)
    found = []
    for _ in range(2):
        with fork_rng(seed=0):
            found.append(model.latents(inputs, labels))
    latents, again = found
    assert latents.ndim == 2 and len(latents) == len(inputs), f"latents gave {tuple(latents.shape)}"
    assert latents.is_floating_point(), f"latents gave {latents.dtype}"
    assert torch.isfinite(latents).all(), "latents must be finite"
    assert torch.equal(latents, again), "the same seed must give the same latents"
    decoded = model.decode(latents)
    assert decoded.shape == inputs.shape, f"decode gave {tuple(decoded.shape)}"
    assert decoded.dtype == inputs.dtype, f"decode gave {decoded.dtype}, not {inputs.dtype}"
    assert torch.isfinite(decoded).all(), "what is decoded must be finite"
    assert torch.equal(decoded, model.decode(latents)), "decode must be deterministic"
    assert isinstance(model.spherical, bool), f"spherical must be a bool, not {model.spherical!r}"
