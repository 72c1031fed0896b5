"""Generators on MNIST with their presets, as their own runs measure it.

Each row is `rockfall train MODEL mnist`, seed 0, on one thread. Needs MNIST, downloaded or in
`ROCKFALL_DATA`, and some minutes a model.
"""

from __future__ import annotations

import argparse

from tests.benchmarks.generator_trials import by_feature_classifier
from tests.benchmarks.report import Table, script


def measure(options: argparse.Namespace) -> list[Table]:
    models = dict.fromkeys(options.models.split(","), 1)
    return [by_feature_classifier("Generators on MNIST, one seed each", "mnist", models)]


if __name__ == "__main__":
    script(__doc__, measure, models="gan,dcgan")
