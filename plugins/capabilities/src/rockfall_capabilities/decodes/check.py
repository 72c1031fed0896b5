"""What the conformance kit asks of a model that decodes."""

from __future__ import annotations

import torch

from rockfall import Dataset, fork_rng
from rockfall_capabilities.blends.protocol import Blends
from rockfall_capabilities.decodes.protocol import Decodes
from rockfall_capabilities.samples_by_class.protocol import is_conditional


def check(model: Decodes, source: Dataset) -> None:
    """Finite latents, which the seed decides; examples of them, which differ as they do; and of a
    model that samples by class, the class in the last of them.
    """
    wanted, classes = source.train.inputs[:5], len(source.info.classes)
    found = []
    for seed in (0, 0, 1):
        with fork_rng(seed):
            found.append(model.sample_latents(5))
    latents, again, other = found
    assert latents.ndim == 2 and len(latents) == 5, f"sample_latents gave {tuple(latents.shape)}"
    assert latents.is_floating_point(), f"sample_latents gave {latents.dtype}"
    assert torch.isfinite(latents).all(), "sample_latents must be finite"
    assert torch.equal(latents, again), "the same seed must give the same latents"
    assert not torch.equal(latents, other), "another seed must give other latents"
    if is_conditional(model):
        given = latents[:, -classes:]
        one_hot = ((given == 0) | (given == 1)).all() and (given.sum(1) == 1).all()
        assert one_hot, f"the last {classes} latents must be the class, one-hot"
    if isinstance(model, Blends):
        size = model.latents(wanted[:1], source.train.labels[:1]).shape[1]
        assert latents.shape[1] == size, f"it blends {size} latents and samples {latents.shape[1]}"
    decoded = model.decode(latents)
    assert decoded.shape == wanted.shape, f"decode gave {tuple(decoded.shape)}"
    assert decoded.dtype == wanted.dtype, f"decode gave {decoded.dtype}, not {wanted.dtype}"
    assert torch.isfinite(decoded).all(), "what is decoded must be finite"
    assert torch.equal(decoded, model.decode(latents)), "decode must be deterministic"
    assert not torch.equal(decoded, model.decode(other)), "other latents must give other examples"
