"""A run around any toy model, without the registry's help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.testing.rehearsal import StoppingRun


def record(**changes: Any) -> Record:
    fields: dict[str, Any] = {
        "model": "rockfall-vision:mlp",
        "source": "digits",
        "source_options": {},
        "preset": "",
        "config": {},
        "info": {},
        "seed": 3,
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "matmul_precision": "highest",
        "created": "2026-01-01T00:00:00+00:00",
        "versions": {},
    }
    return Record(**{**fields, **changes})


class Toy(torch.nn.Linear):
    """A model whose `fit` is whatever the test says."""

    def __init__(self, fit: Callable[[Toy, Run], None], monitor: str = "") -> None:
        torch.manual_seed(0)
        super().__init__(2, 2)
        self._fit, self.monitor = fit, monitor

    def fit(self, source: Any, run: Run) -> None:
        self._fit(self, run)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    """`start(fit)` makes a run that has not begun; `start(fit, again=run)` one that goes on."""

    def make(
        fit: Callable[[Toy, Run], None],
        *,
        again: Run | None = None,
        monitor: str = "",
        **kwargs: Any,
    ) -> Run:
        if again is None:
            directory = RunDirectory.create(tmp_path, "", "toy", record())
        else:
            directory = again.directory
        run = StoppingRun(directory, record(), Toy(fit, monitor), **kwargs)
        if again is not None:
            run.resume()
        return run

    return make
