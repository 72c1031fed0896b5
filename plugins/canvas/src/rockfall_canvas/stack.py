"""Paintings taken apart at one polygon at a time, from the bottom to the top.

What lies above a polygon lets the share T of what is below through and adds its own, so the picture
is affine in what the polygon makes of what lies below it, L (Porter and Duff 1984: `over` is
associative). While the polygons are visited upwards, none above has changed yet: T of all of them
is computed once, L grows by one polygon a visit, and what the picture lacks of the target is kept
up to date. A visit then costs the pixels that one polygon may cover, not those of the whole stack.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rockfall_canvas.colour_fit import fitted, terms
from rockfall_canvas.polygons import centres, inside, spans


class Visit(NamedTuple):
    """Of M paintings: the child that each kept, (M,) int64, and the share (M,) of those better
    than the parent.
    """

    chosen: Tensor
    better: Tensor


class Stack:
    """M paintings of K polygons, `vertices` (M, K, V, 2) and `colours` (M, K, 4), both changed in
    place, over a background (3,), beside a target (3, H, W) of values from 0 to 1.
    """

    def __init__(
        self, vertices: Tensor, colours: Tensor, background: Tensor, target: Tensor
    ) -> None:
        self.vertices, self.colours = vertices, colours
        self.height, self.width = target.shape[1:]
        self.rows = centres(self.height, target.device)
        self.columns = centres(self.width, target.device)
        covered = inside(vertices, self.rows, self.columns).flatten(2)  # (M, K, P)
        self.blank = ~covered.any(2)
        hidden = covered * colours[..., 3:]
        self.through = torch.empty_like(hidden)
        light = torch.ones_like(hidden[:, 0])
        for index in reversed(range(hidden.shape[1])):
            self.through[:, index] = light
            light = light * (1 - hidden[:, index])
        shown = colours[..., :3].mT @ (self.through * hidden)
        self.below = background[:, None].expand_as(shown).clone()
        self.lacking = target.flatten(1) - shown - light[:, None] * self.below

    @property
    def errors(self) -> Tensor:
        """The mean squared error (M,) of each painting."""
        return self.lacking.square().mean((1, 2))

    def take(self, which: Tensor) -> None:
        """Keep paintings `which` (M',) of them, in that order; before the first visit."""
        for name in ("vertices", "colours", "blank", "through", "below", "lacking"):
            setattr(self, name, getattr(self, name)[which])

    def windows(self, children: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
        """Children (M, K, C, V, 2) → for each polygon where the windows begin that hold all of its
        children, (K, M, 2) x and y, and their common width and height.
        """
        left, upper, right, lower = spans(children.flatten(2, 3), self.height, self.width).unbind(2)
        least = torch.stack((left, upper), 2)
        whole = torch.tensor((self.width, self.height), device=children.device)
        size = (torch.stack((right, lower), 2) - least).amax(0).clamp(min=1)  # (K, 2)
        return torch.minimum(least, whole - size).transpose(0, 1), [tuple(s) for s in size.tolist()]

    def visit(
        self,
        index: int,
        children: Tensor,
        colours: Tensor,
        corners: Tensor,
        size: tuple[int, int],
        opacities: tuple[float, float],
    ) -> Visit:
        """Put the best of its children (M, C, V, 2) in the place of polygon `index` of each
        painting; the last child is the parent, and stays unless another is not worse.

        The children are of colours (M, C, 4), which are fitted first, and lie in the windows whose
        corners (M, 2) and common size are given. Polygons are to be visited from the first to the
        last.
        """
        width, height = size
        x = corners[:, :1] + torch.arange(width, device=corners.device)  # (M, w)
        y = corners[:, 1:] + torch.arange(height, device=corners.device)
        pixels = (y[:, :, None] * self.width + x[:, None, :]).flatten(1)  # (M, w · h)
        covered = inside(children, self.rows[y][:, None], self.columns[x][:, None]).flatten(2)
        covered = covered.to(colours.dtype)  # (M, C, w · h)
        through = self.through[:, index].gather(1, pixels)
        pixels = pixels[:, None].expand(-1, 3, -1)
        below = self.below.gather(2, pixels)
        added = self._added(covered[:, -1], self.colours[:, index], below)
        lacking = self.lacking.gather(2, pixels) + through[:, None] * added

        sums = covered @ terms(lacking, through, below).mT
        fitting, changes = fitted(sums, colours, *opacities)
        chosen = changes.argmin(1)
        each = torch.arange(len(chosen), device=chosen.device)
        self.vertices[:, index] = children[each, chosen]
        self.colours[:, index] = fitting[each, chosen]
        added = self._added(covered[each, chosen], self.colours[:, index], below)
        self.below.scatter_(2, pixels, below + added)
        self.lacking.scatter_(2, pixels, lacking - through[:, None] * added)
        return Visit(chosen, (changes < changes[:, -1:]).float().mean(1))

    @staticmethod
    def _added(covered: Tensor, colours: Tensor, below: Tensor) -> Tensor:
        """What polygons (M, P) of colours (M, 4) add to what lies below them, (M, 3, P)."""
        opacity = covered * colours[:, 3:]
        return opacity[:, None] * (colours[:, :3, None] - below)
