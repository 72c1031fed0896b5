"""Features as places in the plane, and how well they cluster by class.

PCA: Pearson 1901, "On lines and planes of closest fit to systems of points in space". t-SNE: van
der Maaten and Hinton 2008, "Visualizing Data using t-SNE". Purity: Manning, Raghavan and Schütze
2008, "Introduction to Information Retrieval", section 16.3.
"""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from torch import Tensor

from rockfall import RockfallError

Way = Literal["themselves", "pca", "tsne"]
"""How features become places: they are two, or else by a method."""

PERPLEXITY = 30.0
"""About how many neighbours t-SNE places an example by."""


def way(features: Tensor, by: str = "auto") -> Way:
    """How features (N, D) become places if `by` is asked for: auto, pca or tsne."""
    if by == "tsne":
        return "tsne"
    return "themselves" if by == "auto" and features.shape[1] == 2 else "pca"


def places(features: Tensor, how: Way) -> Tensor:
    """Features (N, D), D ≥ 2, N ≥ 3 → places (N, 2), the same for the same.

    t-SNE takes some seconds for a thousand. Raises RockfallError for features that are not finite,
    and by t-SNE for features that are all alike.
    """
    from threadpoolctl import threadpool_limits

    features = finite(features)
    if how == "themselves":
        return features
    with threadpool_limits(torch.get_num_threads()):
        components = _components(features)
        return components if how == "pca" else _neighbours(features, components)


def purity(features: Tensor, labels: Tensor, clusters: int) -> Tensor:
    """(N,) 1.0 where an example is of the commonest class of its cluster.

    features: (N, …). labels: (N,) from 0 up. The clusters, at most N, are those of k-means, the
    best of ten beginnings. Raises RockfallError for features that are not finite.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    numbers, labels = finite(features).numpy(), labels.cpu()
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer places than clusters
        kmeans = KMeans(clusters, n_init=10, random_state=0).fit(numbers)
    found = torch.from_numpy(kmeans.labels_).long()
    counts = torch.zeros(clusters, int(labels.max()) + 1)
    counts.index_put_((found, labels), torch.ones(len(labels)), accumulate=True)
    return (counts.argmax(1)[found] == labels).float()


def finite(features: Tensor) -> Tensor:
    """Inputs or features (N, …) as (N, D) float32 numbers. Raises RockfallError if some are not."""
    numbers = features.detach().flatten(1).to("cpu", torch.float32)
    if not torch.isfinite(numbers).all():
        raise RockfallError("the features are not finite, so that there is no map of them")
    return numbers


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
