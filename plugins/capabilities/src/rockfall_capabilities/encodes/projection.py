"""Features projected into the plane.

PCA: Pearson 1901, "On lines and planes of closest fit to systems of points in space". t-SNE: van
der Maaten and Hinton 2008, "Visualizing Data using t-SNE".
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rockfall import RockfallError
from rockfall_capabilities.encodes.features import finite_matrix

Projection = Literal["identity", "pca", "tsne"]
"""How features become points in the plane; identity, if they are two."""

PERPLEXITY = 30.0
"""About how many neighbours of an example t-SNE considers."""


def choose_projection(features: Tensor, by: str = "auto") -> Projection:
    """How features (N, D) are projected if `by` is asked for: auto, pca or tsne."""
    if by == "tsne":
        return "tsne"
    return "identity" if by == "auto" and features.shape[1] == 2 else "pca"


def project(features: Tensor, projection: Projection) -> Tensor:
    """Features (N, D), D ≥ 2, N ≥ 3 → points (N, 2), the same for the same features.

    t-SNE takes some seconds for a thousand. Raises RockfallError for features that are not finite,
    and by t-SNE for features that are all alike.
    """
    from threadpoolctl import threadpool_limits

    features = finite_matrix(features)
    if projection == "identity":
        return features
    with threadpool_limits(torch.get_num_threads()):
        components = _components(features)
        return components if projection == "pca" else _neighbours(features, components)


def _components(features: Tensor) -> Tensor:
    from sklearn.utils.extmath import randomized_svd

    left, sizes, _ = randomized_svd((features - features.mean(0)).numpy(), 2, random_state=0)
    return torch.from_numpy(left * sizes)


def _neighbours(features: Tensor, components: Tensor) -> Tensor:
    from sklearn.manifold import TSNE

    extent = components[:, 0].std()
    if not extent:
        raise RockfallError("the features are all alike, so that t-SNE finds no neighbours")
    tsne = TSNE(
        perplexity=min(PERPLEXITY, (len(features) - 1) / 3),
        init=(components / extent * 1e-4).numpy(),
        random_state=0,
    )
    return torch.from_numpy(tsne.fit_transform(features.numpy()))
