"""What is said of a trained model: its size, and the figures of every capability that has some."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rockfall.measurements import Figures
from rockfall.registry import registry
from rockfall.run import nest
from rockfall.run.randomness import forked
from rockfall.sources.source import Source
from rockfall.specs import load_target


def evaluate_model(
    model: Any, name: str, source: Source, *, seed: int = 0, limit: int | None = None
) -> Figures:
    """Measure a model by its capabilities, each figure with its baselines.

    name: the model's, as registered. limit: at most so many episodes or test examples.
    """
    figures: Figures = {}
    with forked(seed), looking(model):
        for capability in registry().models.find(name).spec.capabilities:
            target = registry().capabilities.find(capability).spec.evaluate
            if target:
                figures.update(load_target(target)(model, source, seed=seed, limit=limit))
    return figures


def parameters(model: Any) -> int:
    """How many numbers were learned: a module's trainable parameters, or else all the floats in
    the arrays and tensors of the state.
    """
    if isinstance(model, torch.nn.Module):
        return sum(p.numel() for p in model.parameters() if p.requires_grad)
    tensors: dict[str, Tensor] = {}
    nest.flatten(model.state_dict(), tensors)
    return sum(t.numel() for t in tensors.values() if t.is_floating_point())


@contextlib.contextmanager
def looking(model: Any) -> Iterator[None]:
    """Without gradients, and with the model's layers as they are outside training.

    Afterwards each layer is as it was: a method may keep some of them out of training.
    """
    layers = list(model.modules()) if isinstance(model, torch.nn.Module) else []
    modes = [layer.training for layer in layers]
    for layer in layers[:1]:
        layer.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in zip(layers, modes, strict=True):
            layer.training = training
