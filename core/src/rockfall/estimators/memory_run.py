"""A run in memory that speaks as scikit-learn does, and that more of the same can follow."""

from __future__ import annotations

import time
import warnings
from typing import Any

from torch import Tensor

from rockfall.run.run import Run


class MemoryRun(Run):
    """It prints lines of metrics, and warns by Python's warnings."""

    verbose = ""
    """Whose name a printed line begins with; empty prints none."""
    printed: tuple[str, ...] = ()
    """The metrics that are printed, where they are logged; else all are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began = time.monotonic()

    def go_on(self, saved: dict[str, Any], weights: dict[str, Any]) -> None:
        """Go on, in the last loop, from what `checkpoint_state` gave and the weights of then."""
        self._checkpoint = {**saved, "model": weights}
        self._count_from(saved)
        self._position.lengthen(saved["position"], self.step)

    def log(self, **metrics: float | Tensor) -> None:
        super().log(**metrics)
        between_updates = len(self._position.frames) == 1
        if self.verbose and self._epoch is not None and between_updates:
            chosen = {name: metrics[name] for name in self.printed if name in metrics}
            self._print(self._epoch, chosen or metrics)

    def _print(self, epoch: int, metrics: dict[str, float | Tensor]) -> None:
        values = ", ".join(
            f"{name.replace('_', '-')} = {float(value):.2f}" for name, value in metrics.items()
        )
        seconds = time.monotonic() - self._began
        print(f"[{self.verbose}] Iteration {epoch + 1}, {values}, time = {seconds:.2f}s")

    def warn(self, message: str) -> None:
        warnings.warn(message, stacklevel=2)
