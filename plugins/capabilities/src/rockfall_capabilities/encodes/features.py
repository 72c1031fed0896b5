"""The features of a source's examples; of patches, those of the whole pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset, RockfallError
from rockfall.kit.drawing import are_pictures
from rockfall_capabilities.encodes.pooling import pooled
from rockfall_capabilities.encodes.protocol import Encodes

BATCH = 1000


def labelled_examples(source: Dataset) -> Dataset:
    """The examples whose classes a probe predicts: of patches, the whole pictures."""
    return source if source.whole is None else source.whole


def features(model: Encodes, source: Dataset, inputs: Tensor) -> Tensor:
    """Inputs (N, …) of `labelled_examples(source)` → features (N, D)."""
    if source.whole is not None:
        return pooled(model.encode, inputs, source.info.shape[-1], source.stride)
    return torch.cat([model.encode(part) for part in torch.split(inputs, BATCH)])


def baseline_name(data: Dataset) -> str:
    """The name of the inputs themselves, where features are compared with them."""
    return "raw pixels" if are_pictures(data.info.shape, data.info.dtype) else "raw inputs"


def finite_matrix(features: Tensor) -> Tensor:
    """Inputs or features (N, …) as (N, D) float32 on the CPU. Raises RockfallError if some are not
    finite.
    """
    matrix = features.detach().flatten(1).to("cpu", torch.float32)
    if not torch.isfinite(matrix).all():
        raise RockfallError("the features are not finite, so that there is no map of them")
    return matrix
