"""Tab completion: the right names, and torch stays out of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("rockfall trai", {"train"}),
        ("rockfall train rein", {"reinforce"}),
        ("rockfall train mlp dig", {"digits"}),
        ("rockfall info fall", {f"falling-rocks-{n}x{n}" for n in (8, 16, 32)}),
        ("rockfall info classif", {"classifies"}),
        ("rockfall list capa", {"capabilities"}),
        ("rockfall evaluate my", {"my-run"}),
        ("rockfall play ", {"my-run", "last", "random", "oracle", "planner", "steering", "human"}),
        ("rockfall show di", {"digits", "distracted-recall"}),
    ],
)
def test_tab(tmp_path: Path, typed: str, offered: set[str]) -> None:
    for name in ("my-run", "my-\x1b[2J", "my-\nrun"):  # the shell would print the others
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    code = (
        "import sys\nfrom rockfall.cli import main\n"
        "try:\n    main()\nfinally:\n    assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            **os.environ,
            "_ROCKFALL_COMPLETE": "bash_complete",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split(" ")) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
