"""New examples as pictures: of a finished run, and as snapshots while it learns."""

from __future__ import annotations

import torch
from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, are_points, compare_points, in_rows, sheet
from rockfall_capabilities.samples.protocol import Samples
from rockfall_capabilities.samples_by_class.protocol import is_conditional

SAMPLES = 64
"""Pictures on a sheet."""
POINTS = 2000
"""Numbers, or points in the plane, on a chart, and as many of the data."""
PER_CLASS, MAX_CLASSES = 10, 20
"""Pictures in a row and rows on a sheet, of a model that samples by class."""


def pictures(model: Samples, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures, numbers and points in the plane `samples`; of a model that samples pictures by
    class, a row of each class."""
    return {"samples": samples_page(model, source)} if can_draw(source) else {}


def snapshots(model: Samples, source: Dataset) -> dict[str, Image.Image]:
    """The same by now, always from the same noise: a film of them shows what training changes."""
    return pictures(model, source)


def can_draw(source: Dataset) -> bool:
    """Whether examples of the source are pictures, numbers or points in the plane."""
    info = source.info
    return are_pictures(info.shape, info.dtype) or are_points(info.shape, info.dtype)


def samples_page(model: Samples, source: Dataset) -> Image.Image:
    """New examples of a source that can be drawn, from torch's global generator."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return compare_points(model.sample(POINTS), source.train.evenly_spaced(POINTS).inputs)
    if not is_conditional(model):
        return sheet(in_rows(model.sample(SAMPLES)))
    classes = source.info.classes[:MAX_CLASSES]
    labels = torch.arange(len(classes), device=source.train.labels.device)
    samples = model.sample_of(labels.repeat_interleave(PER_CLASS))
    return sheet(list(zip(classes, samples.split(PER_CLASS), strict=True)))
