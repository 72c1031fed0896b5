"""Modules while they are not trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def eval_mode(model: Any) -> Iterator[None]:
    """Inside, a model computes without gradients and, if it is a module, is in evaluation mode.

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
