"""Unpacking of the files that are wanted, and of nothing else, from a tar archive."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from rockfall.errors import RockfallError
from rockfall.kit.files import atomic, writing


def unpack(archive: Path, sizes: Mapping[str, int], into: Path) -> None:
    """Write the named members, each whole or not at all, to `into`.

    sizes: name of each wanted member → its size in bytes. Links and other members are passed over.
    Raises RockfallError, naming the archive, if one is missing, of another size, or damaged.
    """
    missing = dict(sizes)
    # What is passed over has to be inflated too; an archive that is mostly that is no good one.
    spare = sum(sizes.values())
    try:
        with tarfile.open(archive, "r|*") as tar:  # as a stream, so that nothing is read twice
            for member in tar:
                if member.name not in missing or not member.isfile():
                    spare -= member.size
                    if spare < 0:
                        break
                    continue
                size = missing.pop(member.name)
                if member.size != size:
                    raise _unfit(archive, f"{member.name} has {member.size:,} bytes, not {size:,}")
                _extract(tar, member, into / member.name)
                if not missing:
                    return
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise _unfit(archive, str(error)) from error
    raise _unfit(archive, f"it has no {', '.join(missing)}")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None  # it is a file
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _unfit(archive: Path, reason: str) -> RockfallError:
    return RockfallError(
        f"{archive} is not what it should be: {reason}; delete it and it is downloaded again"
    )
