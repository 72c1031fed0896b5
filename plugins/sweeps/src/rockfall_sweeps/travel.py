"""Runs that travel: to a URL after each checkpoint, and from there to where they go on.

For nodes that share no folder. Any URL that fsspec knows will do: `s3://…`, `gs://…`, `sftp://…`,
`file:///…`. A checkpoint counts once it is whole: what it needs is sent before it, and it takes its
name last.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rockfall import RockfallError, UsageError

ALWAYS = ("run.json", "metrics.jsonl", "checkpoint/best.safetensors", "checkpoint/last.safetensors")
"""What a run needs to go on, in the order in which it is sent."""
RESULT = "result.json"


def send(folder: Path, url: str, *, whole: bool = False) -> None:
    """Copy what a run needs to go on to a URL; whole: all that it has left, its result last."""
    names = [name for name in ALWAYS if (folder / name).is_file()]
    if whole:
        pictures = sorted((folder / "pictures").glob("*"))
        names += [str(path.relative_to(folder)) for path in pictures if path.is_file()]
        names += [RESULT] if (folder / RESULT).is_file() else []
    with reaching(url):
        system, root = _opened(url)
        for name in names:
            target = f"{root}/{name}"
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(folder / name), f"{target}.sending")
            system.mv(f"{target}.sending", target)


def fetch(url: str, folder: Path) -> bool:
    """Copy a run from a URL into a new folder; False if there is none."""
    with reaching(url):
        system, root = _opened(url)
        if not system.exists(f"{root}/run.json"):
            return False
        for found in system.find(root):
            name = str(found).removeprefix(root).lstrip("/")
            if not name.endswith(".sending"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                system.get_file(found, str(folder / name))
    return True


def check_url(url: str) -> None:
    """Raises UsageError for a URL to which nothing can be sent."""
    try:
        with reaching(url):
            system, root = _opened(url)
            system.makedirs(root, exist_ok=True)
    except RockfallError as error:
        raise UsageError(f"--remote {error}") from None


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Inside, what a file system or a network refuses is a RockfallError that names the URL."""
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RockfallError(f"can't reach {url}: {reason[:300]}") from None


def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(
            "checkpoints travel by fsspec, which is not here: pip install 'rockfall-sweeps[ray]'"
        ) from None
    system, root = url_to_fs(os.path.expanduser(url))
    return system, root.rstrip("/")
