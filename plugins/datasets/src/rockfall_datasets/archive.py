"""Extraction of named files, and of nothing else, from a tar archive."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from rockfall import RockfallError
from rockfall.kit.files import atomic, writing


def extract(archive: Path, sizes: Mapping[str, int], into: Path) -> None:
    """Write the named members, each whole or not at all, to `into`.

    sizes: name of each member to extract → its size in bytes. Links and other members are skipped.
    Raises RockfallError, naming the archive, if a member is missing, damaged or of another size.
    """
    missing = dict(sizes)
    # Skipped members are decompressed too: against archive bombs, they may hold as much at most.
    may_skip = sum(sizes.values())
    try:
        with tarfile.open(archive, "r|*") as tar:  # a stream: read once, from start to end
            for member in tar:
                if member.name not in missing or not member.isfile():
                    may_skip -= member.size
                    if may_skip < 0:
                        break
                    continue
                size = missing.pop(member.name)
                if member.size != size:
                    raise _invalid(
                        archive, f"{member.name} has {member.size:,} bytes, not {size:,}"
                    )
                _write(tar, member, into / member.name)
                if not missing:
                    return
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise _invalid(archive, str(error)) from error
    raise _invalid(archive, f"it has no {', '.join(missing)}")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None  # it is a file
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _invalid(archive: Path, reason: str) -> RockfallError:
    return RockfallError(
        f"{archive} is not the published archive: {reason}; delete it and it is downloaded again"
    )
