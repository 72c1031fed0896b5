"""`counts-ink`: estimates how many pixels of a picture are ink. Its figure is the error."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall import Dataset


@runtime_checkable
class CountsInk(Protocol):
    """Estimates how many pixels of a picture are ink."""

    def count_ink(self, inputs: Tensor, /) -> Tensor:
        """Pictures (N, C, H, W) as the source gives them → (N,)."""


def ink(inputs: Tensor) -> Tensor:
    """Pictures (N, C, H, W) → the number of pixels that are not black (N,)."""
    return (inputs > 0).float().flatten(1).sum(1)


def evaluate(
    model: CountsInk, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> dict[str, dict[str, Any]]:
    """Mean absolute error on the test split, beside that of always saying the mean."""
    inputs = source.test.inputs[:limit]
    true, usual = ink(inputs), ink(source.train.inputs).mean()
    error = (model.count_ink(inputs) - true).abs().mean().item()
    baseline = {"value": (true - usual).abs().mean().item(), "error": 0.0}
    return {"ink error": {"value": error, "error": 0.0, "baselines": {"the mean": baseline}}}


def check(model: CountsInk, source: Dataset) -> None:
    """One finite number a picture."""
    given = model.count_ink(source.train.inputs[:5])
    assert given.shape == (5,), f"count_ink gave shape {tuple(given.shape)}, not (5,)"
    assert torch.isfinite(given).all(), "counts must be finite"
