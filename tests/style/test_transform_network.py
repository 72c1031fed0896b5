"""The feed-forward network, against convolutions computed otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate
from scipy.signal import correlate2d
from torch.nn import functional as F

from rockfall_style.transform_network import (
    EPSILON,
    NOISE_PERIOD,
    NOISE_STD,
    OUTPUT_INIT_STD,
    Layer,
    ResidualBlock,
    SkipOutputLayer,
    SkipTransformNetwork,
    TransformNetwork,
    TransposedLayer,
    UpsamplingLayer,
    same_padding,
)

SIZES = [(8, 8), (7, 8), (8, 7), (9, 5), (1, 4), (3, 1), (2, 2)]


def same_convolution(values: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """(C, H, W) and (C', C, k, k), by SciPy: as the documentation of TensorFlow has it, the output
    has ⌈size / stride⌉ places, and of the padding that takes the odd one goes to the end.
    """
    kernel = weight.shape[-1]
    outs = [int(np.ceil(size / stride)) for size in values.shape[1:]]
    totals = [
        max((out - 1) * stride + kernel - size, 0)
        for out, size in zip(outs, values.shape[1:], strict=True)
    ]
    padding = [(0, 0), *((total // 2, total - total // 2) for total in totals)]
    padded = np.pad(values, padding)
    whole = np.array(
        [
            sum(correlate2d(one, k, mode="valid") for one, k in zip(padded, kernels, strict=True))
            for kernels in weight
        ]
    )
    return whole[:, ::stride, ::stride]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kernel", "stride"), [(9, 1), (3, 1), (3, 2)])
def test_a_layer_pads_as_tensorflow_does(size: tuple[int, int], kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = Layer(2, 3, kernel, stride).double()
    values = torch.randn(1, 2, *size, dtype=torch.float64)
    wanted = same_convolution(values[0].numpy(), layer.weight.detach().numpy(), stride)
    given = layer.convolve(values)[0].detach().numpy()
    np.testing.assert_allclose(given, wanted, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (1, 1), (2, 7)])
def test_a_transposed_layer_is_the_gradient_of_a_strided_convolution(size: tuple[int, int]) -> None:
    """That of one from twice the size, which SciPy's own shows to be padded at the end alone."""
    torch.manual_seed(0)
    layer = TransposedLayer(3, 2).double()
    values = torch.randn(1, 3, *size, dtype=torch.float64)
    large = torch.zeros(1, 2, 2 * size[0], 2 * size[1], dtype=torch.float64, requires_grad=True)
    strided = F.conv2d(F.pad(large, (0, 1, 0, 1)), layer.weight.detach(), stride=2)
    (wanted,) = torch.autograd.grad(strided, large, values)
    given = layer.convolve(values)
    assert given.shape == wanted.shape
    torch.testing.assert_close(given, wanted)
    np.testing.assert_allclose(
        same_convolution(wanted[0].numpy(), layer.weight.detach().numpy(), 2),
        F.conv2d(F.pad(wanted, (0, 1, 0, 1)), layer.weight.detach(), stride=2)[0].numpy(),
        atol=1e-12,
    )


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_same_padding(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    out = (size + before + after - kernel) // stride + 1
    if kernel >= stride:
        assert out == -(-size // stride)
    assert 0 <= after - before <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [
            lambda: Layer(2, 3, 9),
            lambda: Layer(2, 3, 3),
            lambda: Layer(2, 3, 3, 2),
            lambda: Layer(2, 3, 3, padding="replicate"),
            lambda: TransposedLayer(2, 3),
        ]
    ),
    st.integers(1, 23),
    st.integers(1, 6),
    st.data(),
)
def test_any_rows_alone_are_those_of_the_whole(
    form: Callable[[], Layer], height: int, width: int, data: st.DataObject
) -> None:
    layer = form().double()
    values = torch.randn(1, 2, height, width, dtype=torch.float64)
    whole = layer.convolve(values)
    first = data.draw(st.integers(0, whole.shape[2] - 1))
    rows = range(first, data.draw(st.integers(first + 1, whole.shape[2])))
    needed = layer.input_rows(rows, height)
    part = layer.convolve_rows(values[:, :, needed.start : needed.stop], needed.start, height, rows)
    torch.testing.assert_close(part, whole[:, :, rows.start : rows.stop])
    for missing in (needed.start, needed.stop - 1):  # each row of them matters
        changed = values.clone()
        changed[:, :, missing] += 1
        assert not torch.equal(layer.convolve(changed)[:, :, rows.start : rows.stop], part)


@pytest.mark.parametrize("count", [1, 3])
def test_each_picture_is_normalised_by_itself(count: int) -> None:
    torch.manual_seed(0)
    layer = Layer(2, 4, 3).double()
    with torch.no_grad():
        layer.scale.copy_(torch.tensor([1.0, 2.0, 3.0, 0.5]))
        layer.shift.copy_(torch.tensor([0.0, 1.0, -1.0, 0.2]))
    raw = torch.randn(count, 4, 5, 6, dtype=torch.float64) * 0.05
    mean, variance = raw.mean((2, 3), keepdim=True), raw.var((2, 3), keepdim=True, correction=0)
    wanted = (raw - mean) / (variance + EPSILON).sqrt() * layer.scale.view(4, 1, 1)
    wanted = (wanted + layer.shift.view(4, 1, 1)).clamp(min=0)
    torch.testing.assert_close(layer.normalise(raw), wanted)
    if count == 1:
        known = layer.normalise_by(raw, mean.flatten(), variance.flatten())
        torch.testing.assert_close(known, wanted)


def test_a_block_adds_without_relu() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(3)
    torch.nn.init.ones_(block.second.scale)
    values = torch.randn(1, 3, 6, 6)
    added = block(values) - values
    torch.testing.assert_close(added, block.second(block.first(values)))
    assert (added < 0).any() and (block.first(values) >= 0).all()


@pytest.mark.parametrize(("size", "wanted"), [((32, 40), (32, 40)), ((33, 38), (36, 40))])
def test_the_sizes_of_the_network(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    network = TransformNetwork(2, 1)
    made = network(torch.rand(2, 3, *size) * 255)
    assert made.shape == (2, 3, *wanted)
    assert made.min() >= 127.5 - 150 and made.max() <= 127.5 + 150


def test_the_published_network_has_as_many_parameters_as_are_published() -> None:
    kernels = 81 * 3 * 32 + 9 * (32 * 64 + 64 * 128 + 10 * 128 * 128 + 128 * 64 + 64 * 32)
    kernels += 81 * 32 * 3
    norms = 2 * (32 + 64 + 128 * 11 + 64 + 32 + 3)
    assert sum(p.numel() for p in TransformNetwork().parameters()) == kernels + norms


def test_the_upsampling_layer_repeats_pixels_and_convolves() -> None:
    torch.manual_seed(0)
    layer = UpsamplingLayer(3, 2).double()
    values = torch.randn(1, 3, 5, 4, dtype=torch.float64)
    twice = values.repeat_interleave(2, 2).repeat_interleave(2, 3)
    flipped = layer.weight.flip(2, 3).transpose(0, 1)
    wanted = F.conv2d(F.pad(twice, (1, 0, 1, 0)), flipped)
    torch.testing.assert_close(layer.convolve(values), wanted)
    flat = layer.convolve(torch.ones_like(values))[:, :, 1:, 1:]
    torch.testing.assert_close(flat, flat[:, :, :1, :1].expand_as(flat))  # no checkerboard


@pytest.mark.parametrize("size", [(5, 7), (1, 3)])
def test_a_layer_that_pads_by_replication(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = Layer(2, 3, 3, padding="replicate").double()
    values, weight = torch.randn(1, 2, *size, dtype=torch.float64), layer.weight.detach().numpy()
    wanted = [
        sum(correlate(one, k, mode="nearest") for one, k in zip(values[0].numpy(), ks, strict=True))
        for ks in weight
    ]
    np.testing.assert_allclose(layer.convolve(values)[0].detach().numpy(), wanted, atol=1e-12)


def test_the_output_layer_adds_the_picture_in_mixed_colours() -> None:
    torch.manual_seed(0)
    layer = SkipOutputLayer(4).double()
    torch.nn.init.normal_(layer.colours)
    strokes = torch.randn(2, 4, 10, 12, dtype=torch.float64)
    picture = torch.randn(2, 3, 10, 12, dtype=torch.float64)
    mixed = torch.einsum("dc,nchw->ndhw", layer.colours, picture)
    wanted = F.conv2d(strokes, layer.weight, padding=4) + mixed
    torch.testing.assert_close(layer.convolve(torch.cat((strokes, picture), 1)), wanted)


def over() -> SkipTransformNetwork:
    torch.manual_seed(0)
    return SkipTransformNetwork(2, 1).eval()


@torch.no_grad()
def test_without_strokes_it_gives_the_picture_as_bright_as_any() -> None:
    """However dark and flat it is: each colour's mean and contrast are the network's own."""
    network = over()
    network.up[-1].weight.zero_()
    picture = torch.rand(1, 3, 40, 48) * 255
    made, dark = network(picture), network(picture / 2 + 10)
    torch.testing.assert_close(made, dark, atol=0.5, rtol=0)
    level = ((made - 127.5) / 150).atanh()
    for one, other in zip(level[0], picture[0], strict=True):
        seen = (other - other.mean()) / other.std(correction=0)
        torch.testing.assert_close(one, OUTPUT_INIT_STD * seen, atol=1e-2, rtol=0)


@torch.no_grad()
def test_the_noise_is_fixed_and_not_in_what_is_skipped_to_the_output() -> None:
    network = over()
    flat = torch.full((1, 3, NOISE_PERIOD + 30, 40), 128.0)
    noise = network.first_input(flat) - flat
    assert abs(noise.std() / NOISE_STD - 1) < 0.05 and abs(noise.mean()) < 1
    torch.testing.assert_close(noise[:, :, NOISE_PERIOD:], noise[:, :, :30])
    part = network.first_input(flat[:, :, 7:30], 7)
    assert torch.equal(part, network.first_input(flat)[:, :, 7:30])
    again = SkipTransformNetwork(2, 1)  # its weights are others
    assert torch.equal(again.first_input(flat), network.first_input(flat))
    assert "noise" not in network.state_dict()
    assert network(flat[:, :, :40]).std() > 1  # there is something to make strokes of
    assert network.last_input(flat[:, :0], flat).std() == 0
