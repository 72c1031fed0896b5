"""What `gatys` is given: the content, styles and masks at full size, and the feature network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rockfall import UsageError
from rockfall_style.colour_preservation import luminance, match_mean_and_std, replace_luminance
from rockfall_style.features import feature_network
from rockfall_style.objective import Objective
from rockfall_style.picture_names import read_picture
from rockfall_style.resizing import resize_and_clip, resize_by, resize_uint8, to_float


class Inputs:
    """The content, styles and masks at full size, and the network that extracts features.

    Pictures here are (1, C, H, W) float in 0 … 1, of 3 channels, or of luminance alone if colours
    are preserved.
    """

    def __init__(
        self,
        pixels: Tensor,
        *,
        styles: Sequence[str],
        blend_weights: Sequence[float] | None,
        style_scale: Sequence[float],
        mask: str | None,
        style_masks: Sequence[str] | None,
        features: str,
        normalisation: str | None,
        preserve_colours: bool,
        margin: int,
    ) -> None:
        """pixels: the content, (3, H, W) uint8. styles, mask, style_masks: paths or names of
        pictures; of the last, the last style's may be missing, which then has what the others
        leave. style_scale: one for all styles, or one each. features, normalisation: as in
        `feature_network`. margin: pixels of reflection padding on each side.

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
        self.style_masks = None if style_masks is None else self._read_masks(style_masks, styles)
        scales = [*style_scale] * (len(styles) if len(style_scale) == 1 else 1)
        self.styles = [self._read_style(*each) for each in zip(styles, scales, strict=True)]
        weights = torch.tensor(blend_weights or [1.0] * len(self.styles))
        self.blend_weights: list[float] = (weights / weights.sum()).tolist()

    def objective(self, factor: float, *, style_weight: float, tv_weight: float) -> Objective:
        """The loss when each side is times `factor`."""

        def scaled(mask: Tensor) -> Tensor:
            return resize_by(mask, factor).clamp(0, 1)

        return Objective(
            self.network,
            resize_by(self.content, factor),
            [self._scaled_style(style, factor) for style in self.styles],
            self.blend_weights,
            mask=None if self.mask is None else scaled(self.mask),
            style_masks=self.style_masks and [scaled(mask) for mask in self.style_masks],
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

    def as_values(self, pixels: Tensor) -> Tensor:
        """(3, h, w) uint8 of any size → values to begin with, (1, C, H, W)."""
        sized = to_float(resize_uint8(pixels, *self.size).to(self.content.device))
        return self._pad(self.optimised_channels(sized))

    def optimised_channels(self, picture: Tensor) -> Tensor:
        """(N, 3, H, W) → the channels that are optimised, (N, C, H, W)."""
        return luminance(picture) if self.preserve_colours else picture

    def _scaled_style(self, style: Tensor, factor: float) -> Tensor:
        """No smaller than the network needs."""
        return resize_by(style, max(factor, self.network.min_side / min(style.shape[2:])))

    def _read_style(self, name: str, scale: float) -> Tensor:
        """No larger than the content, so that strokes keep their size relative to the picture, and
        then `scale` times as large, with strokes of so many times the size.
        """
        pixels = read_picture(name, "style")
        _, height, width = pixels.shape
        longer = max(height, width)
        side = min(longer, max(self.size)) * scale
        sides = (max(1, round(each * side / longer)) for each in (height, width))
        pixels = resize_uint8(pixels, *sides)
        self._check_size(f"style {name}", pixels)
        style = self.optimised_channels(to_float(pixels.to(self.content.device)))
        return match_mean_and_std(style, self.content) if self.preserve_colours else style

    def _read_masks(self, names: Sequence[str], styles: Sequence[str]) -> list[Tensor]:
        """A mask for each style, (1, 1, H, W), 0 … 1, black where `mask` is."""
        masks = [self._read_mask(name, "style_masks") for name in names]
        if len(masks) < len(styles):
            masks.append((1 - torch.stack(masks).sum(0)).clamp(0, 1))
        if self.mask is not None:
            masks = [mask * self.mask for mask in masks]
        for style, mask in zip(styles, masks, strict=True):
            if mask.max() < 0.5:
                raise UsageError(
                    f"style_masks: they leave nothing of the picture to the style {style}"
                )
        return masks

    def _read_mask(self, name: str, setting: str = "mask") -> Tensor:
        """(1, 1, H, W), 0 … 1."""
        pixels = resize_uint8(read_picture(name, setting), *self.size)
        mask = luminance(to_float(pixels.to(self.content.device)))
        if not mask.any():
            raise UsageError(f"{setting}: {name} is black all over, so nothing would be changed")
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
