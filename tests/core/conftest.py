"""A run around any toy model, without the registry's help; and any model registered for a test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from rockfall.catalogue import Catalogue
from rockfall.registry import registry
from rockfall.run.directory import Record, RunDirectory
from rockfall.run.run import Run
from rockfall.specs import ModelSpec
from rockfall.testing import check_model
from rockfall.testing.rehearsal import StoppingRun
from tests.core.conforming import Check


def record(**changes: Any) -> Record:
    fields: dict[str, Any] = {
        "model": "rockfall-vision:mlp",
        "source": "digits",
        "source_options": {},
        "preset": "",
        "config": {},
        "info": {"name": "digits", "kinds": [], "shape": [2], "dtype": "float32"},
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


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    """Register a class, and check it."""
    catalogue = Catalogue(ModelSpec)
    monkeypatch.setattr(registry(), "models", catalogue)
    module = ModuleType("faulty_models")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def run(kind: type, *, device: str = "cpu", **fields: Any) -> None:
        module.Model = kind  # type: ignore[attr-defined]
        values: dict[str, Any] = {
            "name": "made-up",
            "summary": "made up",
            "target": "faulty_models:Model",
            "learns_from": ("labelled-pictures",),
            "default_source": "digits",
            "capabilities": ("classifies",),
            **fields,
        }
        catalogue.add("rockfall-vision", ModelSpec(**values))
        check_model("made-up", device=device)

    return run
