"""What a run logged, read line by line, however long its `metrics.jsonl` is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError
from rockfall.kit.regular import open_regular
from rockfall.kit.series import Series
from rockfall.run.schema import read_line

LONGEST = 2**20
"""Bytes of a line, which has some hundred."""
NOT_METRICS = ("step", "seconds", "epoch", "environment_steps")
"""What a line says of itself beside its metrics."""
MOST_METRICS = 1_000
"""Names that are kept apart."""


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line of a metrics file; a last one that was cut short is left out.

    Raises RockfallError, which names the line, where it holds what no run writes.
    """
    if not os.path.lexists(path):
        return
    try:
        with open_regular(path) as file:
            number = 0
            while (line := file.readline(LONGEST)).endswith(b"\n"):
                number += 1
                yield read_line(line, path, number)
            if len(line) == LONGEST:
                raise RockfallError(f"{path} is damaged: line {number + 1}: it has no end")
    except OSError as error:
        raise RockfallError(f"can't read {path}: {error.strerror or error}") from None


def series(lines: Iterable[dict[str, Any]]) -> dict[str, Series]:
    """Every metric of some lines, in the order in which they appear. Raises RockfallError for more
    names than any run has.
    """
    found: dict[str, Series] = {}
    for line in lines:
        for name, value in line.items():
            if name not in NOT_METRICS:
                if name not in found:
                    if len(found) >= MOST_METRICS:
                        raise RockfallError(f"a run logs {MOST_METRICS:,} metrics at the most")
                    found[name] = Series()
                found[name].add(line, value)
    return found
