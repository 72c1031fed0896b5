"""The plugin keeps Rockfall's promises, and its model learns."""

from pathlib import Path
from typing import Any

import rockfall
from rockfall.testing import check_plugin


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_its_painting_is_like_the_picture(tmp_path: Path) -> None:
    run = rockfall.train("hello", out=tmp_path, listeners=[])
    model: Any = run.model
    picture: Any = rockfall.open_source("flower")
    pixels = picture.pixels.float()
    painting = model.paint(*pixels.shape[1:])
    assert (painting - pixels).square().mean() < 0.1 * pixels.var((1, 2)).mean()
