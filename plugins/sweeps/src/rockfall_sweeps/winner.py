"""The best trial, once it is known: the first time that anything looks at the test examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import rockfall
from rockfall.kit.files import write_json
from rockfall.kit.measurements import mean_and_error
from rockfall.plugin import registry
from rockfall_sweeps.request import SETTINGS, WINNER
from rockfall_sweeps.study import Study


def measure_winner(study: Study) -> None:
    """Measure the runs of the best trial on the test examples, or episodes, and write the figures,
    each the mean over the seeds, beside the sweep; unless it is that trial's already.
    """
    best = study.best
    assert best is not None
    if study.figures.get("trial") == best.number:
        return
    measured = [rockfall.evaluate(rockfall.open_run(run.path)) for run in study.runs_of(best)]
    figures: dict[str, Any] = {}
    for name, found in measured[0].items():
        every = [each[name]["value"] for each in measured if name in each]
        several = mean_and_error(torch.tensor(every, dtype=torch.float64))
        # The error of one seed is that of its episodes or examples; of several, that of their mean.
        figures[name] = {**found, **(several if len(every) > 1 else {})}
    write_json(
        study.folder / WINNER,
        {"trial": best.number, "measured_on": "test", "seeds": len(measured), "figures": figures},
    )


def write_settings(study: Study) -> Path:
    """The best settings as a file that `rockfall train --settings` reads: those of the preset that
    all trials had, what was given for all of them, and what was found.
    """
    request = study.request
    kind = registry().models.find(request.model).spec.load()
    preset = kind.presets[request.preset] if request.preset else {}
    options = {f"source.{name}": value for name, value in request.source_options.items()}
    path = study.folder / SETTINGS
    write_json(path, {**preset, **request.settings_of(study.best_settings), **options})
    return path
