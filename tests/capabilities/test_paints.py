"""What is asked of a model that paints, and what it leaves while it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from rockfall.model_pictures import draw_capability
from rockfall.run.run import Run
from rockfall.sources.picture import Picture
from rockfall_capabilities.paints.check import check
from rockfall_capabilities.paints.pictures import pictures


def gradient(height: int, width: int) -> Tensor:
    rows = torch.linspace(0, 255, height)[:, None].expand(height, width)
    return rows.byte().expand(3, -1, -1).clone()


class Painter(nn.Module):
    def __init__(self, faulty: str = "") -> None:
        super().__init__()
        self.faulty = faulty
        self.asked: list[tuple[int, int]] = []

    def paint(self, height: int, width: int) -> Tensor:
        assert not self.training or self.faulty
        self.asked.append((height, width))
        painted = gradient(height, width)
        match self.faulty:
            case "its own size":
                return gradient(20, 30)
            case "fractions":
                return painted / 255
            case "chance":
                return (painted * torch.rand(())).byte() + len(self.asked)
        return painted


def test_a_painter_passes() -> None:
    painter = Painter().eval()
    check(painter, Picture("p", gradient(20, 30)))
    assert (20, 30) in painter.asked


@pytest.mark.parametrize(
    ("faulty", "complaint"),
    [
        ("its own size", r"paint\(7, 5\) gave \(3, 20, 30\)"),
        ("fractions", "paint gave torch.float32"),
        ("chance", "paint must be deterministic"),
    ],
)
def test_what_is_wrong_is_told(faulty: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(Painter(faulty), Picture("p", gradient(20, 30)))


def test_a_finished_run_leaves_the_painting_as_large_as_the_picture() -> None:
    drawn = pictures(Painter().eval(), Picture("p", gradient(20, 30)))
    assert torch.equal(drawn["painting"], gradient(20, 30))


@pytest.mark.parametrize(
    ("shape", "left"), [((3, 20, 30), (20, 30)), ((3, 3000, 1000), (384, 128))]
)
def test_snapshots_are_left_ever_further_apart(
    start: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, ...],
    left: tuple[int, int],
) -> None:
    monkeypatch.setattr("rockfall.run.snapshots.GRACE", 60.0)
    painter = Painter()

    def fit(_: Any, run: Run) -> None:
        picture = Picture("p", torch.zeros(shape, dtype=torch.uint8))
        target = "rockfall_capabilities.paints.pictures:snapshots"
        run.leave_snapshots([lambda: draw_capability(painter, target, picture)])
        painter.train()
        for _step in run.steps(40):
            assert painter.training
            run.log(loss=1.0)

    run = start(fit)
    with run.interruptible():
        run.model.fit(None, run)  # type: ignore[arg-type]
        run.finish()
    files = {int(f.stem.split("-")[1]): f for f in run.directory.pictures.glob("painting-*.png")}
    assert sorted(files)[:8] == list(range(8))
    assert len(files) == len(painter.asked) < 25
    with Image.open(files[0]) as image:
        assert np.array_equal(np.asarray(image).transpose(2, 0, 1), gradient(*left))
