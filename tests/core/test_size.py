"""The core proper can be read in an hour."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 5_260
"""Non-empty lines, which at 75 a minute is an hour's reading. Whatever plugins share belongs in the
kit, and whatever the core knows of one model, dataset, environment or capability in its plugin.

Fifty are what CUDA asks for: steps that are captured, deterministic kernels, models that can't run
there. Four hundred are what files that lie ask for, and power cuts, and plugins that misbehave: a
schema for all that a run folder says, and every failure with its name. Two hundred are what kills
ask for, at any moment: pictures that are drawn later, promises that are kept by who resumes.
A hundred are the name of the plugin in each failure of its code.
"""


def test_the_core_proper_stays_small() -> None:
    command = ["make", "--silent", "size"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 1_000 < int(done.stdout) <= MOST_LINES
