"""A log of what a process does to the files below a folder, and what of it a crash may leave.

Two crashes: a kill leaves all that was done so far. A power cut leaves what was flushed, and of the
rest anything: a file's content is what was flushed of it, or any later one, of which what was
written since is cut short or zeros; a name in a folder is what it was when the folder was flushed,
or anything that it was since. That is more than file systems do, which keep some order; sqlite's
crash tests assume the same.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")
Entries = dict[str, int]
"""What is in a folder: a number by each name."""
NOBODY = 2**22 + 1
"""No process has this number."""


@dataclass
class Moment:
    """What was just done, and what each file and folder that ever was may be on disk: as it was
    flushed, and then as it was since, oldest first. `told`: what had been said by then.
    """

    operation: str
    contents: dict[int, list[bytes]]
    entries: dict[int, list[Entries]]
    told: list[Any]


@dataclass
class Log:
    """What was done below `root`, one moment after another; who tells something adds to `told`."""

    root: Path
    moments: list[Moment] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)
    _count: int = 0
    _looking: bool = False

    def add(self, operation: str, flushed: int | None = None) -> None:
        """Look at everything. flushed: the inode of what has just been flushed to disk."""
        self._looking = True
        contents, entries = self._look()
        self._looking = False
        last = self.moments[-1] if self.moments else Moment("", {}, {}, [])
        on_disk = self._numbers.get(flushed) if flushed is not None else None
        now = Moment(
            operation,
            last.contents | _later(last.contents, contents, on_disk, b""),
            last.entries | _later(last.entries, entries, on_disk, {}),
            list(self.told),
        )
        if (now.contents, now.entries, now.told) != (last.contents, last.entries, last.told):
            self.moments.append(now)

    def _look(self) -> tuple[dict[int, bytes], dict[int, Entries]]:
        """All files and folders by a number that no other gets later, as an inode may."""
        found: dict[str, int] = {str(self.root): os.stat(self.root).st_ino}
        walked = list(os.walk(self.root))
        for where, folders, files in walked:
            for name in (*folders, *files):
                path = os.path.join(where, name)
                found[path] = os.lstat(path).st_ino
        self._numbers = {i: n for i, n in self._numbers.items() if i in found.values()}
        for inode in found.values():
            if inode not in self._numbers:
                self._count += 1
                self._numbers[inode] = self._count
        number = {path: self._numbers[inode] for path, inode in found.items()}
        entries = {
            number[where]: {name: number[os.path.join(where, name)] for name in (*folders, *files)}
            for where, folders, files in walked
        }
        paths = [os.path.join(where, name) for where, _, files in walked for name in files]
        return {number[path]: Path(path).read_bytes() for path in paths}, entries

    def killed(self, moment: Moment, into: Path) -> None:
        """Lay what a kill leaves into a new folder."""
        self._lay(moment, into, lambda names: names[-1], lambda contents: contents[-1])

    def without_power(self, moment: Moment, into: Path, seed: int) -> None:
        """Lay what a power cut may leave: with seed 0 nothing that was not flushed, with 1 every
        name and no such content, and else whatever the seed draws.
        """
        draw = random.Random(seed)

        def names(since: list[Entries]) -> Entries:
            if seed <= 1:
                return since[-seed]
            chosen = {}
            for name in sorted(set().union(*since)):
                found = draw.choice(since).get(name)
                if found is not None:
                    chosen[name] = found
            return chosen

        def content(since: list[bytes]) -> bytes:
            if seed <= 1 or len(since) == 1:
                return since[0]
            chosen = draw.choice(since)
            pairs = zip(since[0], chosen, strict=False)
            # What was flushed stays where it lies.
            flushed = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
            cut = draw.randint(flushed, len(chosen))
            return draw.choice([chosen, chosen[:cut], chosen[:cut] + bytes(len(chosen) - cut)])

        self._lay(moment, into, names, content)

    def _lay(
        self,
        moment: Moment,
        into: Path,
        names: Callable[[list[Entries]], Entries],
        content: Callable[[list[bytes]], bytes],
    ) -> None:
        def lay(number: int, path: Path) -> None:
            path.mkdir()
            for name, child in names(moment.entries[number]).items():
                # The number of a process that no longer runs.
                place = path / name.replace(f".{os.getpid()}-", f".{NOBODY}-")
                if child in moment.entries:
                    lay(child, place)
                else:
                    place.write_bytes(content(moment.contents[child]))

        lay(1, into)


def _later(
    before: Mapping[int, list[T]], now: Mapping[int, T], flushed: int | None, nothing: T
) -> dict[int, list[T]]:
    """What each may be on disk, once it is as it is `now`; one that is new may be `nothing`."""
    later = {}
    for number, state in now.items():
        states = [state] if number == flushed else before.get(number, [nothing])
        later[number] = states if states[-1] == state else [*states, state]
    return later


@contextlib.contextmanager
def logged(root: Path, forgotten: Callable[[int], bool] = lambda mode: False) -> Iterator[Log]:
    """While open, each operation on files adds a moment to the log.

    forgotten: whether what has such a mode is not flushed, although it should have been.
    """
    log = Log(root)

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if log._looking:
                return real(*given, **named)
            log.add(f"before {name}")  # what was written meanwhile
            inode = None
            if name == "fsync" and not forgotten((found := os.fstat(given[0])).st_mode):
                inode = found.st_ino
            done = real(*given, **named)
            log.add(f"{name} {' '.join(str(each) for each in given)}"[:200], inode)
            return done

        return call

    log.add("begin")
    with contextlib.ExitStack() as patches:
        for module, names in (
            (os, ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "open", "chmod")),
            (io, ("open",)),
        ):
            for name in names:
                real = getattr(module, name)
                patches.enter_context(mock.patch.object(module, name, watched(name, real)))
        yield log
        log.add("end")
