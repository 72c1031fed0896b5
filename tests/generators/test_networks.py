"""Fully-connected and convolutional networks: shapes, refusals, bounds."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rockfall_generators.networks import (
    BF16_MULTIPLICATIONS,
    MAX_PARAMETERS,
    Network,
    check_parameter_count,
    conv_down,
    conv_up,
    halvings,
    mixed_precision,
    mlp,
)

sides = st.sampled_from([1, 2, 3, 5, 7, 8, 9, 12, 16, 20, 24, 28, 32, 33, 48, 64])


def can_be_halved(height: int, width: int) -> bool:
    """By the definition: some power of two divides both, and leaves 8 or less of either."""
    powers = [2**k for k in range(1, 12)]
    return any(height % p == 0 == width % p and max(height, width) // p <= 8 for p in powers)


@settings(max_examples=80, deadline=None)
@given(height=sides, width=sides, upsampling=st.sampled_from(["transposed", "resize"]))
def test_networks_fit_their_pictures_or_refuse_them(
    height: int, width: int, upsampling: Any
) -> None:
    shape = (3, height, width)
    if not can_be_halved(height, width):
        with pytest.raises(ValueError, match="which never gives"):
            conv_down(shape, 2, 5)
        with pytest.raises(ValueError, match="which never gives"):
            conv_up(4, shape, 2, upsampling=upsampling)
        return
    drawn = conv_up(4, shape, 2, upsampling=upsampling)(torch.zeros(2, 4))
    assert drawn.shape == (2, *shape)
    assert conv_down(shape, 2, 5)(drawn).shape == (2, 5)


@pytest.mark.parametrize("side", range(4, 65))
def test_squares_up_to_64(side: int) -> None:
    possible = [s for s in range(1, 129) if can_be_halved(s, s)]
    if side in possible:
        depth = halvings((1, side, side))
        assert side % 2**depth == 0
        assert side >> depth <= 8
        assert side >> depth <= 4 or (side >> depth) % 2, "it could be halved once more"
        assert depth >= 2 or (side >> depth) % 2, "it could be halved twice"
        return
    with pytest.raises(ValueError, match=f"never gives {side} × {side}") as caught:
        halvings((1, side, side))
    (size,) = map(int, re.findall(r"source\.size=(\d+)", str(caught.value)))
    assert size in possible
    assert abs(size - side) == min(abs(each - side) for each in possible), "none is nearer"


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 2000), width=st.integers(1, 2000))
def test_the_size_in_the_error_works(height: int, width: int) -> None:
    try:
        halvings((1, height, width))
    except ValueError as error:
        (size,) = map(int, re.findall(r"source\.size=(\d+)", str(error)))
        halvings((1, size, size))


def test_vectors_are_no_pictures() -> None:
    with pytest.raises(ValueError, match=r"not for inputs of shape \(7,\): network=mlp"):
        conv_up(4, (7,), 2)


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_every_pixel_depends_on_the_noise_and_is_judged(upsampling: Any) -> None:
    torch.manual_seed(0)
    up = conv_up(3, (2, 12, 8), 4, upsampling=upsampling)
    noise = torch.randn(4, 3, requires_grad=True)
    drawn = up(noise)
    assert drawn.std(0).min() > 0
    seen = drawn.detach().requires_grad_()
    (slope,) = torch.autograd.grad(conv_down((2, 12, 8), 4, 1)(seen).sum(), seen)
    assert (slope != 0).all()


def kinds(network: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in network.children()]


def test_mlp_is_what_it_is_asked_to_be() -> None:
    assert kinds(mlp((3, 5, 2))) == ["Linear", "ReLU", "Linear"]
    assert kinds(mlp((3, 2))) == ["Linear"]
    made = mlp((3, 5, 2), negative_slope=0.2, norm=True)
    assert kinds(made) == ["Linear", "BatchNorm1d", "LeakyReLU", "Linear"]
    assert made(torch.zeros(4, 3)).shape == (4, 2)
    plain = mlp((3, 5, 2), negative_slope=0.3).double()
    first, last = plain[0], plain[-1]
    x = torch.randn(6, 3, dtype=torch.float64)
    with torch.no_grad():
        before = x @ first.weight.T + first.bias
        expected = torch.where(before > 0, before, 0.3 * before) @ last.weight.T + last.bias
        assert torch.allclose(plain(x), expected)


def test_absurd_networks_are_refused_without_being_made() -> None:
    with torch.device("meta"):
        networks = [nn.Linear(10_000, 10_000, bias=False), nn.Linear(10_000, 10_000)]
    check_parameter_count(networks[0], networks[0])
    assert MAX_PARAMETERS == 2 * 10_000**2
    with pytest.raises(ValueError, match="200,010,000 weights are more than 200,000,000"):
        check_parameter_count(*networks)


class Seen(nn.Module):
    """Notes the type and the memory format of what passes."""

    def forward(self, values: Tensor) -> Tensor:
        self.dtype = values.dtype
        self.channels_last = values.is_contiguous(memory_format=torch.channels_last)
        return values


class Halved(nn.Module):
    """A parametrization by a product, as a spectral norm is computed by products."""

    def forward(self, weight: Tensor) -> Tensor:
        product = weight.flatten(1) @ torch.full((weight[0].numel(), 1), 0.5)
        self.dtype = product.dtype
        return weight * 0.5


BF16: Any = SimpleNamespace(autocast=lambda: torch.autocast("cpu", torch.bfloat16))
"""A run at that precision."""


@pytest.mark.parametrize("large", [True, False])
def test_large_networks_compute_at_the_runs_precision_and_give_float32(large: bool) -> None:
    convolution, seen, halved = nn.Conv2d(3, 4, 3), Seen(), Halved()
    parametrize.register_parametrization(convolution, "weight", halved)
    network = Network(convolution, seen)
    pictures = torch.randn(2, 3, 8, 8)
    expected = network(pictures)
    count = BF16_MULTIPLICATIONS - (not large)
    with mixed_precision(BF16, [network, nn.ReLU()], count):
        found = network(pictures)
    assert seen.dtype == (torch.bfloat16 if large else torch.float32)
    assert seen.channels_last
    assert halved.dtype == torch.float32, "a spectral norm is too rough in bfloat16"
    assert found.dtype == torch.float32
    assert torch.equal(found, expected) != large
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
    assert torch.equal(network(pictures), expected), "afterwards it computes as before"
