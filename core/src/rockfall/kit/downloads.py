"""Downloads: verified, resumable, complete or absent. All that is fetched comes through here.

A file that is in the folder under its final name is used as it is: either it was verified before it
got the name, or the user put it there, and the code that parses it checks its structure.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rockfall.errors import Unavailable
from rockfall.kit.files import writing
from rockfall.kit.transfer import Broken, Busy, Failed, transfer

__all__ = ["Remote", "data_folder", "exclusive", "fetch"]

FOLDER_VARIABLE = "ROCKFALL_DATA"
ATTEMPTS = 5
"""How often a mirror is asked that is busy, or whose connection breaks."""
LONGEST_PAUSE = 60.0
"""Seconds in all for which a busy mirror is waited for."""
PATIENCE = 2.0
"""Seconds to wait for another process before saying so."""
_only_what_is_here = ContextVar("only what is here", default=False)
DIGEST = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Remote:
    """A published file.

    name: of the file in its folder. urls: where it is to be had, the first choice first.
    digest: `sha256:…` or `md5:…`, as published. size: in bytes, if published.
    """

    name: str
    urls: tuple[str, ...]
    digest: str
    size: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what can be no remote file."""
        if self.name in ("", ".", "..") or Path(self.name).name != self.name:
            raise ValueError(f"{self.name!r} is not a file's name")
        if not DIGEST.fullmatch(self.digest):
            raise ValueError(f"{self.name}: digest {self.digest!r} is not sha256:… or md5:…")
        if not self.urls:
            raise ValueError(f"{self.name}: no address")
        for url in self.urls:
            if urlsplit(url).scheme not in ("http", "https"):
                raise ValueError(f"{self.name}: {url} is not http or https")


def data_folder() -> Path:
    """Where data lies: `ROCKFALL_DATA`, or `rockfall` in the platform's cache folder."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("rockfall", appauthor=False)


def fetch(remote: Remote, folder: Path) -> Path:
    """The path of the file in `folder`, downloaded from the first mirror that gives it.

    An interrupted download leaves `NAME.part`, with which the next one goes on. Of two processes,
    one downloads and the other waits. Raises Unavailable if no mirror has the file, and
    RockfallError if the folder can't be written, each with one line.
    """
    path = folder / remote.name
    if not path.exists():
        with exclusive(path):
            if not path.exists():
                _download(remote, path)
    return path


@contextlib.contextmanager
def only_what_is_here() -> Iterator[None]:
    """Inside, what would have to be downloaded or unpacked first is Unavailable at once."""
    before = _only_what_is_here.set(True)
    try:
        yield
    finally:
        _only_what_is_here.reset(before)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time prepare what is to be at `path`; its folder is made.

    Raises Unavailable inside `only_what_is_here`.
    """
    if _only_what_is_here.get():
        raise Unavailable(f"{path.parent.name}/{path.name} is not on this machine")
    import filelock

    from rockfall.kit.download_progress import tell

    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE)
        except filelock.Timeout:
            tell(f"waiting for another process that prepares {path.parent.name}/{path.name}")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(remote: Remote, path: Path) -> None:
    from rockfall.kit.download_progress import Downloading

    part = path.with_name(f"{path.name}.part")
    shown = f"{path.parent.name}/{path.name}"
    failures: dict[str, dict[str, None]] = {}  # reason → hosts, each once and in order
    left, waited = list(remote.urls), 0.0
    with Downloading(shown, remote.size) as progress:
        for attempt in range(ATTEMPTS):
            busy: dict[str, Busy] = {}
            for url in left:
                host = urlsplit(url).netloc
                progress.ask(host)
                try:
                    _complete(url, remote, part, progress.reached)
                except Busy as error:
                    busy[url] = error
                except Failed as error:
                    failures.setdefault(str(error), {})[host] = None
                else:
                    with writing(path):
                        os.replace(part, path)
                    return
            left = list(busy)
            pause = min((each.pause_after(attempt) for each in busy.values()), default=None)
            if pause is None or attempt == ATTEMPTS - 1 or waited + pause > LONGEST_PAUSE:
                break
            waited += pause
            for url, said in busy.items():
                progress.wait(urlsplit(url).netloc, f"{said}: again in {pause:.0f} s")
            time.sleep(pause)
    for url, said in busy.items():
        asked = f", and asks to wait {said.pause:,.0f} s" if said.pause else ""
        failures.setdefault(f"{said}{asked}", {})[urlsplit(url).netloc] = None
    reasons = "; ".join(f"{', '.join(hosts)}: {reason}" for reason, hosts in failures.items())
    raise Unavailable(
        f"can't download {shown} ({reasons}); lay it at {path} yourself, "
        f"or set {FOLDER_VARIABLE} to a folder of data that has it"
    )


def _complete(url: str, remote: Remote, part: Path, report: Callable[[int], None]) -> None:
    """Make `part` the verified whole. Raises Failed, leaving a `part` worth going on with."""
    resumed = _length(part) > 0
    _bring(url, remote, part, report)
    if not _verified(part, remote.digest) and resumed:
        # What was there may have been of another file.
        _bring(url, remote, part, report)
        _verified(part, remote.digest)
    if not part.exists():
        raise Failed("what it sends has not the published digest")


def _bring(url: str, remote: Remote, part: Path, report: Callable[[int], None]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        before = _length(part)
        if before == remote.size:
            break
        if remote.size is not None and before > remote.size:
            _remove(part)
        try:
            transfer(url, part, remote.size, report)
            break
        except Broken:
            if attempt == ATTEMPTS or _length(part) <= before:
                raise


def has_digest(path: Path, digest: str) -> bool:
    """Whether the content of a file has a digest like that of a Remote."""
    algorithm, _, wanted = digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return found.hexdigest() == wanted


def _verified(part: Path, digest: str) -> bool:
    """Whether the file has the digest, and is on the disk; one that has not is removed."""
    if has_digest(part, digest):
        with writing(part), part.open("rb") as file:
            os.fsync(file.fileno())
        return True
    _remove(part)
    return False


def _remove(part: Path) -> None:
    with writing(part):
        part.unlink()


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
