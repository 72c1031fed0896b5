"""What is brought to a machine without a network: what it lacks, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from tests.device.pack import HERE, ROOT, distributions, pins, third_party


def test_what_is_missing_or_does_not_do_is_brought() -> None:
    present = pins(HERE / "present.txt")
    brought = third_party(present, "3.12")
    pinned = pins(ROOT / "constraints.txt")
    assert {"gymnasium", "pydantic", "pydantic-core", "stable-baselines3"} <= brought.keys()
    assert all(version == pinned[name] for name, version in brought.items())
    assert not {"torch", "numpy", "scipy", "scikit-learn", "pillow"} & brought.keys()
    assert third_party({**present, "numpy": "1.26.4"}, "3.12")["numpy"] == pinned["numpy"]
    assert "typing-extensions" in brought, "small, and in a version that is not known: a spare"
    known = {**present, "typing-extensions": pinned["typing-extensions"]}
    assert "typing-extensions" not in third_party(known, "3.12")
    assert "torch" in third_party({}, "3.12")


def test_lists_of_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("# a list\nTyping_Extensions==4.0\nnumpy\nmine @ file:///tmp/mine  # here\n\n")
    assert pins(file) == {"typing-extensions": "4.0", "numpy": "", "mine": ""}


def test_every_distribution_of_ours_is_brought() -> None:
    listed = re.findall(r"^-e \./(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {str(folder.relative_to(ROOT)) for folder in distributions()} == {*listed}
