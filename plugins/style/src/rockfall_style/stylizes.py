"""The capability `stylizes`: applies one style to any picture, in one pass.

It is measured by the style and the content loss of its outputs for the test pictures, beside those
of the pictures themselves.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from PIL import Image
from torch import Tensor

from rockfall import Dataset, Measurements, measurement
from rockfall.kit.drawing import in_pairs, sheet

STYLIZED = "stylized"
"""The name of the sheet of pictures; snapshots have their step in it, too."""
PICTURES, COLUMNS = 16, 8
ODD_SIZES = ((37, 52), (1, 9), (70, 3))


@runtime_checkable
class Stylizes(Protocol):
    """Applies one style to any picture."""

    def stylize(self, picture: Tensor, /) -> Tensor:
        """(3, H, W) uint8 of any size → the same shape and type; always the same of the same."""

    def distances(self, outputs: Tensor, inputs: Tensor, /) -> tuple[Tensor, Tensor]:
        """The style and the content loss (N,) of each of the outputs (N, 3, H, W) uint8, whose
        content is that of the inputs, of the same shape.
        """


def evaluate(
    model: Stylizes, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`style loss` and `content loss` of stylized test pictures, beside those of the pictures."""
    inputs = source.test.evenly_spaced(limit).inputs
    losses = model.distances(stylize_all(model, inputs), inputs)
    baselines = model.distances(inputs, inputs)
    names = ("style loss", "content loss")
    return {
        name: measurement(loss, {"the pictures themselves": baseline})
        for name, loss, baseline in zip(names, losses, baselines, strict=True)
    }


def check(model: Stylizes, source: Dataset) -> None:
    """Outputs have the size of their inputs, and are the same each time; losses are finite."""
    picture = source.train.inputs[0]
    height, width = picture.shape[1:]
    for rows, columns in ((height, width), *ODD_SIZES):
        down = torch.arange(rows, device=picture.device) % height
        across = torch.arange(columns, device=picture.device) % width
        sized = picture[:, down][:, :, across]
        output = model.stylize(sized)
        shapes = tuple(sized.shape), tuple(output.shape)
        assert shapes[0] == shapes[1], f"stylize made {shapes[0]} {shapes[1]}"
        assert output.dtype == torch.uint8, f"stylize gave {output.dtype}"
        assert torch.equal(output, model.stylize(sized)), "stylize must be deterministic"
    inputs = source.train.inputs[:3]
    for loss in model.distances(inputs, inputs):
        assert loss.shape == (len(inputs),), f"distances gave {tuple(loss.shape)} for {len(inputs)}"
        assert torch.isfinite(loss).all(), "distances must be finite"


def pictures(model: Stylizes, source: Dataset) -> dict[str, Image.Image]:
    """`stylized`: test pictures, each above its output."""
    return {STYLIZED: stylized_sheet(model, source.test.evenly_spaced(PICTURES).inputs)}


def stylize_all(model: Stylizes, inputs: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 → the same shape, each in the model's style."""
    return torch.stack([model.stylize(picture) for picture in inputs])


def stylized_sheet(model: Stylizes, inputs: Tensor) -> Image.Image:
    """(N, 3, H, W) uint8 in rows, each above its output."""
    return sheet(in_pairs(inputs, stylize_all(model, inputs), COLUMNS))


def snapshots(model: Stylizes, source: Dataset) -> dict[str, Image.Image]:
    """`stylized`: validation pictures, each above its output by the present weights."""
    return {STYLIZED: stylized_sheet(model, source.validation.evenly_spaced(COLUMNS).inputs)}
