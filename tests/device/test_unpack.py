"""What is laid out where there is no network: wheels that are wanted, and pictures in pieces."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.device import unpack
from tests.device.unpack import CIFAR, FILES, INCOMPLETE, PIECES, strip, wanted


def wheel(folder: Path, name: str, requires: str = "") -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        about += f"Requires-Dist: {requires}\n" if requires else ""
        archive.writestr(f"{name}-1.0.dist-info/METADATA", about)
    return path


@pytest.mark.parametrize(
    ("requires", "brought"),
    [
        ("click>=1", False),
        (f"click=={version('click')}", False),
        ("click>999", True),
        ("click>999; python_version < '3'", False),
        ("click>999; extra == 'more'", False),
    ],
)
def test_what_the_machine_has_is_brought_if_it_does_not_do(
    tmp_path: Path, requires: str, brought: bool
) -> None:
    spare = wheel(tmp_path, "click")
    ours = wheel(tmp_path, "rockfall_core", requires)
    missing = wheel(tmp_path, "nobody_has_this")
    chosen = wanted([spare, ours, missing])
    assert {ours, missing} <= set(chosen)
    assert (spare in chosen) == brought


@pytest.mark.long
@pytest.mark.parametrize("missing", [0, 7])
def test_pictures_come_in_pieces_and_some_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    generator = np.random.default_rng(0)
    here, data = tmp_path / "here", tmp_path / "data"
    pieces = here / "data" / "pieces"
    pieces.mkdir(parents=True)
    one = generator.integers(256, size=(1000, 3072), dtype=np.uint8)
    labels = generator.integers(10, size=1000, dtype=np.uint8)
    names = [f"{file}_{number}" for file in FILES for number in range(PIECES)]
    for index, name in enumerate(names[: len(names) - missing]):
        # Each is other pictures; little of it, for the sake of time, is noise.
        made = np.full_like(one, index)
        made[:9] = one[:9]
        Image.fromarray(strip(made)).save(pieces / f"{name}.webp", lossless=True, method=0)
        labels.tofile(pieces / f"{name}.labels")
    monkeypatch.setattr(unpack, "HERE", here)
    unpack.lay_out(data)
    for file in FILES:
        records = np.fromfile(data / CIFAR / f"{file}.bin", np.uint8).reshape(PIECES, 1000, 3073)
        assert (records[:, :, 0] == labels).all()
        assert (records[:, :9, 1:] == one[:9]).all()
        for number, part in enumerate(records[:, 9:, 1:]):
            index = names.index(f"{file}_{number}")
            came = index < len(names) - missing
            assert (part == part[0, 0]).all()
            assert part[0, 0] == index if came else PIECES <= part[0, 0] < index
    incomplete = data / CIFAR / INCOMPLETE
    assert incomplete.exists() == bool(missing)
    if missing:
        assert incomplete.read_text().split() == names[-missing:]
