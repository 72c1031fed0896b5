"""Models of any kind: evaluation mode, and their size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rockfall.kit import nest
from rockfall.kit.randomness import fork_rng

__all__ = ["multiplications"]


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


def multiplications(network: nn.Module, *inputs: Tensor) -> int:
    """Of the convolutions, transposed ones too, and linear layers in one forward pass, which it
    makes.
    """
    counts: list[int] = []

    def count(layer: Any, taken: tuple[Tensor, ...], given: Tensor) -> None:
        # Each number of the one side meets the weights of its channel.
        each = taken[0] if isinstance(layer, nn.ConvTranspose2d) else given
        counts.append(each.numel() * layer.weight[0].numel())

    kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
    layers = [each for each in network.modules() if isinstance(each, kinds)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with fork_rng(), eval_mode(network):
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)


def parameters(model: Any) -> int:
    """How many numbers were learned: a module's trainable parameters, or else all the floats in
    the arrays and tensors of the state.
    """
    if isinstance(model, torch.nn.Module):
        return sum(p.numel() for p in model.parameters() if p.requires_grad)
    tensors: dict[str, Tensor] = {}
    nest.flatten(model.state_dict(), tensors)
    return sum(t.numel() for t in tensors.values() if t.is_floating_point())
