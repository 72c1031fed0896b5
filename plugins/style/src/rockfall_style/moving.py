"""A style on a film, frame by frame, and how much it flickers.

A frame by `gatys` begins with that before it: with the photo's new frame, and on it what was
painted on the one before, so that what does not move stays as it was painted (after Ruder,
Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", section 4, who move the strokes
along with the objects by optical flow, which this does not). A trained style needs no beginning,
and its noise is the same in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from rockfall.kit.resizing import within
from rockfall.kit.transparency import with_alpha
from rockfall_style.films import Frame

STILL = 2
"""Levels of 0 … 255 by which a pixel may change and counts as one that stays as it is."""


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
    frames: Iterable[Frame], size: int | None, apply: Callable[[Tensor], Tensor], flicker: Flicker
) -> Iterator[Frame]:
    """The frames, of at most `size` pixels along the longer side, each in the style and as
    transparent as it was.

    apply: (3, H, W) uint8 → the same shape and type, for one frame after the other.
    """
    for pixels, seconds in frames:
        whole = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        side = size or max(whole.shape)
        given, alpha = within(whole[:3], side), None
        if len(whole) > 3:
            alpha = within(whole[3:], side)
            given = on_white(given, alpha)
        made = apply(given).cpu()
        flicker.add(given, made)
        yield Frame(np.asarray(with_alpha(made, alpha).permute(1, 2, 0).contiguous()), seconds)


def on_white(picture: Tensor, alpha: Tensor) -> Tensor:
    """(3, H, W) uint8 of which so much is there, on white."""
    share = alpha.float() / 255
    return (picture.float() * share + 255 * (1 - share)).round().to(torch.uint8)


def beginning(frame: Tensor, before: Tensor, painted: Tensor) -> Tensor:
    """A frame (3, H, W) uint8 with what was painted on the one before, as uint8."""
    return (frame.int() + painted.int() - before.int()).clamp(0, 255).to(torch.uint8)
