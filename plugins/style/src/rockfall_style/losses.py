"""The losses of neural style transfer: content, style by Gram matrices, and total variation.

Gatys, Ecker and Bethge 2016, section 2. The losses here are relative, which is where they differ
from the paper: the squared distance of two Gram matrices is divided by the squared norm of the
target, and that of two activations likewise; and layers are averaged. So each layer counts as much
as any other, whatever the scale of its activations, and a loss of 1 is that of activations that are
0. The paper divides by numbers of filters and positions (equation 4), and rescales the network's
filters to a mean activation of 1 instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LEAST_SHARE = 0.01
"""Of the mean square of another picture's values, that by which losses are divided at least."""


def gram(features: Tensor) -> Tensor:
    """Activations (N, C, H, W) → Gram matrices (N, C, C), divided by C · H · W.

    Equation 3, normalised as by Johnson, Alahi and Fei-Fei 2016, so that pictures of different
    sizes can be compared. It can be differentiated once only.
    """
    products: Tensor = _GramProduct.apply(features)  # type: ignore[no-untyped-call]
    wide = torch.promote_types(products.dtype, torch.float32)
    return products.to(wide) / features[0].numel()


class _GramProduct(torch.autograd.Function):
    """F (N, C, H, W) → F Fᵀ (N, C, C).

    Its backward pass is one product, where autograd, which does not know that both factors are the
    same, would compute two; and it keeps the channels-last memory format.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        flat = _positions_first(features)
        products: Tensor = flat.mT @ flat
        return products

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        (gradient,) = gradients
        count, channels, height, width = features.shape
        symmetric = (gradient + gradient.mT).to(features.dtype)
        flat: Tensor = _positions_first(features) @ symmetric
        return flat.view(count, height, width, channels).permute(0, 3, 1, 2)


def _positions_first(features: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H · W, C), a view."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def style_loss(
    features: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    least: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """The mean over the layers of `targets` of ‖G − A‖² / ‖A‖², G the Gram matrices of activations
    (N, C, H, W); a scalar, the mean over the N pictures.

    targets: the style's Gram matrices A by layer, (C, C) or (1, C, C).
    least: of each layer, the mean square below which that of A is not divided by, as for a style
        of one colour, which excites some layers hardly at all: see `least_norms`.
    """
    return torch.stack(
        [
            _relative_error(gram(features[name]), target, (least or {}).get(name))
            for name, target in targets.items()
        ]
    ).mean()


def content_loss(
    features: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    least: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """The mean over the layers of `targets` of ‖F − P‖² / ‖P‖², F the activations and P the
    content's, (N, C, H, W); a scalar. least: as in `style_loss`.
    """
    return torch.stack(
        [
            _relative_error(features[name], target, (least or {}).get(name))
            for name, target in targets.items()
        ]
    ).mean()


def least_norms(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By layer, a hundredth of the mean square of what another picture has there; scalars.

    Relative to less than this, no two pictures are alike: for a style of one grey, the loss of a
    photograph was ten million times that for a painting. Of eleven paintings, patterns and
    photographs none has less than 0.012 of another's, so that these are compared as ever.
    """
    tiny = torch.finfo(torch.float32).tiny
    return {
        name: LEAST_SHARE * each.float().square().mean().clamp(min=tiny / LEAST_SHARE)
        for name, each in values.items()
    }


def total_variation(pictures: Tensor) -> Tensor:
    """Total variation: the mean squared difference of neighbours, across and down, of (N, C, H, W),
    a scalar.

    Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them", with
    β = 2, divided by the number of values.
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).square().sum()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().sum()
    return (across + down) / pictures.numel()


def _relative_error(values: Tensor, target: Tensor, least: Tensor | None) -> Tensor:
    """The squared distance from the target, relative to the target's squared norm."""
    norm = target.square().mean()
    if least is not None:
        norm = torch.maximum(norm, least.to(norm.dtype))
    return (values - target).square().mean() / norm
