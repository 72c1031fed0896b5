"""What Gatys' method paints from, and the losses that it makes small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from rockfall import UsageError
from rockfall.kit.pictures import to_image, within
from rockfall_style.colours import luminance, matched, with_luminance
from rockfall_style.features import Features, feature_network
from rockfall_style.losses import content_loss, gram, style_loss, total_variation
from rockfall_style.named import read_picture
from rockfall_style.scales import drawn_up, resized, scaled

if TYPE_CHECKING:
    from rockfall_style.gatys import GatysConfig

OUTSIDE = 1000.0
"""How much it counts, squared, that values leave 0 … 1: what is cut off in the end lacks then."""


class Subject:
    """All that is painted from, at its full size: the photo, the styles, the mask and the network.

    Pictures here are (1, C, H, W) float in 0 … 1, of 3 channels, or of luminance alone.
    """

    def __init__(self, config: GatysConfig, pixels: Tensor, margin: int) -> None:
        """pixels: the photo, (3, H, W) uint8. margin: pixels to be added on each side."""
        self.config = config
        self.network = feature_network(config.features, config.normalisation).to(pixels.device)
        self.channels = 1 if config.preserve_colours else 3
        self.size = pixels.shape[1:]
        self.margin = min(margin, *(side - 1 for side in self.size))
        self._check_size("the photo", pixels)
        self.coloured = floats(pixels)
        self.photo = self._with_margin(self.seen(self.coloured))
        self.mask = self._mask()
        self.styles = [self._style(name) for name in config.style]
        shares = torch.tensor(config.weights or [1.0] * len(self.styles))
        self.shares = (shares / shares.sum()).tolist()

    def start(self) -> Tensor:
        if self.config.start == "photo":
            return self.photo
        return torch.rand(self.photo.shape).to(self.photo)

    def goal(self, factor: float) -> Goal:
        """What is sought when each side is times `factor`."""
        return Goal(
            self.config,
            self.network,
            scaled(self.photo, factor),
            None if self.mask is None else scaled(self.mask, factor).clamp(0, 1),
            [self._scaled_style(style, factor) for style in self.styles],
            self.shares,
        )

    def finished(self, values: Tensor) -> Tensor:
        """A canvas at any scale → what it will be, (3, H, W) uint8 on the CPU."""
        _, _, height, width = self.photo.shape
        painted = self._without_margin(drawn_up(values, height, width))
        if self.config.preserve_colours:
            painted = with_luminance(self.coloured, painted).clamp(0, 1)
        if self.mask is not None:
            painted = self.coloured.lerp(painted, self._without_margin(self.mask))
        return (painted[0] * 255).round().to(torch.uint8).cpu()

    def seen(self, picture: Tensor) -> Tensor:
        """(N, 3, H, W) → the channels that are painted."""
        return luminance(picture) if self.config.preserve_colours else picture

    def _scaled_style(self, style: Tensor, factor: float) -> Tensor:
        """A narrow one stays as large as the network needs."""
        return scaled(style, max(factor, self.network.least / min(style.shape[2:])))

    def _style(self, name: str) -> Tensor:
        """No larger than the photo, so that its strokes are as large on it as they were."""
        pixels = within(read_picture("style", name), max(self.size))
        self._check_size(f"style {name}", pixels)
        style = self.seen(floats(pixels.to(self.photo.device)))
        return matched(style, self.photo) if self.config.preserve_colours else style

    def _mask(self) -> Tensor | None:
        """(1, 1, H, W), 0 … 1."""
        if self.config.mask is None:
            return None
        pixels = enlarged(read_picture("mask", self.config.mask), *self.size)
        mask = luminance(floats(pixels.to(self.photo.device)))
        if not mask.any():
            raise UsageError(f"mask: {self.config.mask} is black all over, so nothing is painted")
        return self._with_margin(mask)

    def _check_size(self, what: str, pixels: Tensor) -> None:
        height, width = pixels.shape[1:]
        if min(height, width) < self.network.least:
            raise UsageError(
                f"{what} has {width} × {height} pixels; features {self.config.features} need "
                f"{self.network.least} along each side"
            )

    def _with_margin(self, picture: Tensor) -> Tensor:
        return nn.functional.pad(picture, [self.margin] * 4, mode="reflect")

    def _without_margin(self, picture: Tensor) -> Tensor:
        height, width = self.size
        return picture[..., self.margin : self.margin + height, self.margin : self.margin + width]


class Goal:
    """The losses of a canvas (1, C, H, W) at one scale, and the photo at that scale."""

    def __init__(
        self,
        config: GatysConfig,
        network: Features,
        photo: Tensor,
        mask: Tensor | None,
        styles: list[Tensor],
        shares: list[float],
    ) -> None:
        self.config, self.network, self.photo, self.mask = config, network, photo, mask
        with torch.no_grad():
            seen = self._seen(photo)
            self.content = {name: seen[name] for name in network.content_layers}
            self.guides = {} if mask is None else guides(mask, seen, network.style_layers)
            found = [self._seen(style) for style in styles]
            # Of several, ‖G − A‖² summed is least where ‖G − ΣA‖² is.
            self.style = {
                name: torch.stack(
                    [share * gram(one[name]) for share, one in zip(shares, found, strict=True)]
                ).sum(0)
                for name in network.style_layers
            }

    def losses(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Style, content, and what is to be made small."""
        if self.mask is not None:
            values = self.photo.lerp(values, self.mask)
        found = self._seen(values)
        content = content_loss(found, self.content)
        for name, guide in self.guides.items():
            found[name] = found[name] * guide.to(found[name].dtype)
        style = style_loss(found, self.style)
        weight = self.config.style_weight * self.network.style_weight
        rough = self.config.total_variation * total_variation(values)
        outside = OUTSIDE * (values - values.clamp(0, 1)).square().mean()
        return style, content, content + weight * style + rough + outside

    def _seen(self, values: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self.network(values.expand(-1, 3, -1, -1))
        return found


def guides(mask: Tensor, seen: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
    """By layer what activations are multiplied by, so that only what is painted has style.

    Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer", section 4.1: the
    mean square is 1, so that Gram matrices stay as large as they are.
    """
    found = {name: resized(mask, *seen[name].shape[2:]).clamp(0, 1) for name in layers}
    return {
        name: guide / guide.square().mean().sqrt().clamp(min=1e-3) for name, guide in found.items()
    }


def floats(pixels: Tensor) -> Tensor:
    """(3, H, W) uint8 → (1, 3, H, W) in 0 … 1."""
    return pixels[None].float() / 255


def enlarged(pixels: Tensor, height: int, width: int) -> Tensor:
    """(3, H, W) uint8 → (3, height, width) uint8, smoothly."""
    if pixels.shape[1:] == (height, width):
        return pixels.clone()
    image = to_image(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
