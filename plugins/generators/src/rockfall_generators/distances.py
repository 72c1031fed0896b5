"""Distances between two sets of examples: Fréchet distance, and precision and recall."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BATCH = 500
NEIGHBOURS = 3
"""k of improved precision and recall (Kynkäänniemi et al. 2019, "Improved Precision and Recall
Metric for Assessing Generative Models", section 2)."""
ROUNDING = 1e-12
"""Relative to the squared lengths of two vectors, an ample bound on the rounding error of their
squared distance in float64."""


class PrecisionRecall(NamedTuple):
    """precision: share of generated examples within the real distribution's support; recall: share
    of real ones within the generated distribution's.
    """

    precision: float
    recall: float


def float64(values: Tensor) -> Tensor:
    """(N, …) → (N, D) in float64, on their device if that has the type."""
    return (values.cpu() if values.device.type == "mps" else values).double().flatten(1)


def frechet(first: Tensor, second: Tensor) -> float:
    """Squared Fréchet distance between Gaussians fitted to (N, D) and (M, D).

    |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½): Heusel et al. 2017, "GANs Trained by a Two Time-Scale
    Update Rule Converge to a Local Nash Equilibrium", equation 6. The trace of the root is the sum
    of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric: nothing becomes imaginary,
    and covariances may be singular. One example alone has covariance 0.
    """
    (m1, c1), (m2, c2) = (_gaussian(float64(values)) for values in (first, second))
    values, vectors = torch.linalg.eigh(c1)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    product = root @ c2 @ root
    shared = torch.linalg.eigvalsh((product + product.T) / 2).clamp_min(0).sqrt().sum()
    distance = (m1 - m2).square().sum() + c1.trace() + c2.trace() - 2 * shared
    return max(0.0, float(distance))


def precision_recall(real: Tensor, generated: Tensor, k: int = NEIGHBOURS) -> PrecisionRecall:
    """Improved precision and recall of `generated` (M, D) against `real` (N, D).

    An example is within a set's support if it is no further from one of the set's examples than
    that one's k-th nearest neighbour in the set (Kynkäänniemi et al. 2019, equations 1 and 2). In a
    set of no more than k examples the furthest counts as the k-th; one alone has only itself.
    """
    real, generated = float64(real), float64(generated)
    radii_real, radii_generated = _radii(real, k), _radii(generated, k)
    precise = []
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for part, radii in zip(generated.split(BATCH), radii_generated.split(BATCH), strict=True):
        distances = squared_distances(part, real)
        precise.append((distances <= radii_real).any(1))
        recalled |= (distances <= radii[:, None]).any(0)
    return PrecisionRecall(
        torch.cat(precise).double().mean().item(), recalled.double().mean().item()
    )


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """(N, D) and (M, D) float64 → (N, M); exactly 0 where two are the same."""
    lengths = first.square().sum(1)[:, None] + second.square().sum(1)
    distances = torch.addmm(lengths, first, second.T, alpha=-2)
    return distances.masked_fill_(distances <= ROUNDING * lengths, 0)


def _gaussian(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and unbiased covariance (D, D) of (N, D)."""
    mean = values.mean(0)
    centred = values - mean
    return mean, centred.T @ centred / max(1, len(values) - 1)


def _radii(values: Tensor, k: int) -> Tensor:
    """(N, D) → squared distance (N,) of each to its k-th nearest neighbour but itself."""
    nearest = min(k + 1, len(values))
    parts = (squared_distances(part, values) for part in values.split(BATCH))
    return torch.cat([part.topk(nearest, largest=False).values[:, -1] for part in parts])
