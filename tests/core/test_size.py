"""The core proper can be read in an hour and a half."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 6_820
"""Non-empty lines, which at 75 a minute are an hour and a half's reading. Whatever plugins share
belongs in the kit, and whatever the core knows of one model, dataset, environment or capability in
its plugin.

Fifty are what CUDA asks for: steps that are captured, deterministic kernels, models that can't run
there. Seven hundred are what kills, power cuts, files that lie and plugins that misbehave ask for:
a schema for all that a run's folder says, curves in bounded memory, pictures and files that are
made good, every failure with its name. Two hundred are what people's own pictures ask for:
how they were prepared, which of them a model has learned from, and the settings that suit them.
A hundred and seventy are what anybody's Gymnasium environment asks for: wrappers, workers, limits,
evaluation apart from training, and to be told by name what is wrong with it.
A hundred are what long trainings of agents ask for: steps of the environment, over which curves are
drawn, and a run that has finished and goes on. Twenty are what sequences ask for: a target a step,
a source whose examples are made up without end, or that draws them itself. Ten are for what has a
capability and no run. Ten are for presets that suit what a source holds, such as pictures in
colour. A hundred are what sweeps ask for, by doors that every plugin has: folders of its own that
`show` and `runs` open, a run that is stopped for good and says why, figures on validation, by which
settings may be chosen, and settings in a file. Three hundred and seventy are what several devices
ask for: a run whose processes meet, average what they log and agree on checkpoints, and what each
has of its own in one. Four hundred and fifty are scikit-learn's face, `rockfall.estimators`, which
makes trainings of the core and is imported by nothing in it.
"""


def test_the_core_proper_stays_small() -> None:
    command = ["make", "--silent", "size"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 1_000 < int(done.stdout) <= MOST_LINES
