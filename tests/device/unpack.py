"""`python unpack.py SITE DATA`: install what lies beside this file, and lay the data out.

It runs where nothing of Rockfall is installed yet and there is no network. Of the wheels it
installs, into the folder SITE, ours and those of distributions that the Python it runs on lacks or
has in a version that does not do. Pictures of CIFAR-10 come in pieces of a thousand, perhaps not
all at once: those that are missing are stood in for by others until another call brings them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib import metadata
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

HERE = Path(__file__).resolve().parent
CIFAR = "cifar10/cifar-10-batches-bin"
PIECES = 10
"""Pieces of a file, each of a thousand records: a strip of 40 rows of 25 pictures."""
FILES = ("test_batch", *(f"data_batch_{number}" for number in range(1, 6)))
INCOMPLETE = "incomplete.txt"
"""Beside the files, while some pieces are stood in for: which."""


def wanted(wheels: list[Path]) -> list[Path]:
    """Ours, and those of the others that the machine lacks or that it has in a version refused by
    what a wheel here, ours or theirs, requires.
    """
    described = {wheel: _metadata(wheel) for wheel in wheels}
    required: dict[str, list[Requirement]] = {}
    for about in described.values():
        for line in about.get_all("Requires-Dist", []):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                required.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    chosen = []
    for wheel, about in described.items():
        name = canonicalize_name(about["Name"])
        here = _version(name)
        refused = here and not all(
            each.specifier.contains(here, prereleases=True) for each in required.get(name, [])
        )
        if not here or refused or _is_ours(wheel):
            chosen.append(wheel)
    return chosen


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def _is_ours(wheel: Path) -> bool:
    """Ours are installed whatever is there: it is they that are to be tried."""
    return wheel.name.startswith(("rockfall", "falling_rocks", "drifting_rocks"))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def install(wheels: list[Path], site: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    alone = ["--no-index", "--no-deps", "--no-cache-dir", "--upgrade", "--target", str(site)]
    subprocess.run([*pip, *alone, *map(str, wheels)], check=True)


def lay_out(data: Path) -> None:
    """Copy what is there as it is, and turn the pieces that have come so far into files."""
    shutil.copytree(HERE / "data", data, dirs_exist_ok=True)
    pieces = data / "pieces"
    if pieces.is_dir():
        write_pictures(pieces, data / CIFAR)


def write_pictures(pieces: Path, folder: Path) -> None:
    """CIFAR-10's files of 10,000 records. A piece that has not come is stood in for by one of the
    test pictures or of the training pictures, as it is of these or those.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.stem for path in pieces.glob("*.webp")}
    missing = []
    for file in FILES:
        records = np.empty((PIECES * 1000, 3073), np.uint8)
        kind = file.rpartition("_")[0] if file.startswith("data") else file
        others = sorted(piece for piece in there if piece.startswith(kind))
        if not others:
            return  # none of its kind has come
        for number in range(PIECES):
            piece = f"{file}_{number}"
            if piece not in there:
                missing.append(piece)
                piece = others[len(missing) % len(others)]
            rows = slice(1000 * number, 1000 * (number + 1))
            records[rows, 0] = np.fromfile(pieces / f"{piece}.labels", np.uint8)
            records[rows, 1:] = unstripped(np.asarray(Image.open(pieces / f"{piece}.webp")))
        records.tofile(folder / f"{file}.bin")
    (folder / INCOMPLETE).write_text("".join(f"{piece}\n" for piece in missing))
    if not missing:
        (folder / INCOMPLETE).unlink()


def strip(pictures: np.ndarray) -> np.ndarray:
    """(1000, 3072), planes row by row → (1280, 800, 3)."""
    return pictures.reshape(40, 25, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(1280, 800, 3)


def unstripped(image: np.ndarray) -> np.ndarray:
    """The inverse of `strip`."""
    return image.reshape(40, 32, 25, 32, 3).transpose(0, 2, 4, 1, 3).reshape(1000, 3072)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    site, data = map(Path, sys.argv[1:])
    if wheels := sorted((HERE / "wheels").glob("*.whl")):
        chosen = wanted(wheels)
        install(chosen, site)
        print("installed:", ", ".join("-".join(wheel.name.split("-")[:2]) for wheel in chosen))
    if (HERE / "data").is_dir():
        lay_out(data)


if __name__ == "__main__":
    main()
