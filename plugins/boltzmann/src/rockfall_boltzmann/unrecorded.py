"""A run that leaves nothing behind: for a fit that is one call, as scikit-learn's are."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import rockfall
from rockfall.kit.devices import choose_precision
from rockfall.run.directory import Record
from rockfall.verbs import RunDirectory
from rockfall_boltzmann.energy import EnergyModel

NOWHERE = RunDirectory(Path("unrecorded"))
"""Never made, since nothing is written."""

Tell = Callable[[int, dict[str, float | Tensor]], None]
"""Called with the number of an epoch, from 0, and the metrics that are logged in it."""


class Unrecorded(rockfall.Run):
    """Hands out the updates of a machine; checkpoints are dropped, and warnings are Python's."""

    def __init__(
        self,
        machine: EnergyModel,
        info: rockfall.SourceInfo,
        *,
        seed: int,
        device: torch.device,
        tell: Tell,
    ) -> None:
        record = Record(
            model=type(machine).__name__,
            source=info.name,
            source_options={},
            preset="",
            config=machine.config.model_dump(mode="json"),
            info=info.to_json(),
            seed=seed,
            device=str(device),
            precision=choose_precision("auto", device, getattr(machine, "precision", "float32")),
            threads=machine.threads,
            matmul_precision="high" if device.type == "cuda" else "highest",
            created="",
            versions={},
        )
        super().__init__(NOWHERE, record, machine)
        self.tell = tell

    def save(self, name: str) -> None:
        pass

    def log(self, **metrics: float | Tensor) -> None:
        assert self._epoch is not None  # a machine logs inside its loop over epochs
        self.tell(self._epoch, metrics)

    def warn(self, message: str) -> None:
        warnings.warn(message, stacklevel=2)
