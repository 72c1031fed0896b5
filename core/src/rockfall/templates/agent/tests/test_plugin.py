"""The plugin keeps Rockfall's promises, and its agent learns."""

from pathlib import Path

import rockfall
from rockfall.testing import check_plugin


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_learns(tmp_path: Path) -> None:
    run = rockfall.train("hello", out=tmp_path, listeners=[])
    score = rockfall.evaluate(run, limit=500)["score"]
    assert score["value"] > 2 * score["baselines"]["random"]["value"]
