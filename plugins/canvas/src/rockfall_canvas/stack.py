"""Incremental compositing: to change one polygon of a stack costs the pixels that it may cover.

The polygons above one let the share T, their transmittance, of what is below through and add their
own, so the picture is an affine function of what the polygon makes of its backdrop L (Porter and
Duff 1984: "over" is associative). While the polygons are visited from the bottom to the top, none
above the present one has changed yet: T of all of them is computed once, L grows by one polygon a
visit, and the residual (target minus picture) is updated. A visit then costs the pixels of one
window, where to composite anew would cost those of the whole stack.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rockfall_canvas.colour_least_squares import fit_colours, sufficient_statistics
from rockfall_canvas.polygons import bounding_boxes, inside, pixel_centres


class Selection(NamedTuple):
    """For each of M paintings: the index (M,) int64 of the selected candidate, and the share (M,)
    of the candidates that are better than the parent.
    """

    chosen: Tensor
    success_rate: Tensor


class Stack:
    """M paintings of K polygons, `vertices` (M, K, V, 2) and `colours` (M, K, 4), both changed in
    place, over a background (3,), beside a target (3, H, W) of values from 0 to 1.
    """

    def __init__(
        self, vertices: Tensor, colours: Tensor, background: Tensor, target: Tensor
    ) -> None:
        self.vertices, self.colours = vertices, colours
        self.height, self.width = target.shape[1:]
        self.rows = pixel_centres(self.height, target.device)
        self.columns = pixel_centres(self.width, target.device)
        covered = inside(vertices, self.rows, self.columns).flatten(2)  # (M, K, P)
        self.empty = ~covered.any(2)
        alpha = covered * colours[..., 3:]
        self.transmittance = torch.empty_like(alpha)
        transmittance = torch.ones_like(alpha[:, 0])
        for index in reversed(range(alpha.shape[1])):
            self.transmittance[:, index] = transmittance
            transmittance = transmittance * (1 - alpha[:, index])
        composite = colours[..., :3].mT @ (self.transmittance * alpha)
        self.backdrop = background[:, None].expand_as(composite).clone()
        self.residual = target.flatten(1) - composite - transmittance[:, None] * self.backdrop

    @property
    def errors(self) -> Tensor:
        """The mean squared error (M,) of each painting."""
        return self.residual.square().mean((1, 2))

    def take(self, indices: Tensor) -> None:
        """Keep the paintings at `indices` (M',), in that order; before the first visit."""
        for name in ("vertices", "colours", "empty", "transmittance", "backdrop", "residual"):
            setattr(self, name, getattr(self, name)[indices])

    def windows(self, candidates: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
        """Windows that hold all candidates (M, K, C, V, 2) of each polygon: their upper left
        corners (K, M, 2), x and y, and the width and height of each, common to all paintings.
        """
        boxes = bounding_boxes(candidates.flatten(2, 3), self.height, self.width)
        left, upper, right, lower = boxes.unbind(2)
        corners = torch.stack((left, upper), 2)
        whole = torch.tensor((self.width, self.height), device=candidates.device)
        sizes = (torch.stack((right, lower), 2) - corners).amax(0).clamp(min=1)  # (K, 2)
        corners = torch.minimum(corners, whole - sizes).transpose(0, 1)
        return corners, [tuple(size) for size in sizes.tolist()]

    def visit(
        self,
        index: int,
        candidates: Tensor,
        colours: Tensor,
        corners: Tensor,
        size: tuple[int, int],
        opacities: tuple[float, float],
    ) -> Selection:
        """Replace polygon `index` of each painting by the best of its candidates (M, C, V, 2); the
        last candidate is the parent, so that the picture never gets worse.

        The candidates' colours (M, C, 4) are fitted first, with opacities in the given range. All
        candidates lie in windows of one size with these corners (M, 2). Polygons must be visited
        from the first to the last.
        """
        width, height = size
        x = corners[:, :1] + torch.arange(width, device=corners.device)  # (M, w)
        y = corners[:, 1:] + torch.arange(height, device=corners.device)
        pixels = (y[:, :, None] * self.width + x[:, None, :]).flatten(1)  # (M, w · h)
        covered = inside(candidates, self.rows[y][:, None], self.columns[x][:, None]).flatten(2)
        covered = covered.to(colours.dtype)  # (M, C, w · h)
        transmittance = self.transmittance[:, index].gather(1, pixels)
        pixels = pixels[:, None].expand(-1, 3, -1)
        backdrop = self.backdrop.gather(2, pixels)
        added = self._added(covered[:, -1], self.colours[:, index], backdrop)
        residual = self.residual.gather(2, pixels) + transmittance[:, None] * added

        sums = covered @ sufficient_statistics(residual, transmittance, backdrop).mT
        fitted, changes = fit_colours(sums, colours, *opacities)
        chosen = changes.argmin(1)
        each = torch.arange(len(chosen), device=chosen.device)
        self.vertices[:, index] = candidates[each, chosen]
        self.colours[:, index] = fitted[each, chosen]
        added = self._added(covered[each, chosen], self.colours[:, index], backdrop)
        self.backdrop.scatter_(2, pixels, backdrop + added)
        self.residual.scatter_(2, pixels, residual - transmittance[:, None] * added)
        return Selection(chosen, (changes < changes[:, -1:]).float().mean(1))

    @staticmethod
    def _added(covered: Tensor, colours: Tensor, backdrop: Tensor) -> Tensor:
        """By what polygons covering (M, P), of colours (M, 4), change their backdrop, (M, 3, P)."""
        alpha = covered * colours[:, 3:]
        return alpha[:, None] * (colours[:, :3, None] - backdrop)
