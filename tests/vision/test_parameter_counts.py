"""What a docstring says of a network's size is true."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, NamedTuple

import pytest
import torch

from rockfall.registry import registry
from tests.vision.sources import info

DIGITS, MNIST, CIFAR = (1, 8, 8), (1, 28, 28), (3, 32, 32)


class Claim(NamedTuple):
    """A model with these settings has as many parameters on this shape as its module says."""

    model: str
    shape: tuple[int, int, int]
    preset: str = ""
    settings: dict[str, Any] = {}  # noqa: RUF012 (never changed)


CLAIMS = [
    Claim("mlp", DIGITS),
    Claim("mlp", MNIST),
    Claim("mlp-numpy", DIGITS),
    Claim("mlp-numpy", MNIST),
    Claim("wide", DIGITS),
    Claim("wide", MNIST),
    Claim("convnet", DIGITS),
    Claim("convnet", MNIST, "mnist"),
    Claim("lenet5", MNIST),
    Claim("lenet5-plus", MNIST),
    Claim("simplenet", MNIST, settings={"size": "full"}),
    Claim("simplenet", MNIST),
    Claim("resnet", CIFAR, settings={"blocks": 3}),
    Claim("resnet", CIFAR, "cifar10"),
    Claim("fastnet", CIFAR, "cifar10"),
    Claim("fastnet", CIFAR, "full"),
    Claim("finetune", CIFAR, settings={"features": "squeezenet"}),
]


def names_of_this_plugin() -> set[str]:
    return {entry.spec.name for entry in registry().models if entry.owner == "rockfall-vision"}


def parameters(claim: Claim) -> int:
    kind = registry().models.find(claim.model).spec.load()
    settings = {**(kind.presets[claim.preset] if claim.preset else {}), **claim.settings}
    model = kind(kind.Config(**settings), info(claim.shape))
    if not isinstance(model, torch.nn.Module):
        return sum(array.size for group in model.parameters for array in group)
    return sum(p.numel() for p in model.network.parameters() if p.requires_grad)


def stated(model: str) -> set[int]:
    """Every number of four digits or more in the docstring of a model's module."""
    kind = registry().models.find(model).spec.load()
    text = import_module(kind.__module__).__doc__ or ""
    return {int(n.replace(",", "")) for n in re.findall(r"\b\d{1,3}(?:,\d{3})+\b", text)}


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_count_in_docstring(claim: Claim) -> None:
    assert parameters(claim) in stated(claim.model)


@pytest.mark.parametrize("model", sorted(names_of_this_plugin()))
def test_no_other_count_in_docstring(model: str) -> None:
    """A model without a claim here fails too: its docstring has to state a size."""
    modules = {
        claim.model: registry().models.find(claim.model).spec.load().__module__ for claim in CLAIMS
    }
    counted = {
        parameters(claim) for claim in CLAIMS if modules[claim.model] == modules.get(model, "")
    }
    other = stated(model) - counted
    assert counted and other <= {6000}  # the units of `wide`
