"""`rockfall sample RUN --out …`: where samples are written to, and as what."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rockfall import UsageError
from rockfall.verbs import check_new_file

if TYPE_CHECKING:
    from torch import Tensor

SHEET, ARRAYS = ".png", ".npz"


def check_target(text: str) -> Path:
    """The path of a new picture, of arrays (`.npz`), or of a folder, whose name ends with a slash
    unless it is there.

    Raises UsageError for a folder that has something in it, and as `check_new_file` does.
    """
    path = Path(text).expanduser()
    if not text.endswith(("/", os.sep)) and not path.is_dir():
        return check_new_file(path, (SHEET, ARRAYS))
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: name a new folder")
    if path.is_dir() and any(path.iterdir()):
        raise UsageError(
            f"{path} has files in it: name a new folder, say {path / 'samples'}{os.sep}"
        )
    check_new_file(path.parent / "a.png", SHEET)  # whether there is a folder to write it to
    return path


def is_folder(path: Path) -> bool:
    """Whether samples are written to it as single files: what `check_target` gave has a suffix of
    its own otherwise.
    """
    return path.suffix.lower() not in (SHEET, ARRAYS) or path.is_dir()


def save_folder(path: Path, samples: Tensor, kinds: Sequence[str]) -> None:
    """Write pictures (N, C, H, W) as PNGs, in a folder a class where the class of each is given:
    all of them or none.
    """
    from rockfall.kit import pictures
    from rockfall.kit.files import writing

    digits = len(str(max(0, len(samples) - 1)))
    with writing(path):
        unfinished = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
        try:
            for number, picture in enumerate(samples.cpu()):
                where = unfinished / (folder_name(kinds[number]) if kinds else "")
                where.mkdir(exist_ok=True)
                pictures.save(where / f"{number:0{digits}}.png", picture)
            unfinished.chmod(0o777 & ~_umask())
            if path.exists():
                path.rmdir()  # it is empty
            unfinished.replace(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def folder_name(kind: str) -> str:
    """A class as the name of a folder, whatever a run's record calls it."""
    return kind.replace("/", "-").replace(os.sep, "-").strip(". ") or "class"


def save_arrays(path: Path, samples: Tensor, kinds: Sequence[str]) -> None:
    """Write `samples` (N, …) as a compressed NumPy file, and `classes` (N,) if they are given."""
    import numpy as np

    from rockfall.kit.files import atomic

    arrays: dict[str, Any] = {"samples": samples.cpu().numpy()}
    if kinds:
        arrays["classes"] = np.array(kinds)
    with atomic(path) as file:
        np.savez_compressed(file, **arrays)


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
