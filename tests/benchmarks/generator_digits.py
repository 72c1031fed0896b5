"""Every generator with its defaults on digits, as its own run measures it.

Each row is `rockfall train MODEL --seed SEED`, on one thread. A feature
classifier, trained on the training pictures, says which class each sample is of; a class is covered
that gets at least a fifth of its share.
"""

from __future__ import annotations

import argparse

from tests.benchmarks.generator_trials import ADVERSARIAL, by_feature_classifier
from tests.benchmarks.report import Table, script

MODELS = ("autoencoder", "vae", "cvae", *ADVERSARIAL, "dcgan", "stacked-gan", "flow")
SEEDS = {"gan": 5, "dcgan": 5}
"""The others take --seeds."""


def measure(options: argparse.Namespace) -> list[Table]:
    only = options.only.split(",") if options.only else MODELS
    seeds = {model: SEEDS.get(model, options.seeds) for model in MODELS if model in only}
    return [by_feature_classifier("Generators on digits", "digits", seeds)]


if __name__ == "__main__":
    script(__doc__, measure, seeds=3, only="")
