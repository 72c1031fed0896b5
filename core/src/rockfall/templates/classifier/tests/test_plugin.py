"""The plugin keeps Rockfall's promises, and its model learns."""

from pathlib import Path

import rockfall
from rockfall.testing import check_plugin


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_learns(tmp_path: Path) -> None:
    run = rockfall.train("hello", out=tmp_path, listeners=[])
    accuracy = rockfall.evaluate(run)["test accuracy"]
    assert accuracy["value"] > accuracy["baselines"]["commonest class"]["value"] + 0.5
