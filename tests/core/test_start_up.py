"""What a short command does not import, since that would be most of its time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch._dynamo", "torch._inductor", "sympy", "scipy.stats", "sklearn.datasets")
"""Beside torch, each as long to import as a small model takes to train."""


def imported(code: str, folder: Path, names: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of these modules a process has that ran some code."""
    shown = f"import sys\n{code}\nprint(); print(*(n for n in {names!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", shown],
        env={**os.environ, "ROCKFALL_RUNS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1].split()


@pytest.mark.long
def test_these_modules_can_be_imported(tmp_path: Path) -> None:
    """Else the other tests would find nothing, whatever was imported."""
    for name in HEAVY[2:]:
        assert imported(f"import {name}", tmp_path) != []


@pytest.mark.long
@pytest.mark.parametrize("settings", ["", ", optimizer='sgd'", ", optimizer='muon'"])
def test_a_short_training_imports_no_compiler(settings: str, tmp_path: Path) -> None:
    code = f"import rockfall; rockfall.train('lenet5', preset='tiny', listeners=[]{settings})"
    assert imported(code, tmp_path) == []


@pytest.mark.slow
def test_no_model_of_ours_imports_the_compiler(tmp_path: Path) -> None:
    code = """
import rockfall
from rockfall.plugin import registry
for entry in registry().models:
    if entry.owner in ours:
        rockfall.train(entry.full_name, preset="tiny", listeners=[])
        assert "torch._dynamo" not in sys.modules, entry.full_name
"""
    ours = [path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")]
    imported(f"ours = {[f'rockfall-{name}' for name in ours]}\n{code}", tmp_path)
