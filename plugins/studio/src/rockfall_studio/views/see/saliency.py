"""What a class depends on, by occlusion (`rockfall.kit.occlusion`)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rockfall import UsageError
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.see.seen import OfRun, looking


class Saliency(OfRun):
    """label: the class's number. attached: the input's bytes."""

    label: int = Field(ge=0)


@answers("see.saliency")
def saliency(studio: Studio, ask: Saliency) -> Answer:
    """planes: by how much the class gets less probable where a patch covers the picture, (H, W)."""
    from rockfall import eval_mode
    from rockfall.kit.occlusion import occlusion

    with looking(studio, ask.run) as seen:
        info = seen.info
        if not seen.can("classifies") or len(info.shape) != 3 or info.dtype != "uint8":
            raise UsageError(f"{ask.run} classifies no pictures")
        if ask.label >= len(info.classes):
            raise UsageError(f"{ask.run} has {len(info.classes)} classes, and none of {ask.label}")
        picture = seen.inputs(ask.attached)[0]
        with eval_mode(seen.model):
            drops = occlusion(seen.model.classify, picture, ask.label, info.statistics["mean"])
    return Answer({"class": info.classes[ask.label]}, [drops.numpy().astype(np.float32)])
