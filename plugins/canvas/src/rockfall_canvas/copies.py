"""The capability `copies`: a picture that is meant to be indistinguishable from the source's.

It is measured by full-reference image quality: PSNR, dB, and SSIM, beside those of the mean colour
as a baseline; and by the PSNR of held-out pixels alone, beside harmonic inpainting.
"""

from __future__ import annotations

import json
from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Measurements, Picture, measurement
from rockfall.kit.drawing import below, beside, page, words
from rockfall.kit.pictures import to_image
from rockfall.kit.resizing import within
from rockfall_canvas.image_quality import has_ssim, psnr, ssim
from rockfall_canvas.inpainting import harmonic_inpainting

PANEL_SIDE = 480
"""Pixels along the longer side of each panel of the comparison."""
ERROR_GAIN = 4
"""Factor by which absolute errors are brightened."""
HELD_OUT_GREY = 128
"""Grey level that stands for held-out pixels."""


@runtime_checkable
class Copies(Protocol):
    """Reproduces one picture, so that it can be compared with the source pixel by pixel."""

    def paint(self, height: int, width: int, /) -> Tensor:
        """(3, height, width) uint8; always the same at the same size."""


class CopiesWithHoldout(Copies, Protocol):
    """Was trained on a part of the picture's pixels. A model that copies need not be this."""

    held_out: Tensor
    """(H · W,) bool, row-major: the pixels that it was not trained on."""


def evaluate(
    model: Copies, source: Picture, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`psnr`, `ssim`, and `held_out_psnr` if pixels were held out.

    All are of the whole picture, so `seed` and `limit` have no effect.
    """
    reference, held_out = source.pixels, held_out_mask(model)
    own = quality(model.paint(*reference.shape[1:]), reference, held_out)
    flat = quality(mean_colour(reference, held_out), reference, held_out)
    baselines = {name: {"mean colour": value} for name, value in flat.items()}
    if "held_out_psnr" in own:
        filled = quality(inpainted(reference, held_out), reference, held_out)
        baselines["held_out_psnr"]["harmonic fill-in"] = filled["held_out_psnr"]
    return {
        name: measurement(
            torch.tensor([value]),
            {other: torch.tensor([theirs]) for other, theirs in baselines[name].items()},
        )
        for name, value in own.items()
    }


def quality(reconstruction: Tensor, reference: Tensor, held_out: Tensor) -> dict[str, float]:
    """Of two (3, H, W) uint8 pictures `psnr`, `ssim` if they are large enough for it, and
    `held_out_psnr` over the held-out (H · W,) bool pixels alone, if there are some.
    """
    metrics = {"psnr": psnr(reconstruction, reference)}
    if has_ssim(*reference.shape[1:]):
        metrics["ssim"] = ssim(reconstruction, reference)
    if held_out.any():
        rows = held_out.to(reference.device)
        metrics["held_out_psnr"] = psnr(
            reconstruction.flatten(1)[:, rows], reference.flatten(1)[:, rows]
        )
    return metrics


def check(model: Copies, source: Picture) -> None:
    """The metrics are finite numbers, and the same each time."""
    first, again = (json.dumps(evaluate(model, source), allow_nan=False) for _ in range(2))
    assert first == again, "the metrics must be the same each time"


def pictures(model: Copies, source: Picture) -> dict[str, Image.Image]:
    """`copy`: the source, the reconstruction and the absolute error side by side; and the training
    pixels, if some were held out.
    """
    reference, held_out = source.pixels, held_out_mask(model)
    reconstruction = model.paint(*reference.shape[1:])
    metrics = quality(reconstruction, reference, held_out)
    error = ((reconstruction.int() - reference.int()).abs() * ERROR_GAIN).clamp(max=255).byte()
    panels = {"source": reference}
    if held_out.any():
        training = reference.flatten(1).clone()
        training[:, held_out.to(reference.device)] = HELD_OUT_GREY
        panels["training pixels"] = training.view_as(reference)
    panels |= {"reconstruction": reconstruction, f"absolute error × {ERROR_GAIN}": error}
    return {"copy": page(_title(metrics), "", beside([_panel(*each) for each in panels.items()]))}


def held_out_mask(model: Copies) -> Tensor:
    """(H · W,) bool: the pixels that a model was not trained on; (1,), False, if there are none."""
    mask: Tensor = getattr(model, "held_out", torch.zeros(1, dtype=torch.bool))
    return mask


def mean_colour(reference: Tensor, held_out: Tensor) -> Tensor:
    """A (3, H, W) uint8 picture of the mean colour of the pixels that were not held out."""
    known = reference.flatten(1)
    if held_out.any():
        known = known[:, ~held_out.to(reference.device)]
    mean = known.float().mean(1).round().byte()
    return mean[:, None, None].expand_as(reference)


def inpainted(reference: Tensor, held_out: Tensor) -> Tensor:
    """A (3, H, W) uint8 picture whose held-out pixels are filled in by harmonic inpainting."""
    missing = held_out.to(reference.device).view(reference.shape[1:])
    return harmonic_inpainting(reference, missing).round().clamp(0, 255).byte()


def _title(metrics: dict[str, float]) -> str:
    parts = [f"PSNR {metrics['psnr']:.1f} dB"]
    if "ssim" in metrics:
        parts.append(f"SSIM {metrics['ssim']:.3f}")
    if "held_out_psnr" in metrics:
        parts.append(f"PSNR of held-out pixels {metrics['held_out_psnr']:.1f} dB")
    return " · ".join(parts)


def _panel(name: str, picture: Tensor) -> Image.Image:
    image = to_image(within(picture, PANEL_SIDE))
    return below([words(name, 12), image], 4)
