"""Pictures and their labels mixed with those of the same batch: mixup and CutMix.

Labels are probabilities (N, K) here, before and after: a picture that is two thirds a cat has two
thirds of a cat's label.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Gamma

SMALLEST_LOG = -1e30
"""What every logarithm below it counts as: the difference of two must stay a number."""


def mixup(pictures: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """λ of each picture and 1 − λ of another, and so of their targets, λ of Beta(alpha, alpha).

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", equation 1; each picture of any
    floating type draws its own λ. Raises ValueError for an alpha that is not above 0.
    """
    share = _shares(pictures, alpha)
    other = torch.randperm(len(pictures), device=pictures.device)
    return (
        _mixed(pictures, pictures[other], share.view(-1, 1, 1, 1)),
        _mixed(targets, targets[other], share.view(-1, 1)),
    )


def cutmix(pictures: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of another picture into each at its own place, and mix their targets by
    the areas that are seen of both.

    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
    Features", section 3: the rectangle has the picture's aspect ratio and an area of 1 − λ of it,
    λ of Beta(alpha, alpha), its middle is anywhere, and what lies outside is cut off. Raises
    ValueError for an alpha that is not above 0.
    """
    side = (1 - _shares(pictures, alpha)).sqrt()
    other = torch.randperm(len(pictures), device=pictures.device)
    rows, columns = (_stretch(pictures, side, length) for length in pictures.shape[2:])
    pasted = rows[:, None, :, None] & columns[:, None, None, :]
    kept = 1 - pasted.to(targets.dtype).mean((1, 2, 3))
    return (
        torch.where(pasted, pictures[other], pictures),
        _mixed(targets, targets[other], kept.view(-1, 1)),
    )


def _shares(pictures: Tensor, alpha: float) -> Tensor:
    """λ (N,) of Beta(alpha, alpha), also for a small alpha, of which torch's own draws 1 / 2.

    X / (X + Y) of two gamma variables, by their logarithms: that of Gamma(α) is distributed as of
    Gamma(α + 1) times U^(1/α).
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be above 0, not {alpha}")
    shape = torch.full((2, len(pictures)), alpha + 1.0, device=pictures.device)
    # To validate them, the device would be waited for.
    gamma = Gamma(shape, torch.ones_like(shape), validate_args=False).sample()
    power = torch.log1p(-torch.rand_like(gamma)) / alpha
    one, other = gamma.log() + power.clamp(min=SMALLEST_LOG)
    return torch.sigmoid(one - other)


def _mixed(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    share = share.to(one.dtype)
    return share * one + (1 - share) * other


def _stretch(pictures: Tensor, share: Tensor, length: int) -> Tensor:
    """(N, length): whether a place is within a stretch of so great a share, about any place."""
    size = (share * length).round()
    middle = torch.randint(length, (len(pictures),), device=pictures.device)
    first = middle - size // 2
    places = torch.arange(length, device=pictures.device)
    return (places >= first[:, None]) & (places < (first + size)[:, None])
