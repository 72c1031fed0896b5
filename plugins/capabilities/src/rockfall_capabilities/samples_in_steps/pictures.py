"""How samples come about, step by step."""

from __future__ import annotations

from PIL import Image

from rockfall import Dataset
from rockfall.kit.drawing import are_pictures, on_paper, one_two_five, picked
from rockfall_capabilities.samples.pictures import SAMPLES
from rockfall_capabilities.samples_in_steps.protocol import SamplesInSteps

SHOWN = 10
"""Samples of which the steps are shown."""


def pictures(model: SamplesInSteps, source: Dataset) -> dict[str, Image.Image]:
    """Of pictures `steps`: a column a step, for the first of those that `samples` shows."""
    if not are_pictures(source.info.shape, source.info.dtype):
        return {}
    # As many as the other picture has: of fewer, the generator would make others.
    steps = picked(model.sample_steps(SAMPLES), one_two_five())
    return {"steps": on_paper([(number, step[:SHOWN]) for number, step in steps])}
