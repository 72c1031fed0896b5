"""`python -m tests.device.pack OUT`: all that `make device` needs where there is no network.

Writes folders into OUT, none larger than the limit. `run` has the wheels of our distributions and
of what the machine lacks, the tests, MNIST, a few pictures, and as much of CIFAR-10 as fits;
`more-1`, `more-2`, … have the rest of CIFAR-10. On the machine, `run` last:

    bash more-1/unpack-and-run.sh
    bash run/unpack-and-run.sh --out RESULTS
    MODULE=tests.device.styles bash run/unpack-and-run.sh --out STYLES

The last is `make styles`. Alone, `run` trains on CIFAR-10 all the same: a part of its pictures
stand in for those that are missing, so that times are right and accuracies are not, and the
results say so.

The data comes from `ROCKFALL_DATA`, wheels from the index that pip is set up for.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from rockfall.kit.downloads import data_folder
from tests.device.styles import photographs
from tests.device.unpack import CIFAR, FILES, PIECES, strip
from tests.packaging.wheels import ROOT, build

HERE = Path(__file__).parent
MEBIBYTE = 2**20
PLATFORMS = ("2_28", "2_27", "2_24", "2_17", "2_12", "2_5", "2014", "1")
"""Of manylinux: pip takes a wheel of a platform that it is told of, and of no older one."""
SPARE = 2 * MEBIBYTE
"""A distribution in plain Python that the machine has in a version unknown here is brought along,
if it is no larger, in case that version does not do.
"""
TOOLS = ("numpy", "packaging", "pillow", "pytest", "pytest-timeout", "pytest-xdist")
"""What the runner and the tests need beside what ours require."""
TESTS = (
    "__init__.py",
    "conftest.py",
    "benchmarks",
    "device",
    "falling_rocks/test_tensor.py",
    "drifting_rocks/test_tensor.py",
)
DATA = (
    "mnist",
    "images",
    "weights/squeezenet1_1_features.safetensors",
)
"""What is brought of the data, if it is there, beside CIFAR-10."""


def distributions() -> list[Path]:
    """The folders of ours, the bundle aside."""
    return sorted(path.parent for path in ROOT.glob("*/pyproject.toml")) + sorted(
        path.parent for path in ROOT.glob("*/*/pyproject.toml") if path.parts[-3] != "tests"
    )


def pins(file: Path) -> dict[str, str]:
    """Name → version, empty where there is none, of names or of what `pip freeze` wrote."""
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    split = (re.split(r"\s*==\s*|\s+@.*", line) for line in lines if line)
    return {canonicalize_name(parts[0]): (parts[1:] or [""])[0] for parts in split}


def third_party(present: dict[str, str], python: str) -> dict[str, str]:
    """Name → version of what is to be brought: what the machine lacks or has in a version that does
    not do, with all that this requires in turn, and what is spare.
    """
    constraints = pins(ROOT / "constraints.txt")
    ours = {canonicalize_name(name) for name in _names()}
    waiting = [*map(Requirement, TOOLS), *(r for name in ours for r in _required(name, python))]
    brought: dict[str, str] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in ours or name in brought:
            continue
        if name in present:
            version = present[name]
            if version and requirement.specifier.contains(version, prereleases=True):
                continue
            if not version and not _is_spare(name):
                continue
        brought[name] = constraints.get(name) or metadata.version(name)
        waiting += _required(name, python)
    return brought


def _names() -> Iterator[str]:
    for folder in distributions():
        found = re.search(r'^name = "(.+)"', (folder / "pyproject.toml").read_text(), re.MULTILINE)
        assert found is not None
        yield found[1]


def _required(name: str, python: str) -> Iterator[Requirement]:
    target = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(target):
            yield requirement


def _is_spare(name: str) -> bool:
    found = metadata.distribution(name)
    size = sum(file.size or 0 for file in found.files or ())
    return "Root-Is-Purelib: true" in (found.read_text("WHEEL") or "") and size <= SPARE


def download(wanted: dict[str, str], python: str, into: Path) -> None:
    platforms = [f"--platform=manylinux{'' if '_' not in p else '_'}{p}_x86_64" for p in PLATFORMS]
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download"]
    kinds = ["--no-deps", "--only-binary=:all:", f"--python-version={python}"]
    named = [f"{name}=={version}" for name, version in sorted(wanted.items())]
    # Its own warnings would drown what is said here.
    quiet = subprocess.run(
        [*command, *kinds, "--implementation=cp", *platforms, f"--dest={into}", *named],
        check=False,
        capture_output=True,
        text=True,
    )
    if quiet.returncode:
        raise SystemExit(quiet.stderr)


def copy_tests(into: Path) -> None:
    """The tests that are run, with the settings of pytest."""
    left_out = shutil.ignore_patterns("__pycache__", "RESULTS.md", "*.json")
    shutil.copy(ROOT / "pyproject.toml", into)
    for name in TESTS:
        path, copy = ROOT / "tests" / name, into / "tests" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy, ignore=left_out)
        else:
            shutil.copy(path, copy)


def copy_data(into: Path) -> None:
    for name in DATA:
        path, copy = data_folder() / name, into / "data" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy)
        elif path.exists():
            shutil.copy(path, copy)
        else:
            print(f"{path} is missing, and with it what is measured of it")
    folder = into / "data" / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    for path in photographs():
        shutil.copy(path, folder)


def pieces(scratch: Path) -> Iterator[tuple[Path, Path]]:
    """CIFAR-10 a thousand pictures at a time, test pictures first: a lossless picture file, a
    third smaller than the records, and the labels.
    """
    for file in FILES:
        path = data_folder() / CIFAR / f"{file}.bin"
        if not path.exists():
            print(f"{path} is missing, and with it what is measured of it")
            return
        records = np.fromfile(path, np.uint8).reshape(PIECES, 1000, 3073)
        for number, part in enumerate(records):
            image = scratch / f"{file}_{number}.webp"
            Image.fromarray(strip(part[:, 1:])).save(image, lossless=True, method=2, quality=75)
            part[:, 0].tofile(image.with_suffix(".labels"))
            yield image, image.with_suffix(".labels")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def scripts(into: Path) -> None:
    for name in ("unpack.py", "unpack-and-run.sh"):
        shutil.copy(HERE / name, into)


def pack(out: Path, present: dict[str, str], python: str, limit: int) -> None:
    """Replaces what is in `out`. Raises SystemExit if something can't be had or does not fit."""
    run = out / "run"
    shutil.rmtree(out, ignore_errors=True)
    wheels = run / "wheels"
    wheels.mkdir(parents=True)
    wanted = third_party(present, python)
    download(wanted, python, wheels)
    for folder in distributions():
        build(folder, wheels)
    copy_tests(run)
    copy_data(run)
    scripts(run)
    if size(run) > limit:
        raise SystemExit(f"{run} has {shown(size(run))}, more than {shown(limit)}: see --limit")
    brought = ", ".join(f"{name} {version}" for name, version in sorted(wanted.items()))
    print(f"beside ours: {brought}")
    folders = [run]
    with tempfile.TemporaryDirectory() as scratch:
        for files in pieces(Path(scratch)):
            if size(folders[-1]) + sum(file.stat().st_size for file in files) > limit:
                folders.append(out / f"more-{len(folders)}")
                folders[-1].mkdir()
                scripts(folders[-1])
            into = folders[-1] / "data" / "pieces"
            into.mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.move(file, into)
    for folder in folders:
        count = len(list(folder.glob("data/pieces/*.webp")))
        print(f"{folder}: {shown(size(folder))}, {count},000 pictures of CIFAR-10")


def shown(count: int) -> str:
    return f"{count / MEBIBYTE:.1f} MiB"


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument(
        "--present",
        type=Path,
        default=HERE / "present.txt",
        metavar="FILE",
        help="what the machine has: `pip freeze` of it, or names; by default PyTorch's company",
    )
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="of the machine")
    parser.add_argument(
        "--limit", type=float, default=64, metavar="MIB", help="of a folder (default: 64)"
    )
    given = parser.parse_args()
    pack(given.out, pins(given.present), given.python, round(given.limit * MEBIBYTE))


if __name__ == "__main__":
    main()
