"""What the conformance kit asks of a model that predicts."""

from __future__ import annotations

import torch

from rockfall import Dataset
from rockfall_sequences.predicts.protocol import Predicts
from rockfall_sequences.sequences import outputs_of


def check(model: Predicts, source: Dataset) -> None:
    """The right shape; probabilities, or finite numbers; the same for the same input; and what
    comes later changes nothing that was said before.
    """
    inputs = source.train.inputs[:5]
    given = model.predict(inputs)
    wanted = (*inputs.shape[:2], outputs_of(source.info))
    assert given.shape == wanted, f"predict gave {tuple(given.shape)}, not {wanted}"
    assert torch.isfinite(given).all(), "predictions must be finite"
    if source.info.classes:
        assert ((given >= 0) & (given <= 1)).all(), "probabilities must lie between 0 and 1"
        sums = given.sum(-1)
        assert torch.allclose(sums, torch.ones_like(sums), atol=1e-4), "they must sum to 1"
    assert torch.equal(given, model.predict(inputs)), "predict must be deterministic"
    middle = inputs.shape[1] // 2
    later = inputs.clone()
    later[:, middle:] = inputs[:, middle:].flip(0)
    before = model.predict(later)[:, :middle]
    assert torch.allclose(before, given[:, :middle], atol=1e-5), (
        "what comes later changes what it predicts of an earlier step"
    )
