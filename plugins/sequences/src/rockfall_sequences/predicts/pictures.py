"""What it predicts, and how far back it can reach for it."""

from __future__ import annotations

import torch
from PIL import Image

from rockfall import Batch, Dataset
from rockfall.kit.drawing import Curve, Panel, curves
from rockfall.kit.targets import has_target
from rockfall_sequences.drawing import draw_sequences
from rockfall_sequences.predicts.protocol import Predicts
from rockfall_sequences.sequence_model import in_parts
from rockfall_sequences.sequences import Sequences

SHOWN = 12
MEASURED = 5_000
"""Test sequences by which the accuracy at each distance is measured."""


def pictures(model: Predicts, source: Dataset) -> dict[str, Image.Image]:
    """`predictions` of some test sequences; and `distance`, accuracy against how many steps before
    the question its answer came.
    """
    symbols, columns = (
        (source.symbols, source.columns) if isinstance(source, Sequences) else ((), ())
    )
    batch = source.test[:SHOWN]
    name, classes = source.info.name, source.info.classes
    predicted = model.predict(batch.inputs)
    drawn = {"predictions": draw_sequences(name, batch, classes, symbols, predicted, columns)}
    if isinstance(source, Sequences) and source.cues is not None:
        drawn["distance"] = _distance(model, source, source.test.evenly_spaced(MEASURED))
    return drawn


def _distance(model: Predicts, source: Sequences, test: Batch) -> Image.Image:
    assert source.cues is not None
    cues = source.cues(test.inputs)
    mask = has_target(test.labels) & (cues > 0)
    predicted = torch.cat([model.predict(part) for part in in_parts(test.inputs)])
    right = (predicted.argmax(-1) == test.labels)[mask].float()
    away = cues[mask]
    count = torch.bincount(away)
    rate = torch.bincount(away, right) / count
    points = [(float(d), 100 * rate[d].item()) for d in count.nonzero()[:, 0].tolist()]
    chance = 100 / len(source.info.classes)
    first, last = points[0][0], points[-1][0]
    panel = Panel(
        "right, %",
        "steps from what is asked for to the question",
        [Curve("model", points), Curve("chance", [(first, chance), (last, chance)])],
    )
    return curves([panel], 1)
