"""What the capabilities of a trained model measure of it."""

from __future__ import annotations

from typing import Any

from rockfall.capabilities import capabilities_of
from rockfall.kit.blame import code_of
from rockfall.kit.measurements import Measurements
from rockfall.kit.modules import eval_mode
from rockfall.kit.randomness import fork_rng
from rockfall.registry import registry
from rockfall.sources.source import Source


def evaluate_model(
    model: Any, name: str, source: Source, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Measure a model by its capabilities, each measurement with its baselines.

    name: the model's, as registered. limit: at most so many episodes or test examples.
    """
    found: Measurements = {}
    spec = registry().models.find(name).spec
    with fork_rng(seed), eval_mode(model):
        for capability in capabilities_of(spec):
            if capability.evaluate:
                evaluate = capability.load(capability.evaluate)
                with code_of(f"{capability.whose}, of {spec.whose}"):
                    found.update(evaluate(model, source, seed=seed, limit=limit))
    return found
