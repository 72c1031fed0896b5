"""The best colour and opacity of a polygon, by least squares in closed form.

A polygon of opacity α and colour c covers the pixels m. It is composited over the backdrop L, and
the polygons above it let a share T, the transmittance, through; so it adds α T (c − L) to the
picture. If without it the residual (target minus picture) is e, it changes the squared error by

    Δ(α, c) = Σ over m of |e − α T (c − L)|² − |e|²  =  α² q(c) − 2 α p(c)
    p(c) = c·Σ T e − Σ T e·L          q(c) = |c|² Σ T² − 2 c·Σ T² L + Σ T² |L|²

Nine sums over the covered pixels determine it for every α and c. It is quadratic in each channel of
the colour, so the best one in 0 … 1 is its minimum, clipped; and likewise in α, which is fitted
after the colour. To alternate further gains nothing measurable.
"""

from __future__ import annotations

import torch
from torch import Tensor

SUMS = 9
MIN_TRANSMITTANCE = 1e-6
"""Σ T² below which a polygon is invisible, so that the least-squares problem is singular."""


def sufficient_statistics(residual: Tensor, transmittance: Tensor, backdrop: Tensor) -> Tensor:
    """e (…, 3, P), T (…, P) and L (…, 3, P) → the nine summands of each pixel, (…, 9, P), whose
    sums over the covered pixels `fit_colours` takes.
    """
    transmittance = transmittance[..., None, :]
    weighted = transmittance * residual
    squared = transmittance.square()
    weighted_backdrop = squared * backdrop
    return torch.cat(
        (
            weighted,
            (weighted * backdrop).sum(-2, keepdim=True),
            squared,
            weighted_backdrop,
            (weighted_backdrop * backdrop).sum(-2, keepdim=True),
        ),
        -2,
    )


def fit_colours(
    sums: Tensor, colours: Tensor, min_opacity: float, max_opacity: float
) -> tuple[Tensor, Tensor]:
    """Sums (…, 9) and colours (…, 4) → colours (…, 4) that are at least as good, and the change Δ
    (…,) of the squared error with them.

    The colour of an invisible polygon is returned as it is.
    """
    te, te_l, tt, tt_l, tt_ll = sums.split((3, 1, 1, 3, 1), -1)
    rgb, opacity = colours.split((3, 1), -1)
    best = (tt_l + te / opacity) / tt.clamp(min=MIN_TRANSMITTANCE)
    rgb = torch.where(tt > MIN_TRANSMITTANCE, best, rgb).clamp(0, 1)
    p = (rgb * te).sum(-1, keepdim=True) - te_l
    q = (rgb * (rgb * tt - 2 * tt_l)).sum(-1, keepdim=True) + tt_ll
    # q is 0 where the polygon has the backdrop's colour, and then any opacity does as well.
    opacity = torch.where(q > MIN_TRANSMITTANCE, p / q.clamp(min=MIN_TRANSMITTANCE), opacity)
    opacity = opacity.clamp(min_opacity, max_opacity)
    change = opacity * (opacity * q - 2 * p)
    return torch.cat((rgb, opacity), -1), change.squeeze(-1)
