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


def style_loss(features: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """The mean over the layers of `targets` of ‖G − A‖² / ‖A‖², G the Gram matrices of activations
    (N, C, H, W); a scalar, the mean over the N pictures.

    targets: the style's Gram matrices A by layer, (C, C) or (1, C, C).
    """
    parts = [_relative_error(gram(features[name]), target) for name, target in targets.items()]
    return torch.stack(parts).mean()


def content_loss(features: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
    """The mean over the layers of `targets` of ‖F − P‖² / ‖P‖², F the activations and P the
    content's, (N, C, H, W); a scalar.
    """
    parts = [_relative_error(features[name], target) for name, target in targets.items()]
    return torch.stack(parts).mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Total variation: the mean squared difference of neighbours, across and down, of (N, C, H, W),
    a scalar.

    Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them", with
    β = 2, divided by the number of values.
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).square().sum()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().sum()
    return (across + down) / pictures.numel()


def _relative_error(values: Tensor, target: Tensor) -> Tensor:
    """The squared distance from the target, relative to the target's squared norm."""
    return (values - target).square().mean() / target.square().mean()
