"""Networks written as text: parsed as documented, sized as torch sizes them, refused by name."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rockfall.kit import layers as layers_text
from rockfall.kit.layers import BLOCKS, LAYERS, LayerError, build_layers, layer_by_layer

MNIST = (1, 28, 28)


def shapes(text: str, shape: tuple[int, ...] = MNIST, classes: int = 10) -> list[tuple[int, ...]]:
    return [layer.shape for layer in build_layers(text, shape, classes)]


def test_sizes_are_inferred() -> None:
    text = "conv 16 5x5 / relu / maxpool 2 / conv 32 5x5 stride 2 same / tanh / linear 100 / gelu"
    assert shapes(text) == [
        (16, 24, 24),
        (16, 24, 24),
        (16, 12, 12),
        (32, 6, 6),
        (32, 6, 6),
        (1152,),  # flattened for the linear layer
        (100,),
        (100,),
        (10,),
    ]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("conv 4 3", (4, 26, 26)),
        ("conv 4 3x5", (4, 26, 24)),
        ("conv 4 3×5", (4, 26, 24)),
        ("CONV  4   3x5", (4, 26, 24)),
        ("conv 4 3 same", (4, 28, 28)),
        ("conv 4 3x5 same", (4, 28, 28)),
        ("conv 4 3 same stride 3", (4, 10, 10)),
        ("conv 4 3 stride 3x1", (4, 9, 26)),
        ("conv 4 4 pad 2", (4, 29, 29)),
        ("conv 4 3 pad 0x1", (4, 26, 28)),
        ("maxpool 2", (1, 14, 14)),
        ("maxpool 3", (1, 9, 9)),
        ("maxpool 2 stride 1", (1, 27, 27)),
        ("maxpool 3 stride 2 pad 1", (1, 14, 14)),
        ("avgpool 28", (1, 1, 1)),
        ("avgpool 3 stride 1 same", (1, 28, 28)),
        ("batchnorm", MNIST),
        ("dropout 0.5", MNIST),
        ("flatten", (784,)),
        ("globalmaxpool", (1, 1, 1)),
        ("globalavgpool", (1, 1, 1)),
    ],
)
def test_each_layer(layer: str, shape: tuple[int, ...]) -> None:
    assert shapes(f"{layer} / relu")[0] == shape


@pytest.mark.parametrize(
    "text", ["linear 30 / relu", "linear 30 / relu / linear", "linear 30 / relu/linear 10"]
)
def test_the_output_layer_is_there_once(text: str) -> None:
    assert shapes(text) == [(784,), (30,), (30,), (10,)]


def test_modules_are_what_was_written() -> None:
    text = (
        "conv 8 3x5 stride 2 pad 1 / batchnorm / sigmoid / avgpool 2 / dropout .25 / linear 9 "
        "/ batchnorm"
    )
    conv, norm, _, pool, dropout, _, linear, after, _ = (
        layer.module for layer in build_layers(text, MNIST, 10)
    )
    assert isinstance(conv, nn.Conv2d)
    assert (conv.kernel_size, conv.stride, conv.padding) == ((3, 5), (2, 2), (1, 1))
    assert isinstance(norm, nn.BatchNorm2d) and norm.num_features == 8
    assert isinstance(pool, nn.AvgPool2d) and pool.stride == (2, 2)
    assert isinstance(dropout, nn.Dropout) and dropout.p == 0.25
    assert isinstance(linear, nn.Linear) and linear.out_features == 9
    assert isinstance(after, nn.BatchNorm1d)


@pytest.mark.parametrize(
    ("before", "layer", "after", "said"),
    [
        (
            "conv 8 3 / maxpool 4 /",
            "maxpool 7",
            "",
            "a 6 × 6 feature map is too small for a 7 × 7 kernel",
        ),
        ("", "conv 8 3x30 pad 0", "", "a 28 × 28 feature map is too small for a 3 × 30 kernel"),
        (
            "",
            "conv 8 31 pad 1",
            "",
            "a 28 × 28 feature map, padded to 30 × 30, is too small for a 31 × 31 kernel",
        ),
        (
            "linear 50 / relu /",
            "conv 8 3x3",
            "",
            "it needs feature maps, but its input is a vector of 50",
        ),
        ("conv 8 3 /", "rule", "", "no layer is called rule; did you mean relu?"),
        ("relu /", "maxpol 2", "/ relu", "no layer is called maxpol; did you mean maxpool?"),
        ("relu /", "", "/ relu", "there is nothing between two /"),
        ("", "conv", "", "give the number of filters, as in: conv 16 5x5"),
        ("", "conv 0 3", "", "give the number of filters, as in: conv 16 5x5"),
        ("", "conv 8", "", "give the kernel size, as in: conv 16 5x5"),
        ("", "conv 8 0x3", "", "give the kernel size, as in: conv 16 5x5"),
        ("", "maxpool 2 strid 1", "", "strid is no option; did you mean stride?"),
        ("", "conv 8 3 stride 0", "", "give the stride, as in: conv 16 5x5 stride 2"),
        ("", "conv 8 3 same pad 1", "", "pad is one too many"),
        ("", "conv 8 4 same", "", "same needs an odd kernel, such as 3x3; pad N goes with any"),
        ("", "maxpool 2 pad 2", "", "pad 2 × 2 is more than half of the 2 × 2 kernel"),
        ("", "globalavgpool 2", "", "2 is no option of this layer"),
        (
            "flatten /",
            "globalmaxpool",
            "",
            "it needs feature maps, but its input is a vector of 784",
        ),
        ("", "relu 3", "", "3 is no option of this layer"),
        ("", "dropout 1", "", "give a probability from 0 to below 1, as in: dropout 0.5"),
        ("", "linear", "/ relu", "give the number of units, as in: linear 100"),
        (
            "relu /",
            "linear 12",
            "",
            "the last layer has one unit for each of the 10 classes; leave it out, or write a relu "
            "after it",
        ),
        ("", "linear 900000", "/ relu", "706,500,000 parameters are more than 100,000,000"),
        ("", "conv 90000 1", "/ relu", "70,560,000 activations are more than 4,000,000"),
    ],
)
def test_what_can_not_be_is_refused_by_name(before: str, layer: str, after: str, said: str) -> None:
    with pytest.raises(LayerError) as caught:
        build_layers(f"{before} {layer} {after}", MNIST, 10)
    assert str(caught.value) == f"layer {before.count('/') + 1} ({layer}): {said}"


def test_an_empty_text_is_refused_with_an_example() -> None:
    with pytest.raises(LayerError, match="layers is empty: write, say, conv 16 5x5"):
        build_layers(" ", MNIST, 10)


def test_global_pooling_is_over_all_of_a_map() -> None:
    values = torch.rand(2, 3, 5, 7)
    for name, expected in (("max", values.amax((2, 3))), ("avg", values.mean((2, 3)))):
        first, *_ = build_layers(f"global{name}pool", (3, 5, 7), 10)
        assert torch.allclose(first.module(values), expected[:, :, None, None])


def test_layers_before_one_that_does_not_fit_are_known() -> None:
    layers = layer_by_layer("conv 2 3 / relu / maxpool 99", MNIST, 3)
    assert [next(layers).text, next(layers).text] == ["conv 2 3", "relu"]
    with pytest.raises(LayerError, match=r"layer 3 \(maxpool 99\): .* too small") as caught:
        next(layers)
    assert caught.value.number == 3 and caught.value.reason.startswith("a 26 × 26 feature map")


def test_numbers_are_those_of_the_text_and_parameters_those_of_torch() -> None:
    layers = build_layers("conv 4 3x3 / batchnorm / relu / linear 7 / relu", MNIST, 3)
    assert [(layer.number, layer.text, layer.parameters) for layer in layers] == [
        (1, "conv 4 3x3", 4 * 9 + 4),
        (2, "batchnorm", 8),
        (3, "relu", 0),
        (4, "flatten", 0),
        (4, "linear 7", 7 * 4 * 26 * 26 + 7),
        (5, "relu", 0),
        (6, "linear 3", 3 * 7 + 3),
    ]


def test_every_layer_has_a_form_whose_first_values_are_a_layer() -> None:
    assert BLOCKS.keys() == LAYERS.keys()
    for name, (_, words) in BLOCKS.items():
        written = [f"{word.keyword} {word.value}" for word in words if word.value != "kernel"]
        text = " ".join((name, *written))
        without = " ".join((name, *(word.value for word in words if not word.keyword)))
        (whole, *_), (bare, *_) = (build_layers(f"{t} / relu", MNIST, 10) for t in (text, without))
        assert repr(whole.module) == repr(bare.module)


def test_every_layer_is_documented() -> None:
    for name in LAYERS:
        assert f"\n    {name} " in (doc := layers_text.__doc__ or "") or f"· {name} " in doc


NUMBERS = st.one_of(st.integers(0, 9), st.integers(0, 10**12)).map(str)
SIZES = st.one_of(NUMBERS, st.tuples(NUMBERS, NUMBERS).map("x".join))
WORDS = st.one_of(st.sampled_from(["stride", "same", "pad", "0.5", "-1", "²", *LAYERS]), SIZES)
ANY_LAYER = st.lists(WORDS, max_size=5).map(" ".join)
GOOD_LAYER = st.one_of(
    st.sampled_from(["relu", "batchnorm", "dropout 0.1", "flatten", "linear 5", "tanh"]),
    st.builds(
        "{} {}x{} stride {} {}".format,
        st.sampled_from(["conv 3", "maxpool", "avgpool", "conv 5"]),
        st.integers(1, 5),
        st.integers(1, 5),
        st.integers(1, 3),
        st.sampled_from(["", "same", "pad 1", "pad 2"]),
    ),
)
STACKS = st.lists(st.one_of(GOOD_LAYER, GOOD_LAYER, ANY_LAYER), max_size=8).map("/".join)


@settings(deadline=None)
@given(
    text=st.one_of(STACKS, st.lists(GOOD_LAYER, max_size=8).map(" / ".join), st.text()),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    classes=st.integers(2, 12),
)
def test_any_text_is_sized_as_torch_does_or_refused(
    text: str, shape: tuple[int, int, int], classes: int
) -> None:
    with torch.device("meta"):  # shapes without the work
        try:
            layers = build_layers(text, shape, classes)
        except LayerError:
            return
        values = torch.empty(2, *shape)
        for layer in layers:
            values = layer.module(values)
            assert tuple(values.shape) == (2, *layer.shape)
    assert layers[-1].shape == (classes,)
