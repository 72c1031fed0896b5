"""Digits drawn on real paper: how many a classifier trained on MNIST reads, by what they are on.

The drawings are those of `tests/drawings`: ten digits by several hands on each paper, prepared as
`rockfall classify` does it. Beside it, the preparation of version 0.1: the border's median is the
paper, and ink is what differs from it by 64 levels.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import rockfall
from rockfall import SourceInfo
from rockfall.kit.preparation import Preparation, prepare
from tests.benchmarks.report import Table, script
from tests.drawings.papers import PAPERS, drawing


def measure(options: argparse.Namespace) -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        run = rockfall.train(
            options.model,
            "mnist",
            config={"epochs": options.epochs},
            out=Path(folder),
            threads=1,
            listeners=[],
        )
        accuracy = (run.result or {})["figures"]["test accuracy"]["value"]
        info = SourceInfo.from_json(run.record.info)
        model: Any = run.model
        assert info.preparation is not None
        now = Preparation.from_json(info.preparation)
        former = Preparation.of_examples("guess", info.shape, info.statistics)
        former = replace(former, size=now.size)
        rows, spent, count = [], 0.0, 10 * options.hands
        labels = torch.arange(10).repeat_interleave(options.hands)
        for paper in PAPERS:
            images = [
                drawing(paper, label, hand)[0]
                for label in range(10)
                for hand in range(options.hands)
            ]
            begun = time.process_time()
            seen = _seen(images, now)
            spent += time.process_time() - begun
            right = [
                int((model.classify(inputs).argmax(1) == labels).sum())
                for inputs in (_seen(images, former), seen)
            ]
            rows.append([paper, *(f"{100 * each / count:.0f} %" for each in right)])
    note = (
        f"{count} drawings each. To prepare one takes {1000 * spent / count / len(PAPERS):.0f} CPU "
        f"ms. The model reads {100 * accuracy:.1f} % of MNIST's test pictures."
    )
    title = f"Drawn digits that {options.model} reads, trained on MNIST"
    return [Table(title, ["drawn on", "as prepared by version 0.1", "now"], rows, note)]


def _seen(images: list[Image.Image], how: Preparation) -> torch.Tensor:
    return torch.stack([prepare(image, how).pixels for image in images])


if __name__ == "__main__":
    script(__doc__, measure, model="lenet5", epochs=5, hands=10)
