"""Sweeps: settings are chosen by trying them. Optuna decides, and this machine, Ray or Slurm runs.

    study = rockfall_sweeps.sweep("vae", space={"lr": "1e-4..1e-2:log"}, trials=20)
    study.best_run.model

Start at `sweep`, which is `rockfall sweep` in Python. How it works is in `driver`; what one trial
does, in `trial`; where trials run, in `places`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rockfall_sweeps.api import sweep
    from rockfall_sweeps.study import Study

__all__ = ["Study", "sweep"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from rockfall_sweeps import api as home

        return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
