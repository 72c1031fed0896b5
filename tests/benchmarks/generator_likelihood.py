"""Bounds on the likelihood of MNIST's test digits under a VAE of ten latents, in nats.

Each row is `rockfall train vae mnist` with its settings, on one thread. Training pictures are
binarised anew at each update, test pictures once, a grey value being the probability of white
(dynamic binarisation, Burda et al. 2016). ELBO and importance-weighted bound (k = 500) are
of all 10,000 test digits, by the same samples. Needs MNIST, downloaded or in `ROCKFALL_DATA`, and
some twenty minutes.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

import rockfall
from rockfall.kit.measurements import mean
from rockfall.kit.randomness import fork_rng
from rockfall_generators.bounds import (
    BATCH,
    importance_weighted_bound,
    independent_log_likelihood,
    log_weights,
)
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

ROWS: dict[str, dict[str, Any]] = {
    "": {},
    "epochs=200": {"epochs": 200},
}
"""Words after `rockfall train vae mnist`, and the settings that they are."""
NOTE = (
    "Published, for VAEs trained with one draw of the latents: importance-weighted bound −86.76 "
    "with 50 latents and two layers of 200 tanh units either way (Burda et al. 2016, table 1, "
    "k = 5,000). We know of no published figure for exactly ten latents and this network."
)


def measure(options: argparse.Namespace) -> list[Table]:
    data: Any = rockfall.open_source("mnist")
    rows = []
    for words, settings in ROWS.items():
        if options.only not in ("all", words):
            continue
        run, result, seconds = trained("vae", "mnist", config=settings)
        model: Any = run.model
        with fork_rng(seed=0), torch.no_grad():
            test = model.observe(data.test.inputs)
            conditions = model.conditions(data.test.labels)
            parts = zip(test.split(BATCH), conditions.split(BATCH), strict=True)
            weights = torch.cat([log_weights(model, *part, options.draws) for part in parts])
            train = model.observe(data.train.inputs[:10_000])
            baseline = independent_log_likelihood(model, train, test).mean().item()
        elbo, bound = mean(weights.mean(1)), mean(importance_weighted_bound(weights))
        error = result["figures"]["reconstruction error"]["value"]
        rows.append(
            [
                f"`rockfall train vae mnist {words}`".replace(" `", "`"),
                f"{elbo['value']:.2f} ± {elbo['error']:.2f}",
                f"{bound['value']:.2f} ± {bound['error']:.2f}",
                f"{baseline:.1f}",
                f"{error:.5f}",
                f"{seconds:.0f}",
            ]
        )
    headers = [
        "",
        "test ELBO",
        f"IWAE bound, k = {options.draws}",
        "independent pixels",
        "reconstruction error",
        "CPU s",
    ]
    return [Table("A VAE on MNIST: bounds on log p of a test digit, nats", headers, rows, NOTE)]


if __name__ == "__main__":
    script(__doc__, measure, draws=500, only="all")
