"""finetune on a few pictures a class of CIFAR-10, beside a network from scratch.

CPU seconds of the whole fitting on one thread, and the accuracy on test pictures at even distances.
`cifar-vgg` has learned from all of CIFAR-10's training pictures, and so is no measure of how it
does on others; SqueezeNet, whose weights `--weights FILE` names (Caffe's normalisation), has seen
none of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import rockfall
from rockfall import Dataset, open_source
from rockfall.kit.devices import computing
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from tests.benchmarks.report import Table, script

AT_ONCE = 500


def measured(
    model: str, pictures: int, seed: int, test: int, **settings: Any
) -> tuple[float, float]:
    """Percent of the test pictures, and CPU seconds."""
    data = open_source("cifar10", {"limit": pictures, "seed": seed})
    assert isinstance(data, Dataset)
    kind = registry().models.find(model).spec.load()
    config = kind.Config.build(model, kind.presets.get("cifar10", {}), settings)
    seed_everything(seed)
    built = kind(config, data.info)
    run = rockfall.Run.unrecorded(built, data.info, seed=seed, device="cpu", threads=1)
    with computing(1, "highest"):
        begun = time.process_time()
        built.fit(data, run)
        seconds = time.process_time() - begun
        some = data.test.evenly_spaced(test)
        parts = zip(some.inputs.split(AT_ONCE), some.labels.split(AT_ONCE), strict=True)
        right = sum(int((built.classify(x).argmax(1) == y).sum()) for x, y in parts)
    return 100 * right / len(some.labels), seconds


def measure(args: argparse.Namespace) -> list[Table]:
    squeezenet = {"features": args.weights, "normalisation": "caffe"}
    ways: list[tuple[str, str, int, dict[str, Any]]] = [
        ("fastnet", "from scratch", 50, {"epochs": 40, "batch_size": 50}),
        ("finetune", "random-vgg, frozen", 50, {"features": "random-vgg"}),
    ]
    if args.weights:
        ways += [("finetune", "SqueezeNet, frozen", each, squeezenet) for each in (10, 50, 200)]
        whole = {**squeezenet, "frozen": False, "shift": 3}
        ways.append(("finetune", "SqueezeNet, frozen=false shift=3", 50, whole))
    rows = []
    for model, what, pictures, settings in ways:
        found = [
            measured(model, 10 * pictures, seed, args.test, **settings)
            for seed in range(args.seeds)
        ]
        percents, seconds = zip(*found, strict=True)
        spread = f"{min(percents):.1f} to {max(percents):.1f}"
        median = statistics.median(percents)
        rows.append((model, what, pictures, median, spread, statistics.median(seconds)))
    return [
        Table(
            "A few pictures of CIFAR-10",
            ("model", "features", "pictures a class", "test accuracy, %", "range", "CPU seconds"),
            rows,
            f"Medians of {args.seeds} seeds, each of which draws other pictures; "
            f"{args.test:,} test pictures. Preset `cifar10`.",
        )
    ]


if __name__ == "__main__":
    script(__doc__, measure, weights="", seeds=3, test=2000)
