"""Weights that others trained: safetensors of any origin, and published files of torch's own.

No pickle is ever loaded but here, where the digest of a published `.pth` is checked first. What it
holds goes into a safetensors file beside it, and it is never read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.downloads import Remote, data_folder, exclusive, fetch, has_digest
from rockfall.kit.files import atomic, writing

__all__ = ["embedded_weights", "published_weights", "read_weights"]

FOLDER = "weights"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, on the CPU. Raises RockfallError."""
    try:
        return load_file(path)
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None
    except (SafetensorError, ValueError) as error:
        raise RockfallError(f"{path} is no safetensors file, or is damaged ({error})") from None


def embedded_weights(distribution: str, package: str, name: str, sha256: str) -> dict[str, Tensor]:
    """The tensors, float32, of a safetensors file in half precision that comes with a package of a
    distribution.

    Raises RockfallError if the file is not the one that was published.
    """
    file = files(package) / name
    repair = f"install {distribution} again"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RockfallError(f"can't read the weights {file}: {error.strerror}; {repair}") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RockfallError(f"the weights {file} are damaged: their SHA-256 is another; {repair}")
    return {key: values.float() for key, values in load(content).items()}


def published_weights(remote: Remote, keep: Callable[[str], bool]) -> dict[str, Tensor]:
    """Those tensors of a published `.pth` whose names `keep` accepts, downloaded the first time.

    Raises Unavailable if it can't be had, and RockfallError if it is not what was published.
    """
    folder = data_folder() / FOLDER
    path = folder / f"{Path(remote.name).stem}.safetensors"
    if not path.exists():
        with exclusive(path):
            if not path.exists():
                _convert(remote, path, keep)
    return read_weights(path)


def _convert(remote: Remote, path: Path, keep: Callable[[str], bool]) -> None:
    given = (path.parent / remote.name).exists()
    source = fetch(remote, path.parent)
    if not has_digest(source, remote.digest):  # the user may have put any file there
        raise RockfallError(f"{source} has not the published digest: remove it to download it")
    try:
        # Mapped, since a network's last layers, which few want, may be most of its file.
        state: Any = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
        kept = {name: tensor.contiguous() for name, tensor in state.items() if keep(name)}
    except Exception as error:
        reason = " ".join(str(error).split())
        raise RockfallError(f"{source} can't be read as weights: {reason}") from None
    with atomic(path) as file:
        file.write(save(kept))
    if not given:
        with writing(source):
            source.unlink()
