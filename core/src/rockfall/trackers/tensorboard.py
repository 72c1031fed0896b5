"""TensorBoard: writes every run's metrics to its `tensorboard/` folder.

Active where tensorboard is installed (`pip install "rockfall-core[tensorboard]"`) and
`ROCKFALL_TENSORBOARD=1` is set; otherwise it costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rockfall.plugin import hookimpl

if TYPE_CHECKING:
    from rockfall.run.run import Run

rockfall_api = 1

_writers: dict[str, Any] = {}


@hookimpl
def rockfall_run_started(run: Run) -> None:
    if os.environ.get("ROCKFALL_TENSORBOARD", "0") in ("", "0"):
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        run.warn('ROCKFALL_TENSORBOARD is set: pip install "rockfall-core[tensorboard]"')
        return
    folder = str(run.directory.path / "tensorboard")
    # purge_step hides what an interrupted run logged after its last checkpoint.
    _writers[run.name] = SummaryWriter(folder, purge_step=run.environment_steps or run.step)


@hookimpl
def rockfall_run_logged(run: Run, step: int, metrics: Mapping[str, float]) -> None:
    if writer := _writers.get(run.name):
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)


@hookimpl
def rockfall_run_finished(run: Run) -> None:
    if writer := _writers.pop(run.name, None):
        writer.close()
