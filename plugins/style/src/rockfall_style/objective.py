"""The loss that `gatys` minimises, at one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rockfall_style.features import Features
from rockfall_style.losses import content_loss, gram, least_norms, style_loss, total_variation
from rockfall_style.resizing import resize

RANGE_WEIGHT = 1000.0
"""Weight of the mean squared amount by which values leave 0 … 1: it is clipped in the end, and then
the other losses would be missing it.
"""


class Losses(NamedTuple):
    """Scalars: the style and the content loss, and the weighted sum `total`, which has the
    regularisers too.
    """

    style: Tensor
    content: Tensor
    total: Tensor


class Region(NamedTuple):
    """Where a style is, and what its Gram matrices are.

    share: of this region's loss in the style loss.
    guides: by layer, the factors (1, 1, H, W) of the activations there; none: everywhere.
    targets: by layer, the style's Gram matrices (1, C, C).
    least: see `losses.least_norms`.
    """

    share: float
    guides: dict[str, Tensor]
    targets: dict[str, Tensor]
    least: dict[str, Tensor]


class Objective:
    """The losses of a picture (1, C, H, W) in 0 … 1 at one scale, C 3 or 1 for luminance alone.

        L = L_content + w c L_style + v L_TV + 1000 · mean (x − clip(x))²

    with w `style_weight`, c the network's own factor (`Features.style_weight`) and v `tv_weight`.
    Of several styles, the target is the weighted mean of their Gram matrices: ‖G − A‖² summed over
    the styles with these weights is least where ‖G − ΣwA‖² is.

    With a mask for each style (Gatys et al. 2017, section 4.1), L_style is the sum of their losses,
    each of the Gram matrices in its region and weighted by the region's share of the picture. So
    any part of a picture is styled as strongly as if all of it were in that style.
    """

    def __init__(
        self,
        network: Features,
        content: Tensor,
        styles: Sequence[Tensor],
        blend_weights: Sequence[float],
        *,
        mask: Tensor | None,
        style_masks: Sequence[Tensor] | None = None,
        style_weight: float,
        tv_weight: float,
    ) -> None:
        """content, styles: (1, C, H, W). blend_weights: of the styles; their sum is 1.
        mask: (1, 1, H, W), 1 where the picture may change. style_masks: one a style, of this shape.
        """
        self.network, self.content, self.mask = network, content, mask
        self.style_weight, self.tv_weight = style_weight, tv_weight
        with torch.no_grad():
            activations = self._activations(content)
            self.content_targets = {name: activations[name] for name in network.content_layers}
            found = [self._style(style) for style in styles]
            of_styles = [style for style, _ in found]
            self.least = least_norms(
                {name: torch.stack([of[name] for _, of in found]) for name in self.content_targets}
            )
            if style_masks is None:
                guides = self._guides(mask, activations)
                blended = blend(of_styles, blend_weights)
                self.regions = [self._region(1.0, guides, blended, activations)]
                return
            whole = torch.ones_like(content[:, :1]) if mask is None else mask
            regions = [each * whole for each in style_masks]
            self.regions = [
                self._region(
                    float(weight * len(regions) * region.square().mean() / whole.square().mean()),
                    self._guides(region, activations),
                    style,
                    activations,
                )
                for weight, region, style in zip(blend_weights, regions, of_styles, strict=True)
            ]

    def losses(self, values: Tensor) -> Losses:
        """values: the picture that is optimised, (1, C, H, W) of the content's size."""
        if self.mask is not None:
            values = self.content.lerp(values, self.mask)
        activations = self._activations(values)
        content = content_loss(activations, self.content_targets, self.least)
        parts = [
            region.share
            * style_loss(guided(activations, region.guides), region.targets, region.least)
            for region in self.regions
        ]
        style = parts[0] if len(parts) == 1 else torch.stack(parts).sum()
        weight = self.style_weight * self.network.style_weight
        tv = self.tv_weight * total_variation(values)
        out_of_range = RANGE_WEIGHT * (values - values.clamp(0, 1)).square().mean()
        return Losses(style, content, content + weight * style + tv + out_of_range)

    def _style(self, style: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A style's Gram matrices, and the root mean squares of its activations in the content
        layers.
        """
        activations = self._activations(style)
        grams = {name: gram(activations[name]) for name in self.network.style_layers}
        strengths = {
            name: activations[name].float().square().mean().sqrt()
            for name in self.network.content_layers
        }
        return grams, strengths

    def _guides(self, mask: Tensor | None, activations: dict[str, Tensor]) -> dict[str, Tensor]:
        if mask is None:
            return {}
        return guidance_channels(mask, activations, self.network.style_layers)

    def _region(
        self,
        share: float,
        guides: dict[str, Tensor],
        targets: dict[str, Tensor],
        activations: dict[str, Tensor],
    ) -> Region:
        """activations: the content's."""
        inside = guided(activations, guides)
        least = least_norms({name: gram(inside[name]) for name in targets})
        return Region(share, guides, targets, least)

    def _activations(self, values: Tensor) -> dict[str, Tensor]:
        activations: dict[str, Tensor] = self.network(values.expand(-1, 3, -1, -1))
        return activations


def blend(styles: Sequence[dict[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """By layer, the weighted sum of the styles' Gram matrices."""
    return {
        name: torch.stack(
            [weight * style[name] for weight, style in zip(weights, styles, strict=True)]
        ).sum(0)
        for name in styles[0]
    }


def guided(activations: dict[str, Tensor], guides: dict[str, Tensor]) -> dict[str, Tensor]:
    """Activations by layer, times the factors of the layers that have some."""
    return activations | {
        name: activations[name] * guide.to(activations[name].dtype)
        for name, guide in guides.items()
    }


def guidance_channels(
    mask: Tensor, activations: dict[str, Tensor], layers: Sequence[str]
) -> dict[str, Tensor]:
    """By layer, a factor (1, 1, H', W') for the activations, so that the style loss is that of the
    masked region.

    Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", section 4.1. Here
    the mean square of a guidance channel is 1, so that Gram matrices keep their scale.
    """
    resized = {name: resize(mask, *activations[name].shape[2:]).clamp(0, 1) for name in layers}
    return {
        name: guide / guide.square().mean().sqrt().clamp(min=1e-3)
        for name, guide in resized.items()
    }
