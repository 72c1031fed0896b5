"""On what a benchmark ran, and what else ran there meanwhile."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

CPUINFO, STAT = Path("/proc/cpuinfo"), Path("/proc/stat")
BUSY = 0.1
"""Share of the processor's time that others take from which on a machine counts as busy: then every
ratio may be off, for what waits for memory suffers more than what computes."""


def processor() -> str:
    """As `lscpu` names it; with family and model, since some are named after nothing else."""
    text = CPUINFO.read_text() if CPUINFO.exists() else ""
    found = {
        key: match[1].strip()
        for key in ("model name", "cpu family", "model")
        if (match := re.search(rf"^{key}\s*:(.+)$", text, re.MULTILINE))
    }
    if "model name" not in found:
        return platform.processor() or platform.machine()
    if len(found) < 3:
        return found["model name"]
    return f"{found['model name']} (family {found['cpu family']}, model {found['model']})"


class Watch:
    """The load of a machine from the making of this to the call of `report`."""

    def __init__(self) -> None:
        self._before = load()
        self._began = time.monotonic()
        self._taken = busy_seconds() - own_seconds()

    def report(self) -> str:
        """The load before and after, what share of the processor's time other processes took, and
        whether that was much.
        """
        taken = busy_seconds() - own_seconds() - self._taken
        seconds = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        share = min(1.0, max(0.0, taken / seconds)) if seconds else 0.0
        said = f"load {self._before:.2f} before and {load():.2f} after"
        if STAT.exists():
            said += f", {share:.0%} of the processor taken by others"
        return f"{said}: **the machine was busy**" if share > BUSY else said


def load() -> float:
    """How many processes ran or waited, averaged over a minute; 0 where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def busy_seconds() -> float:
    """CPU seconds that all processes took since the machine started, and what a host took of it."""
    if not STAT.exists():
        return own_seconds()
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, STAT.read_text().split()[1:11])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """CPU seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


class Median(float):
    """The median of what was measured in several rounds, which remembers its range."""

    least: float
    most: float

    def __new__(cls, values: Sequence[float]) -> Self:
        made = super().__new__(cls, statistics.median(values))
        made.least, made.most = min(values), max(values)
        return made

    def shown(self, form: str = ".3g", unit: str = "") -> str:
        """`2.23 × (2.18–2.31)`, by a format and a unit; of a single round, the number alone."""
        middle, least, most = (format(v, form) for v in (float(self), self.least, self.most))
        spread = "" if least == most else f" ({least}–{most})"
        return f"{middle}{unit}{spread}"
