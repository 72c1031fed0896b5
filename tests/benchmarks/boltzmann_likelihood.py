"""How likely test digits of MNIST are under an RBM of 500 hidden units, in nats.

Each row is `rockfall train rbm mnist` with its settings, on one thread. The partition function is
estimated by annealed importance sampling, longer than a run does by itself: too short an annealing
makes a machine look better than it is. Test pictures are drawn black or white, a grey value being
the probability of white. Needs MNIST, downloaded or in `ROCKFALL_DATA`, and some twenty minutes.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

import rockfall
from rockfall.kit.measurements import mean
from rockfall.kit.randomness import fork_rng
from rockfall_boltzmann import ais
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

ROWS: dict[str, dict[str, Any]] = {
    "": {},
    "k=5 epochs=60": {"k": 5, "epochs": 60},
}
"""Words after `rockfall train rbm mnist`, and the settings that they are."""
PUBLISHED = "−86.3 (CD-25, Salakhutdinov and Murray 2008)"


def measure(options: argparse.Namespace) -> list[Table]:
    rows = []
    data: Any = rockfall.open_source("mnist")
    for words, settings in ROWS.items():
        run, _, seconds = trained("rbm", "mnist", config=settings)
        machine: Any = run.model
        with fork_rng(seed=0), torch.no_grad():
            test = machine.visible_states(data.test.inputs)
            found = ais.annealed_importance_sampling(
                machine, chains=options.chains, steps=options.steps
            )
            likelihood = mean(-machine.free_energy(test).double() - found.value)
            independent = mean(machine.independent_log_likelihood(test))
        rows.append(
            [
                f"`rockfall train rbm mnist {words}`".replace(" `", "`"),
                f"{likelihood['value']:.2f} ± {likelihood['error']:.2f}",
                f"{found.value:.2f} ± {found.error:.2f}",
                f"{found.effective:.0f} of {options.chains}",
                f"{independent['value']:.1f}",
                f"{seconds:.0f}",
                PUBLISHED,
            ]
        )
    headers = [
        "",
        "test log-likelihood",
        "log Z",
        "chains that count",
        "independent pixels",
        "CPU s",
        "published",
    ]
    return [Table("RBMs on MNIST: log-likelihood of a test digit, nats", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure, chains=100, steps=20_000)
