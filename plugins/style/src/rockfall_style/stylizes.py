"""`stylizes`: gives any picture one style, in one pass. Its figures are how far what it makes of
the test pictures is from the style, and from their content, beside the same of the pictures
themselves.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, measurement
from rockfall.kit.drawing import in_pairs, sheet

STYLIZED = "stylized"
"""What the pictures are called; those that a training leaves have its step, too."""
DRAWN, COLUMNS = 16, 8
ODD_SIZES = ((37, 52), (1, 9), (70, 3))


@runtime_checkable
class Stylizes(Protocol):
    """Gives any picture its style."""

    def stylize(self, picture: Tensor, /) -> Tensor:
        """(3, H, W) uint8 of any size → the same shape and type; always the same of the same."""

    def distances(self, made: Tensor, given: Tensor, /) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, H, W) uint8, and those that they were made of → of each (N,) how far it
        is from the style, and from the content.
        """


def evaluate(
    model: Stylizes, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Style and content loss of stylized test pictures, and of these as they are."""
    given = source.test.evenly_spaced(limit).inputs
    mine = model.distances(stylized(model, given), given)
    theirs = model.distances(given, given)
    return {
        name: measurement(loss, {"the pictures themselves": other})
        for name, loss, other in zip(("style loss", "content loss"), mine, theirs, strict=True)
    }


def check(model: Stylizes, source: Dataset) -> None:
    """Every size comes back as it was, and the same each time."""
    picture = source.train.inputs[0]
    height, width = picture.shape[1:]
    for rows, columns in ((height, width), *ODD_SIZES):
        down = torch.arange(rows, device=picture.device) % height
        across = torch.arange(columns, device=picture.device) % width
        given = picture[:, down][:, :, across]
        made = model.stylize(given)
        assert made.shape == given.shape, f"stylize made {tuple(given.shape)} {tuple(made.shape)}"
        assert made.dtype == torch.uint8, f"stylize gave {made.dtype}"
        assert torch.equal(made, model.stylize(given)), "stylize must be deterministic"
    of = source.train.inputs[:3]
    for loss in model.distances(of, of):
        assert loss.shape == (len(of),), f"distances gave {tuple(loss.shape)} for {len(of)}"
        assert torch.isfinite(loss).all(), "distances must be finite"


def pictures(model: Stylizes, source: Dataset) -> dict[str, Image.Image]:
    """Test pictures, each above what the model makes of it."""
    return {STYLIZED: drawn(model, source.test.evenly_spaced(DRAWN).inputs)}


def stylized(model: Stylizes, given: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 → the same, each in the model's style."""
    return torch.stack([model.stylize(picture) for picture in given])


def drawn(model: Stylizes, given: Tensor) -> Image.Image:
    """(N, 3, H, W) uint8 in rows, each above what the model makes of it."""
    return sheet(in_pairs(given, stylized(model, given), COLUMNS))


def snapshots(model: Stylizes, source: Dataset) -> dict[str, Image.Image]:
    """Some validation pictures, each above what the model makes of it by now."""
    return {STYLIZED: drawn(model, source.validation.evenly_spaced(COLUMNS).inputs)}
