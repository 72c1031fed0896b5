"""Published weights of fast style transfer, in the format of a TensorFlow.js demonstration.

A style is a folder of `manifest.json` and one file for each variable. The manifest has of each
variable the name of its file and its shape; the file has little-endian float32 numbers and nothing
else. Every layer of the network has three variables in turn, `Variable`, `Variable_1`, `Variable_2`
and so on: the kernel, (H, W, in, out) or, of a transposed convolution, (H, W, out, in), then
instance norm's shift and its scale. Other variables, such as an optimiser's, are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rockfall import RockfallError
from rockfall.kit.files import read_json, write_json
from rockfall.kit.memory import unallocated
from rockfall_style.transform_network import TransformNetwork

MANIFEST = "manifest.json"


def read_style(folder: Path) -> TransformNetwork:
    """The network of a folder. Raises RockfallError, which names the file, for one that is missing,
    of a wrong size, of another network or not finite.
    """
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict):
        raise RockfallError(f"{folder / MANIFEST} names no variables")
    network = TransformNetwork()
    with torch.no_grad():
        for name, shape, parameter in _variables(network):
            values = _values(folder, manifest, name, shape)
            parameter.copy_(_to_torch_layout(torch.from_numpy(values)))
    return network.eval()


def write_manifest(folder: Path) -> None:
    """Write the manifest of a folder whose files are named like their variables."""
    with unallocated():
        variables = list(_variables(TransformNetwork()))
    write_json(
        folder / MANIFEST,
        {name: {"filename": name, "shape": list(shape)} for name, shape, _ in variables},
    )


def _variables(network: TransformNetwork) -> Iterator[tuple[str, tuple[int, ...], Tensor]]:
    """Each variable's name, its shape in a file, and the network's parameter."""
    parameters = (
        parameter
        for layer in network.layers()
        for parameter in (layer.weight, layer.shift, layer.scale)
    )
    for number, parameter in enumerate(parameters):
        stored = parameter.permute(2, 3, 1, 0) if parameter.ndim == 4 else parameter
        yield f"Variable_{number}" if number else "Variable", tuple(stored.shape), parameter


def _to_torch_layout(values: Tensor) -> Tensor:
    return values.permute(3, 2, 0, 1) if values.ndim == 4 else values


def _values(folder: Path, manifest: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A variable of a folder, of the given shape."""
    entry = manifest.get(name)
    if not isinstance(entry, dict):
        raise RockfallError(f"{folder / MANIFEST} has no {name}: it is no style of this network")
    if entry.get("shape") != list(shape):
        raise RockfallError(
            f"{folder / MANIFEST}: {name} has shape {entry.get('shape')}, and in this network "
            f"{list(shape)}"
        )
    file = entry.get("filename")
    if not isinstance(file, str) or Path(file).name != file or file == ".." or "\0" in file:
        raise RockfallError(f"{folder / MANIFEST}: {name} is in {file!r}, no file of this folder")
    path = folder / file
    expected = 4 * math.prod(shape)
    try:
        found = path.stat().st_size
        if found != expected:
            raise RockfallError(f"{path} has {found:,} bytes, and its shape takes {expected:,}")
        values = np.fromfile(path, "<f4").astype(np.float32).reshape(shape)
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None
    if not np.isfinite(values).all():
        raise RockfallError(f"{path} is damaged: it holds numbers that are not finite")
    return values
