"""How far a picture is from another's style and content: Gatys, Ecker and Bethge 2016, section 2.

The losses here are relative. The squared distance of two Gram matrices is divided by the squared
norm of the one that is sought, and that of two activations likewise, so that each layer counts as
much as any other, and 1 is as far as a picture without features is. Equation 4 divides by numbers
of filters and positions instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def gram(features: Tensor) -> Tensor:
    """Activations (N, C, H, W) → the products of their channels (N, C, C), divided by C · H · W.

    Equation 3, scaled as Johnson, Alahi and Fei-Fei 2016 do, which lets pictures of
    different sizes be compared. It has a first derivative only.
    """
    products: Tensor = _Products.apply(features)  # type: ignore[no-untyped-call]
    wide = torch.promote_types(products.dtype, torch.float32)
    return products.to(wide) / features[0].numel()


class _Products(torch.autograd.Function):
    """F (N, C, H, W) → F Fᵀ (N, C, C). Its derivative is one product, where that of two factors
    that are not known to be the same is two; and channels that lie last stay there.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        flat = _positions_first(features)
        products: Tensor = flat.mT @ flat
        return products

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        (slope,) = slopes
        count, channels, height, width = features.shape
        found: Tensor = _positions_first(features) @ (slope + slope.mT).to(features.dtype)
        return found.view(count, height, width, channels).permute(0, 3, 1, 2)


def _positions_first(features: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H · W, C), a view."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def style_loss(features: Mapping[str, Tensor], grams: Mapping[str, Tensor]) -> Tensor:
    """The mean over the layers of `grams` of ‖G − A‖² / ‖A‖², G of activations (N, C, H, W).

    grams: A by layer, (C, C) or (1, C, C). The mean over the N pictures, a number.
    """
    parts = [_apart(gram(features[name]), wanted) for name, wanted in grams.items()]
    return torch.stack(parts).mean()


def content_loss(features: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
    """The mean over the layers of `wanted` of ‖F − P‖² / ‖P‖², F and P (N, C, H, W), a number."""
    parts = [_apart(features[name], target) for name, target in wanted.items()]
    return torch.stack(parts).mean()


def total_variation(pictures: Tensor) -> Tensor:
    """The mean squared difference of neighbours, across and down, of (N, C, H, W), a number.

    Mahendran and Vedaldi 2015, with β = 2.
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).square().sum()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().sum()
    return (across + down) / pictures.numel()


def _apart(given: Tensor, wanted: Tensor) -> Tensor:
    """The squared distance of `given` from `wanted`, relative to the latter's squared norm."""
    return (given - wanted).square().mean() / wanted.square().mean()
