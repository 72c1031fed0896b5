"""How well features cluster by class.

Purity: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", section 16.3.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from rockfall_capabilities.encodes.features import finite_matrix


def purity(features: Tensor, labels: Tensor, clusters: int) -> Tensor:
    """(N,) 1.0 where an example is of the commonest class of its cluster.

    features: (N, …). labels: (N,) from 0 up. The clusters, at most N, are those of k-means, the
    best of ten initialisations. Raises RockfallError for features that are not finite.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    matrix, labels = finite_matrix(features).numpy(), labels.cpu()
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer points than clusters
        kmeans = KMeans(clusters, n_init=10, random_state=0).fit(matrix)
    cluster = torch.from_numpy(kmeans.labels_).long()
    counts = torch.zeros(clusters, int(labels.max()) + 1)
    counts.index_put_((cluster, labels), torch.ones(len(labels)), accumulate=True)
    return (counts.argmax(1)[cluster] == labels).float()
