"""The layers of a forward pass: their values, what follows what, and that nothing stays behind."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from rockfall.kit.tracing import Layer, trace_layers


def traced(model: nn.Module, inputs: Tensor | None = None) -> dict[str, Layer]:
    torch.manual_seed(0)
    layers = trace_layers(model, torch.rand(3, 2, 8, 8) if inputs is None else inputs)
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names)
    for number, layer in enumerate(layers):
        assert set(layer.after) <= set(names[:number])
        assert not layer.values.requires_grad
    return {layer.name: layer for layer in layers}


def edges(layers: dict[str, Layer]) -> dict[str, tuple[str, ...]]:
    return {name: layer.after for name, layer in layers.items()}


def test_a_row_of_layers() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(16, 5),
    )
    inputs = torch.rand(3, 2, 8, 8)
    layers = traced(model, inputs)
    assert edges(layers) == {
        "input": (),
        "0": ("input",),
        "1": ("0",),
        "2": ("1",),
        "3": ("2",),
        "6": ("3",),
    }
    values = inputs
    model.eval()
    for name, module in model.named_children():
        values = module(values)
        if name in layers:
            assert torch.equal(layers[name].values, values)
            assert layers[name].kind == type(module).__name__
    conv = layers["0"]
    settings = {key: conv.settings[key] for key in ("stride", "padding", "dilation", "groups")}
    assert settings == {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 2}
    first = model[0]
    assert isinstance(first, nn.Conv2d) and first.bias is not None
    assert conv.weight is not None and conv.bias is not None
    assert conv.weight.data_ptr() == first.weight.data_ptr()  # a view of the network's own
    assert not conv.weight.requires_grad and first.weight.requires_grad
    again = F.conv2d(inputs, conv.weight, conv.bias, **settings)
    assert torch.allclose(again, conv.values, atol=1e-6)
    assert layers["2"].weight is None


class Residual(nn.Module):
    """Two convolutions, functions between them, changed in place, and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(32, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.act(self.first(inputs - 0.5))
        more = F.relu(self.second(hidden), inplace=True)
        more += hidden
        pooled = F.max_pool2d(more, 2)
        logits: Tensor = self.head(pooled.view(len(inputs), -1).contiguous())
        return logits


def test_functions_shortcuts_and_what_is_changed_in_place() -> None:
    model, inputs = Residual(), torch.rand(3, 2, 8, 8)
    layers = traced(model, inputs.clone())
    assert edges(layers) == {
        "input": (),
        "sub": ("input",),
        "first": ("sub",),
        "act": ("first",),
        "second": ("act",),
        "relu": ("second",),
        "add": ("relu", "act"),
        "max_pool2d": ("add",),
        "head": ("max_pool2d",),
    }
    first = model.first(inputs - 0.5)
    assert (first < 0).any()
    assert torch.equal(layers["first"].values, first)  # as it was before ReLU changed it
    assert torch.equal(layers["act"].values, first.relu())
    second = model.second(first.relu())
    assert torch.equal(layers["second"].values, second)
    assert torch.equal(layers["relu"].values, second.relu())
    assert torch.equal(layers["add"].values, second.relu() + first.relu())
    assert layers["max_pool2d"].settings["kernel_size"] == 2
    assert torch.equal(layers["head"].values, model(inputs))


class Shared(nn.Module):
    """One layer called twice, branches that are joined, and a network of its own inside."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Linear(4, 4)
        self.inner = nn.ModuleDict({"left": nn.Sequential(nn.Linear(4, 3), nn.Tanh())})
        self.right = nn.Linear(4, 2)
        self.unused = nn.Linear(4, 2)
        self.constant = nn.Parameter(torch.ones(1, 1))

    def forward(self, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        hidden = self.twice(self.twice(inputs))
        token = self.constant.expand(len(inputs), -1)
        joined = torch.cat([self.inner["left"](hidden), self.right(hidden), token], 1)
        first, *_ = joined.split(3, 1)
        return first.sigmoid(), {"all": joined.softmax(1)}


def test_layers_called_twice_branches_and_outputs_of_any_shape() -> None:
    layers = traced(Shared(), torch.rand(3, 4))
    assert edges(layers) == {
        "input": (),
        "twice": ("input",),
        "twice (2)": ("twice",),
        "inner.left.0": ("twice (2)",),
        "inner.left.1": ("inner.left.0",),
        "right": ("twice (2)",),
        "cat": ("inner.left.1", "right"),
        "sigmoid": ("cat",),
        "softmax": ("cat",),
    }
    assert layers["sigmoid"].values.shape == (3, 3)


def test_what_does_not_come_of_the_input_is_no_layer() -> None:
    class Timed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.of_time, self.of_input = nn.Linear(1, 4), nn.Linear(4, 4)

        def forward(self, inputs: Tensor) -> Tensor:
            time = self.of_time(inputs.new_full((len(inputs), 1), 0.5))
            scale = torch.ones_like(inputs) * 2
            added: Tensor = self.of_input(inputs) * scale + time
            return added

    layers = traced(Timed(), torch.rand(3, 4))
    assert edges(layers) == {
        "input": (),
        "of_input": ("input",),
        "mul": ("of_input",),
        "add": ("mul",),
    }


def test_weights_that_functions_are_given() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.matrix = nn.Parameter(torch.rand(3, 2, 3, 3)), torch.rand(48, 5)

        def forward(self, inputs: Tensor) -> Tensor:
            maps = F.conv2d(inputs, self.kernel, None, 2, padding=1)
            return maps.flatten(1) @ self.matrix

    model = Functional()
    layers = traced(model)
    conv, product = layers["conv2d"], layers["matmul"]
    assert conv.weight is not None and torch.equal(conv.weight, model.kernel)
    assert dict(conv.settings) == {"stride": 2, "padding": 1}
    assert product.weight is not None and torch.equal(product.weight, model.matrix.T)


def test_a_vector_that_becomes_a_picture_is_one() -> None:
    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 12), nn.Linear(12, 12)
            self.picture = nn.Unflatten(1, (3, 2, 2))

        def forward(self, inputs: Tensor) -> Tensor:
            maps = self.first(inputs).view(-1, 3, 2, 2).relu()
            picture: Tensor = self.picture(self.second(maps.flatten(1)))
            return picture

    layers = traced(Decoder(), torch.rand(3, 4))
    assert edges(layers) == {
        "input": (),
        "first": ("input",),
        "relu": ("first",),
        "second": ("relu",),
    }
    assert layers["input"].values.shape == (3, 4)
    for name in ("first", "relu", "second"):
        assert layers[name].values.shape == (3, 3, 2, 2)


def test_a_parametrised_layer_is_one() -> None:
    model = nn.Sequential(spectral_norm(nn.Linear(4, 3)), nn.ReLU())
    layers = traced(model, torch.rand(3, 4))
    assert [(layer.name, layer.kind) for layer in layers.values()] == [
        ("input", "input"),
        ("0", "Linear"),
        ("1", "ReLU"),
    ]
    weight = layers["0"].weight
    assert weight is not None
    assert torch.linalg.matrix_norm(weight, 2) < 2


def test_a_recurrent_layer_gives_more_than_one_tensor() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory, self.head = nn.GRU(4, 6, batch_first=True), nn.Linear(6, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs, _ = self.memory(inputs)
            last: Tensor = self.head(outputs[:, -1])
            return last

    layers = traced(Recurrent(), torch.rand(3, 7, 4))
    assert edges(layers) == {
        "input": (),
        "memory": ("input",),
        "slice": ("memory",),
        "head": ("slice",),
    }
    assert torch.equal(layers["slice"].values, layers["memory"].values[:, -1])
    assert layers["memory"].values.shape == (3, 7, 6)


def test_nothing_stays_behind() -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 3))

        def forward(self, inputs: Tensor) -> Tensor:
            given: Tensor = self.inner(inputs)
            return given

    for model in (Shared(), Breaks()):
        model.train()
        before = {key: value.clone() for key, value in model.state_dict().items()}
        inputs = torch.rand(3, 4, requires_grad=True)
        fails = pytest.raises(RuntimeError, match="shapes cannot be multiplied")
        with fails if isinstance(model, Breaks) else contextlib.nullcontext():
            layers = trace_layers(model, inputs)
            assert not any(layer.values.requires_grad for layer in layers)
        assert all(module.training for module in model.modules())
        for module in model.modules():
            assert not module._forward_hooks and not module._forward_pre_hooks
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
        assert (inputs * 2).relu().requires_grad  # followed no more, and gradients are back


def test_another_forward_than_the_model_s() -> None:
    model = nn.Linear(4, 3)
    inputs = torch.rand(2, 4)
    *_, last = trace_layers(model, inputs, lambda given: model(given).softmax(1))
    assert last.kind == "softmax"
    assert torch.equal(last.values, model(inputs).softmax(1))
    only = trace_layers(model, inputs)
    assert [layer.name for layer in only] == ["input", "Linear"]
