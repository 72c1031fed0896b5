"""The reconstruction error, beside that of the mean example, which takes no input at all."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset, Measurements, measurement
from rockfall.kit.drawing import are_pictures
from rockfall_capabilities.mean_example import mean_example
from rockfall_capabilities.reconstructs.protocol import Reconstructs

BATCH = 1000


def evaluate(
    model: Reconstructs, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`reconstruction error`: mean squared error on the test split, a number of an example; of the
    model and of the training split's mean.
    """
    mean, info = mean_example(source.train), source.info
    parts = torch.split(source.test.evenly_spaced(limit).inputs, BATCH)
    errors = torch.cat([squared_errors(part, model.reconstruct(part)) for part in parts])
    baseline = torch.cat([squared_errors(part, mean) for part in parts])
    name = "mean picture" if are_pictures(info.shape, info.dtype) else "mean example"
    return {"reconstruction error": measurement(errors, {name: baseline})}


def squared_errors(inputs: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared errors (N,) of examples (N, …) and their reconstructions, or one for all (…).

    Bytes count from 0 to 1.
    """
    scale = 255 if inputs.dtype == torch.uint8 else 1
    return ((inputs.float() - reconstructions.float()) / scale).square().flatten(1).mean(1)
