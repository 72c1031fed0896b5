"""The loss that `gatys` minimises, at one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rockfall_style.features import Features
from rockfall_style.losses import content_loss, gram, style_loss, total_variation
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


class Objective:
    """The losses of a picture (1, C, H, W) in 0 … 1 at one scale, C 3 or 1 for luminance alone.

        L = L_content + w c L_style + v L_TV + 1000 · mean (x − clip(x))²

    with w `style_weight`, c the network's own factor (`Features.style_weight`) and v `tv_weight`.
    Of several styles, the target is the weighted mean of their Gram matrices: ‖G − A‖² summed over
    the styles with these weights is least where ‖G − ΣwA‖² is.
    """

    def __init__(
        self,
        network: Features,
        content: Tensor,
        styles: Sequence[Tensor],
        blend_weights: Sequence[float],
        *,
        mask: Tensor | None,
        style_weight: float,
        tv_weight: float,
    ) -> None:
        """content, styles: (1, C, H, W). mask: (1, 1, H, W), 1 where the picture may change."""
        self.network, self.content, self.mask = network, content, mask
        self.style_weight, self.tv_weight = style_weight, tv_weight
        with torch.no_grad():
            activations = self._activations(content)
            self.content_targets = {name: activations[name] for name in network.content_layers}
            self.guides = {}
            if mask is not None:
                self.guides = guidance_channels(mask, activations, network.style_layers)
            of_styles = [self._activations(style) for style in styles]
            self.style_targets = {
                name: torch.stack(
                    [
                        weight * gram(one[name])
                        for weight, one in zip(blend_weights, of_styles, strict=True)
                    ]
                ).sum(0)
                for name in network.style_layers
            }

    def losses(self, values: Tensor) -> Losses:
        """values: the picture that is optimised, (1, C, H, W) of the content's size."""
        if self.mask is not None:
            values = self.content.lerp(values, self.mask)
        activations = self._activations(values)
        content = content_loss(activations, self.content_targets)
        for name, guide in self.guides.items():
            activations[name] = activations[name] * guide.to(activations[name].dtype)
        style = style_loss(activations, self.style_targets)
        weight = self.style_weight * self.network.style_weight
        tv = self.tv_weight * total_variation(values)
        out_of_range = RANGE_WEIGHT * (values - values.clamp(0, 1)).square().mean()
        return Losses(style, content, content + weight * style + tv + out_of_range)

    def _activations(self, values: Tensor) -> dict[str, Tensor]:
        activations: dict[str, Tensor] = self.network(values.expand(-1, 3, -1, -1))
        return activations


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
