"""`copies`: paints a picture that is to be told from the real one by nothing. Its figures say how
near it is: PSNR, dB, and SSIM, beside those of the mean colour; and of pixels that were held out,
the PSNR of these alone beside that of the classical way to fill gaps.
"""

from __future__ import annotations

import json
from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall.kit.drawing.layout import below, beside, page, words
from rockfall.kit.pictures import to_image, within
from rockfall.measurements import Measurements, measurement
from rockfall.sources.picture import Picture
from rockfall_canvas.fill_in import harmonic
from rockfall_canvas.likeness import can_compare, psnr, ssim

SHOWN = 480
"""Pixels along the longer side of what is shown side by side."""
MAGNIFIED = 4
"""Times that errors are shown as large as they are."""
UNSEEN = 128
"""The level of grey that stands for pixels that were held out."""


@runtime_checkable
class Copies(Protocol):
    """Paints one picture, which can be laid upon the real one."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8; always the same at the same size."""


class CopiesWithGaps(Copies, Protocol):
    """Has not seen all of its picture. A model that copies need not."""

    held_out: Tensor
    """(H · W,) bool, row by row: the pixels that it has not seen."""


def evaluate(
    model: Copies, source: Picture, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`psnr`, `ssim`, and `held_out_psnr` if there are such pixels. All are of the whole picture:
    there is nothing to draw, or to limit.
    """
    true, missing = source.pixels, gaps(model)
    made = likeness(model.paint(*true.shape[1:]), true, missing)
    flat = likeness(mean_colour(true, missing), true, missing)
    baselines = {name: {"mean colour": value} for name, value in flat.items()}
    if "held_out_psnr" in made:
        filled = likeness(filled_in(true, missing), true, missing)
        baselines["held_out_psnr"]["harmonic fill-in"] = filled["held_out_psnr"]
    return {
        name: measurement(
            torch.tensor([value]),
            {other: torch.tensor([theirs]) for other, theirs in baselines[name].items()},
        )
        for name, value in made.items()
    }


def likeness(made: Tensor, true: Tensor, missing: Tensor) -> dict[str, float]:
    """Of two (3, H, W) uint8 pictures `psnr`, `ssim` if they are large enough for it, and
    `held_out_psnr` of the missing (H · W,) bool pixels alone, if there are some.
    """
    found = {"psnr": psnr(made, true)}
    if can_compare(*true.shape[1:]):
        found["ssim"] = ssim(made, true)
    if missing.any():
        rows = missing.to(true.device)
        found["held_out_psnr"] = psnr(made.flatten(1)[:, rows], true.flatten(1)[:, rows])
    return found


def check(model: Copies, source: Picture) -> None:
    """Its figures are numbers, and the same each time."""
    first, again = (json.dumps(evaluate(model, source), allow_nan=False) for _ in range(2))
    assert first == again, "the figures must be the same each time"


def pictures(model: Copies, source: Picture) -> dict[str, Image.Image]:
    """`copy`: the picture, the painting and the errors; and what of it was seen, if not all."""
    true, missing = source.pixels, gaps(model)
    made = model.paint(*true.shape[1:])
    found = likeness(made, true, missing)
    off = ((made.int() - true.int()).abs() * MAGNIFIED).clamp(max=255).byte()
    shown = {"the picture": true}
    if missing.any():
        seen = true.flatten(1).clone()
        seen[:, missing.to(true.device)] = UNSEEN
        shown["what it was shown"] = seen.view_as(true)
    shown |= {"the painting": made, f"where it is wrong, {MAGNIFIED} times as bright": off}
    return {"copy": page(_title(found), "", beside([_cell(*each) for each in shown.items()]))}


def gaps(model: Copies) -> Tensor:
    """(H · W,) bool: the pixels that a model has not seen; (1,), and none, if it has seen all."""
    held: Tensor = getattr(model, "held_out", torch.zeros(1, dtype=torch.bool))
    return held


def mean_colour(true: Tensor, missing: Tensor) -> Tensor:
    """A picture (3, H, W) uint8 of the mean of the colours of those pixels that are not missing."""
    known = true.flatten(1)
    if missing.any():
        known = known[:, ~missing.to(true.device)]
    mean = known.float().mean(1).round().byte()
    return mean[:, None, None].expand_as(true)


def filled_in(true: Tensor, missing: Tensor) -> Tensor:
    """A picture (3, H, W) uint8 with the missing pixels harmonically filled in."""
    filled = harmonic(true, missing.to(true.device).view(true.shape[1:]))
    return filled.round().clamp(0, 255).byte()


def _title(found: dict[str, float]) -> str:
    parts = [f"PSNR {found['psnr']:.1f} dB"]
    if "ssim" in found:
        parts.append(f"SSIM {found['ssim']:.3f}")
    if "held_out_psnr" in found:
        parts.append(f"of what it was not shown {found['held_out_psnr']:.1f} dB")
    return " · ".join(parts)


def _cell(name: str, picture: Tensor) -> Image.Image:
    image = to_image(within(picture, SHOWN))
    return below([words(name, 12), image], 4)
