"""What the conformance kit asks of a model that is layered."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset, Environment
from rockfall.kit.environments import Spaces
from rockfall.kit.tracing import Layer
from rockfall_capabilities.acts.protocol import Acts
from rockfall_capabilities.classifies.protocol import Classifies
from rockfall_capabilities.layered.protocol import Layered

COUNT = 5


def check(model: Layered, source: Dataset | Environment) -> None:
    """The layers follow one another from the input on, are of the right shape and finite, the same
    for the same input, and end in what the model predicts.
    """
    inputs, others = _two_batches(source)
    layers = model.trace(inputs)
    _check_order(layers, inputs)
    for layer in layers:
        _check_layer(layer)
    _check_unhooked(model)
    again = model.trace(inputs)
    assert [layer.name for layer in again] == [layer.name for layer in layers], (
        "trace must name the same layers each time"
    )
    assert all(map(_same, layers, again)), "trace must be deterministic"
    if not torch.equal(inputs, others):
        changed = model.trace(others)
        assert not all(map(_same, layers[1:], changed[1:])), "another input changes no layer"
    _check_end(model, source, layers, inputs)


def _two_batches(source: Dataset | Environment) -> tuple[Tensor, Tensor]:
    if isinstance(source, Dataset):
        given = source.train.inputs[: 2 * COUNT]
        return given[:COUNT], given[-COUNT:]
    batch = source.batch(COUNT, seed=0)
    first = batch.observation.clone()
    batch.close()
    batch = source.batch(COUNT, seed=1)
    second = batch.observation.clone()
    batch.close()
    return first, second


def _check_order(layers: list[Layer], inputs: Tensor) -> None:
    assert len(layers) > 1, "trace gave no layer but the input"
    first, *others = layers
    assert torch.equal(first.values, inputs), "the first layer must be the input"
    assert not first.after, "the input is after nothing"
    known = {first.name}
    for layer in others:
        assert layer.name not in known, f"two layers are called {layer.name}"
        assert layer.after, f"layer {layer.name} is after no other"
        for name in layer.after:
            assert name in known, f"layer {layer.name} is after {name}, which is no earlier one"
        known.add(layer.name)


def _check_layer(layer: Layer) -> None:
    values, name = layer.values, layer.name
    shape = tuple(values.shape)
    assert shape and shape[0] == COUNT, f"layer {name} gave {shape} for {COUNT} inputs"
    assert 0 not in shape, f"layer {name} gave {shape}, which is empty"
    assert torch.isfinite(values).all(), f"layer {name} is not finite"
    for tensor in (values, layer.weight, layer.bias):
        assert tensor is None or not tensor.requires_grad, f"layer {name} is not detached"
    if layer.kind == "Linear" and layer.weight is not None:
        units = layer.weight.shape[0]
        assert units in (shape[-1], values[0].numel()), (
            f"layer {name} has weights of {units} units and gave {shape}"
        )


def _check_unhooked(model: Layered) -> None:
    if not isinstance(model, torch.nn.Module):
        return
    for name, module in torch.nn.Module.named_modules(model):  # not a method that is compared
        left = (*module._forward_hooks, *module._forward_pre_hooks)
        assert not left, f"trace left hooks on {name or 'the model'}"


def _check_end(
    model: Layered, source: Dataset | Environment, layers: list[Layer], inputs: Tensor
) -> None:
    last = layers[-1]
    if isinstance(source, Dataset):
        if isinstance(model, Classifies):
            expected = model.classify(inputs)
            assert last.values.shape == expected.shape and torch.allclose(
                last.values.float(), expected, atol=1e-4
            ), "the last layer must be what classify gives"
        return
    spaces = Spaces.of(source.info)
    if isinstance(model, Acts) and source.info.actions and not spaces.action_shape:
        actions = model.act(inputs)
        ends = [each for each in layers if each.values.shape[1:] == (source.info.actions,)]
        assert any(torch.equal(each.values.argmax(1), actions) for each in ends), (
            "no layer has a number for each action, of which the largest is that of act's"
        )


def _same(one: Layer, other: Layer) -> bool:
    return torch.equal(one.values, other.values)
