"""One file a checkpoint: safetensors, with the rest as JSON and a SHA-256 of it all in its header.

No pickle is written and none is ever read. A file that was cut short, changed, or written by a
newer version is refused with one line that says so.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rockfall.errors import CheckpointError
from rockfall.kit import nest
from rockfall.kit.files import atomic
from rockfall.kit.memory import available_memory
from rockfall.kit.regular import open_regular

__all__ = ["read", "write"]

FORMAT = 1

PICKLE_STARTS = (b"PK", *(bytes((0x80, protocol)) for protocol in range(2, 6)))
"""Of a torch file, which is a zip with a pickle in it, and of bare pickles."""


def write(path: Path, state: Any) -> None:
    """Write nested `state` whole or not at all. Raises RockfallError if the disk refuses."""
    tensors: dict[str, Tensor] = {}
    content = json.dumps(nest.flatten(state, tensors))
    # Clones: safetensors refuses tensors that share memory.
    tensors = {
        name: t.cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()
    }
    metadata = {
        "format": str(FORMAT),
        "content": content,
        "sha256": _digest(content, tensors),
    }
    data = save(tensors, metadata)
    with atomic(path) as file:
        file.write(data)


def read(path: Path) -> Any:
    """The state that `write` was given, on the CPU. Raises CheckpointError, saying why."""
    try:
        with open_regular(path) as plain:
            start, size = plain.read(2), os.fstat(plain.fileno()).st_size
        if size > (available_memory(torch.device("cpu")) or size):
            raise CheckpointError(f"{path} has {size / 2**30:,.1f} GiB, more than memory is free")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Clones: the file's lie anywhere in memory, where torch rounds some sums otherwise.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {error.strerror or error}") from None
    except (SafetensorError, ValueError) as error:
        if start in PICKLE_STARTS:
            raise CheckpointError(
                f"{path} is a pickle, which can run code: Rockfall loads none"
            ) from None
        raise CheckpointError(f"{path} is damaged or cut short ({error})") from None
    if not {"format", "content", "sha256"} <= metadata.keys():
        raise CheckpointError(f"{path} is safetensors, but not a Rockfall checkpoint")
    if metadata["format"] != str(FORMAT):
        raise CheckpointError(
            f"{path} has checkpoint format {metadata['format']}, this rockfall-core reads "
            f"{FORMAT}: upgrade rockfall-core"
        )
    if metadata["sha256"] != _digest(metadata["content"], tensors):
        raise CheckpointError(f"{path} is damaged: its content does not match its SHA-256")
    try:
        return nest.restore(json.loads(metadata["content"]), tensors)
    except Exception as error:  # the digest finds damage, not what somebody made up
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} holds what no run writes ({reason})") from None


def _digest(content: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(content.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
