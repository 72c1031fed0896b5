"""What is measured of a trained model: its size, and whatever its capabilities measure."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rockfall.capabilities import capabilities_of
from rockfall.kit import nest
from rockfall.kit.measurements import Measurements
from rockfall.kit.modules import eval_mode
from rockfall.kit.randomness import fork_rng
from rockfall.registry import registry
from rockfall.sources.source import Source
from rockfall.specs import load_target


def evaluate_model(
    model: Any, name: str, source: Source, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Measure a model by its capabilities, each measurement with its baselines.

    name: the model's, as registered. limit: at most so many episodes or test examples.
    """
    found: Measurements = {}
    with fork_rng(seed), eval_mode(model):
        for capability in capabilities_of(registry().models.find(name).spec):
            if capability.evaluate:
                evaluate = load_target(capability.evaluate)
                found.update(evaluate(model, source, seed=seed, limit=limit))
    return found


def parameters(model: Any) -> int:
    """How many numbers were learned: a module's trainable parameters, or else all the floats in
    the arrays and tensors of the state.
    """
    if isinstance(model, torch.nn.Module):
        return sum(p.numel() for p in model.parameters() if p.requires_grad)
    tensors: dict[str, Tensor] = {}
    nest.flatten(model.state_dict(), tensors)
    return sum(t.numel() for t in tensors.values() if t.is_floating_point())
