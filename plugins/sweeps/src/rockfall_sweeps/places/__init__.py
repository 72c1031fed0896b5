"""Where trials run: on this machine, on a Ray cluster, or by Slurm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rockfall import UsageError
from rockfall_sweeps.places.local import Local
from rockfall_sweeps.places.place import Place, Said

NAMES = ("local", "ray", "slurm")

__all__ = ["NAMES", "Place", "Said", "make_place"]


def make_place(name: str, jobs: int, folder: Path, options: Mapping[str, Any]) -> Place:
    """Raises UsageError for one that is not here, and says what to install."""
    if name == "local":
        return Local(jobs)
    if name == "ray":
        from rockfall_sweeps.places.on_ray import OnRay

        return OnRay(jobs, **options)
    if name == "slurm":
        from rockfall_sweeps.places.on_slurm import OnSlurm

        return OnSlurm(jobs, folder, **options)
    raise UsageError(f"no place named {name}: {', '.join(NAMES)}")
