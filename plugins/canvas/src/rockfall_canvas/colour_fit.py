"""The best colour of a polygon where it lies, in closed form.

A polygon of opacity α and colour c covers the pixels m. Of what lies below, L, it hides a part, and
of it what lies above lets the share T through, so that it adds α T (c − L) to the picture there. If
without it the picture lacks e of the target, then to add it changes the squared error by

    Δ(α, c) = Σ over m of |e − α T (c − L)|² − |e|²  =  α² q(c) − 2 α p(c)
    p(c) = c·Σ T e − Σ T e·L          q(c) = |c|² Σ T² − 2 c·Σ T² L + Σ T² |L|²

Nine sums over the covered pixels tell it for every α and c at once. In each channel it is a
parabola, so the best colour from 0 to 1 is its lowest point, brought within; and so is it in α,
which is fitted after the colour. To go on in turn gains nothing that shows.
"""

from __future__ import annotations

import torch
from torch import Tensor

SUMS = 9
SEEN = 1e-6
"""Σ T² below which a polygon is not to be seen, so that any colour is as good."""


def terms(lacking: Tensor, through: Tensor, below: Tensor) -> Tensor:
    """e (…, 3, P), T (…, P) and L (…, 3, P) → what is to be summed over the covered pixels,
    (…, 9, P).
    """
    through = through[..., None, :]
    pull = through * lacking
    share = through.square()
    hidden = share * below
    return torch.cat(
        (
            pull,
            (pull * below).sum(-2, keepdim=True),
            share,
            hidden,
            (hidden * below).sum(-2, keepdim=True),
        ),
        -2,
    )


def fitted(sums: Tensor, colours: Tensor, least: float, most: float) -> tuple[Tensor, Tensor]:
    """Sums (…, 9) and colours (…, 4) → colours at least as good, and their change of error Δ (…,).

    least, most: opacity. A polygon that is not to be seen keeps its colour.
    """
    pull, pulled, share, hidden, hiding = sums.split((3, 1, 1, 3, 1), -1)
    paint, opacity = colours.split((3, 1), -1)
    best = (hidden + pull / opacity) / share.clamp(min=SEEN)
    paint = torch.where(share > SEEN, best, paint).clamp(0, 1)
    gain = (paint * pull).sum(-1, keepdim=True) - pulled
    cost = (paint * (paint * share - 2 * hidden)).sum(-1, keepdim=True) + hiding
    # Of the colour that lies below it, it does nothing at any opacity.
    opacity = torch.where(cost > SEEN, gain / cost.clamp(min=SEEN), opacity).clamp(least, most)
    change = opacity * (opacity * cost - 2 * gain)
    return torch.cat((paint, opacity), -1), change.squeeze(-1)
