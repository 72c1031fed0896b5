"""What `gatys` is given: the content, styles and mask at full size, and the feature network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rockfall import UsageError
from rockfall.kit.resizing import within
from rockfall_style.colour_preservation import luminance, match_mean_and_std, replace_luminance
from rockfall_style.features import feature_network
from rockfall_style.objective import Objective
from rockfall_style.picture_names import read_picture
from rockfall_style.resizing import resize_and_clip, resize_by, resize_uint8, to_float


class Inputs:
    """The content, styles and mask at full size, and the network that extracts features.

    Pictures here are (1, C, H, W) float in 0 … 1, of 3 channels, or of luminance alone if colours
    are preserved.
    """

    def __init__(
        self,
        pixels: Tensor,
        *,
        styles: Sequence[str],
        blend_weights: Sequence[float] | None,
        mask: str | None,
        features: str,
        normalisation: str | None,
        preserve_colours: bool,
        margin: int,
    ) -> None:
        """pixels: the content, (3, H, W) uint8. styles, mask: paths or names of pictures.
        features, normalisation: as in `feature_network`. margin: pixels of reflection padding on
        each side.

        Raises UsageError for a file or name that can't be read, and for pictures that are too small
        for the network.
        """
        self.preserve_colours = preserve_colours
        self.network = feature_network(features, normalisation).to(pixels.device)
        self.features = features
        self.channels = 1 if preserve_colours else 3
        self.size = pixels.shape[1:]
        self.margin = min(margin, *(side - 1 for side in self.size))
        self._check_size("the photo", pixels)
        self.coloured = to_float(pixels)
        self.content = self._pad(self.optimised_channels(self.coloured))
        self.mask = None if mask is None else self._read_mask(mask)
        self.styles = [self._read_style(name) for name in styles]
        weights = torch.tensor(blend_weights or [1.0] * len(self.styles))
        self.blend_weights: list[float] = (weights / weights.sum()).tolist()

    def objective(self, factor: float, *, style_weight: float, tv_weight: float) -> Objective:
        """The loss when each side is times `factor`."""
        return Objective(
            self.network,
            resize_by(self.content, factor),
            [self._scaled_style(style, factor) for style in self.styles],
            self.blend_weights,
            mask=None if self.mask is None else resize_by(self.mask, factor).clamp(0, 1),
            style_weight=style_weight,
            tv_weight=tv_weight,
        )

    def compose(self, values: Tensor) -> Tensor:
        """Optimised values (1, C, h, w) at any scale → the finished picture, (3, H, W) uint8 on the
        CPU: resized, cropped, with the content's colours and outside the mask the content itself.
        """
        _, _, height, width = self.content.shape
        picture = self._crop(resize_and_clip(values, height, width))
        if self.preserve_colours:
            picture = replace_luminance(self.coloured, picture).clamp(0, 1)
        if self.mask is not None:
            picture = self.coloured.lerp(picture, self._crop(self.mask))
        return (picture[0] * 255).round().to(torch.uint8).cpu()

    def optimised_channels(self, picture: Tensor) -> Tensor:
        """(N, 3, H, W) → the channels that are optimised, (N, C, H, W)."""
        return luminance(picture) if self.preserve_colours else picture

    def _scaled_style(self, style: Tensor, factor: float) -> Tensor:
        """No smaller than the network needs."""
        return resize_by(style, max(factor, self.network.min_side / min(style.shape[2:])))

    def _read_style(self, name: str) -> Tensor:
        """No larger than the content, so that strokes keep their size relative to the picture."""
        pixels = within(read_picture(name, "style"), max(self.size))
        self._check_size(f"style {name}", pixels)
        style = self.optimised_channels(to_float(pixels.to(self.content.device)))
        return match_mean_and_std(style, self.content) if self.preserve_colours else style

    def _read_mask(self, name: str) -> Tensor:
        """(1, 1, H, W), 0 … 1."""
        pixels = resize_uint8(read_picture(name, "mask"), *self.size)
        mask = luminance(to_float(pixels.to(self.content.device)))
        if not mask.any():
            raise UsageError(f"mask: {name} is black all over, so nothing would be changed")
        return self._pad(mask)

    def _check_size(self, what: str, pixels: Tensor) -> None:
        height, width = pixels.shape[1:]
        if min(height, width) < self.network.min_side:
            raise UsageError(
                f"{what} has {width} × {height} pixels; features {self.features} need "
                f"{self.network.min_side} along each side"
            )

    def _pad(self, picture: Tensor) -> Tensor:
        return nn.functional.pad(picture, [self.margin] * 4, mode="reflect")

    def _crop(self, picture: Tensor) -> Tensor:
        height, width = self.size
        return picture[..., self.margin : self.margin + height, self.margin : self.margin + width]
