"""What is asked of a model that is layered, and that those installed with it are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from rockfall.kit.tracing import Layer, trace_layers
from rockfall_capabilities.layered.check import check
from tests.capabilities.pictured import dataset

Change = Callable[[list[Layer]], list[Layer]]


class Network(nn.Module):
    """A classifier whose layers are changed before they are told."""

    def __init__(self, change: Change = lambda layers: layers) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.ReLU(), nn.Linear(4, 3))
        self.change = change

    def classify(self, inputs: Tensor) -> Tensor:
        probabilities: Tensor = self.network(inputs / 255).softmax(1)
        return probabilities

    def trace(self, inputs: Tensor) -> list[Layer]:
        return self.change(trace_layers(self, inputs, self.classify))


def replaced(index: int, **fields: object) -> Change:
    def change(layers: list[Layer]) -> list[Layer]:
        layers = list(layers)
        layers[index] = layers[index]._replace(**fields)
        return layers

    return change


@torch.no_grad()
def test_a_model_in_one_line_passes() -> None:
    check(Network(), dataset())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda layers: layers[:1], "no layer but the input"),
        (lambda layers: layers[1:], "the first layer must be the input"),
        (lambda layers: layers[:-1], "must be what classify gives"),
        (replaced(0, after=("div",)), "the input is after nothing"),
        (replaced(2, name="div"), "two layers are called div"),
        (replaced(2, after=()), "is after no other"),
        (replaced(1, after=("softmax",)), "div is after softmax, which is no earlier one"),
        (replaced(3, values=torch.zeros(4, 4)), "gave (4, 4) for 5 inputs"),
        (replaced(3, values=torch.zeros(5, 0)), "which is empty"),
        (replaced(3, values=torch.full((5, 4), torch.nan)), "is not finite"),
        (replaced(3, weight=torch.ones(1, requires_grad=True)), "is not detached"),
        (replaced(2, weight=torch.ones(7, 36)), "has weights of 7 units"),
        (replaced(-1, values=torch.full((5, 3), 1 / 3)), "must be what classify gives"),
        (
            lambda layers: [*layers[:-1], layers[-1]._replace(name=str(torch.rand(())))],
            "must name the same layers each time",
        ),
        (
            lambda layers: [
                layers[0],
                *(layer._replace(values=layer.values + torch.rand(())) for layer in layers[1:]),
            ],
            "must be deterministic",
        ),
    ],
)
@torch.no_grad()
def test_what_a_layered_model_must_give(change: Change, complaint: str) -> None:
    escaped = complaint.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(AssertionError, match=escaped):
        check(Network(change), dataset())


@torch.no_grad()
def test_another_input_must_change_something() -> None:
    class Blind(Network):
        def classify(self, inputs: Tensor) -> Tensor:
            return torch.full((len(inputs), 3), 1 / 3)

        def trace(self, inputs: Tensor) -> list[Layer]:
            given = Layer("input", "input", inputs)
            return [given, Layer("softmax", "softmax", self.classify(inputs), ("input",))]

    with pytest.raises(AssertionError, match="another input changes no layer"):
        check(Blind(), dataset())


@torch.no_grad()
def test_hooks_that_stay_are_found() -> None:
    class Hooked(Network):
        def trace(self, inputs: Tensor) -> list[Layer]:
            layers = super().trace(inputs)
            self.network.register_forward_hook(lambda *_: None)
            return layers

    with pytest.raises(AssertionError, match="trace left hooks on network"):
        check(Hooked(), dataset())
