"""A style on a film, frame by frame, and how much it flickers.

What does not move stays as it was painted. After Ruder, Dosovitskiy and Brox 2016, "Artistic Style
Transfer for Videos", who also move the strokes along with the objects, by optical flow; here what
moves is painted anew. It is taken from the whole frame, painted as if alone with the same noise:
begun with what was painted before, what moves would hardly get a style, as all the rest has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall.kit.resizing import within
from rockfall.kit.transparency import with_alpha
from rockfall_style.films import Frame

STILL = 2
"""Levels of 0 … 255 by which a pixel may change and counts as one that stays as it is."""
SEEN, MOVED = 3.0, 9.0
"""Levels by which the mean around a pixel changes if it hardly moves, and if it surely does."""
AROUND = 4
"""Pixels around what moves that are painted anew too, and then those in which that fades out."""

Paint = Callable[[Tensor], Tensor]
"""A picture (3, H, W) uint8 → the same shape and type, in the style."""


class Continuity:
    """Paints one frame after the other: where it does not move, it stays as it was painted."""

    def __init__(self, paint: Paint) -> None:
        self.paint = paint
        self._painted = self._shown = torch.empty(0)
        """The output (3, H, W), and what was to be seen there when it was painted; float."""

    def __call__(self, frame: Tensor) -> Tensor:
        """(3, H, W) uint8 → the same shape and type, in the style."""
        now = frame.cpu().float()
        if self._shown.shape != now.shape:
            self._painted, self._shown = self.paint(frame).cpu().float(), now
            return _to_bytes(self._painted)
        share = moved(self._shown, now)
        if share.any():
            self._painted = self._painted.lerp(self.paint(frame).cpu().float(), share)
            self._shown = self._shown.lerp(now, share)
        return _to_bytes(self._painted)


def moved(before: Tensor, now: Tensor) -> Tensor:
    """Of two pictures (3, H, W) in 0 … 255: from 0 where they are the same to 1 where they are not
    and a little around it, (1, H, W).
    """
    apart = (_mean(before, 2) - _mean(now, 2)).abs().amax(0, keepdim=True)
    share = ((apart - SEEN) / (MOVED - SEEN)).clamp(0, 1)
    wide = F.max_pool2d(share[None], 2 * AROUND + 1, 1, AROUND)[0]
    return _mean(wide, AROUND)


def _mean(picture: Tensor, radius: int) -> Tensor:
    """The means of squares around each pixel, within the picture."""
    side = 2 * radius + 1
    return F.avg_pool2d(picture[None], side, 1, radius, count_include_pad=False)[0]


def _to_bytes(picture: Tensor) -> Tensor:
    return picture.round().clamp(0, 255).to(torch.uint8)


class Flicker:
    """By how much the pixels of the output change from frame to frame where those of the input stay
    as they are: the mean difference, in levels of 0 … 255.
    """

    def __init__(self) -> None:
        self._before: tuple[Tensor, Tensor] | None = None
        self._sum, self._count = 0.0, 0

    def add(self, given: Tensor, made: Tensor) -> None:
        """The next frame and its output, (3, H, W) uint8."""
        given, made = given.cpu().int(), made.cpu().int()
        if self._before is not None and self._before[0].shape == given.shape:
            still = ((given - self._before[0]).abs() <= STILL).all(0)
            self._sum += float((made - self._before[1])[:, still].abs().sum())
            self._count += 3 * int(still.sum())
        self._before = given, made

    @property
    def value(self) -> float | None:
        """None if there is no such pixel."""
        return self._sum / self._count if self._count else None


def restyled(
    frames: Iterable[Frame], size: int | None, paint: Paint, flicker: Flicker
) -> Iterator[Frame]:
    """The frames, of at most `size` pixels along the longer side, each in the style and as
    transparent as it was.
    """
    paint_next = Continuity(paint)
    for pixels, seconds in frames:
        whole = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        side = size or max(whole.shape)
        given, alpha = within(whole[:3], side), None
        if len(whole) > 3:
            alpha = within(whole[3:], side)
            given = on_white(given, alpha)
        made = paint_next(given)
        flicker.add(given, made)
        yield Frame(np.asarray(with_alpha(made, alpha).permute(1, 2, 0).contiguous()), seconds)


def on_white(picture: Tensor, alpha: Tensor) -> Tensor:
    """(3, H, W) uint8 of which so much is there, on white."""
    share = alpha.float() / 255
    return _to_bytes(picture.float() * share + 255 * (1 - share))
