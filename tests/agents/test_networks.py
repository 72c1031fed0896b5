"""The networks take observations of any shape and number type; conv and vin take grids alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import rockfall
from rockfall_agents.encoders import COARSEST_SIDE, Architecture, ConvEncoder
from rockfall_agents.networks import Network


def info(*shape: int, **changes: Any) -> rockfall.SourceInfo:
    fields: dict[str, Any] = {"dtype": "uint8", "low": 0.0, "high": 1.0, "actions": 3}
    return rockfall.SourceInfo(name="s", kinds=(), shape=shape, **{**fields, **changes})


@pytest.mark.parametrize("architecture", ["mlp", "conv", "vin"])
@pytest.mark.parametrize(
    "shape",
    [(5, 5), (8, 8), (32, 32), (9, 20), (2, 16, 16), (10, 10, 4), (1, 9, 9, 3), (4, 9, 9, 3)],
)
def test_grids_of_any_size_and_number_type(
    architecture: Architecture, shape: tuple[int, ...]
) -> None:
    network = Network(architecture, info(*shape), (12, 7), 4)
    observations = torch.randint(2, (6, *shape))
    outputs = network(observations.to(torch.uint8))
    assert outputs.shape == (6, 4)
    for dtype in (torch.bool, torch.int64, torch.float32, torch.float64):
        assert torch.equal(network(observations.to(dtype)), outputs)


@pytest.mark.parametrize("shape", [(20, 18, 3), (3, 20, 18)])
def test_stacked_frames_are_seen_as_one_picture_of_all_their_channels(
    shape: tuple[int, ...],
) -> None:
    """As whoever transposes the axes and concatenates them by hand."""
    stacked, by_hand = ConvEncoder((4, *shape)), ConvEncoder((12, 20, 18))
    by_hand.load_state_dict(stacked.state_dict())
    frames = torch.rand(5, 4, *shape)
    channels_first = frames.permute(0, 1, 4, 2, 3) if shape[-1] == 3 else frames
    pictures = torch.cat(list(channels_first.unbind(1)), 1)
    torch.testing.assert_close(stacked(frames), by_hand(pictures))


def test_vectors() -> None:
    network = Network("mlp", info(4, dtype="float32", high=None), (8,), 2)
    assert network(torch.randn(3, 4)).shape == (3, 2)
    assert sum(p.numel() for p in network.parameters()) == 4 * 8 + 8 + 8 * 2 + 2


def test_no_hidden_layer_is_a_linear_map() -> None:
    network = Network("mlp", info(4, dtype="float32", high=None), (), 2)
    observations = torch.randn(3, 4)
    assert torch.equal(network(observations), network.head(observations))


def test_layer_norm_adds_a_scale_and_a_shift_a_unit() -> None:
    plain, normed = (
        Network("mlp", info(5, 5), (12, 7), 4, layer_norm=norm) for norm in (False, True)
    )
    extra = sum(p.numel() for p in normed.parameters()) - sum(p.numel() for p in plain.parameters())
    assert extra == 2 * (12 + 7)


def test_pixels_are_scaled_to_one_and_measurements_are_not() -> None:
    pixels = Network("mlp", info(3, high=255.0), (), 1)
    assert torch.equal(
        pixels(torch.tensor([[255, 0, 255]])), pixels.head(torch.tensor([[1.0, 0, 1]]))
    )
    measured = Network("mlp", info(1, dtype="float32", high=28.0), (), 1)
    assert torch.equal(measured(torch.tensor([[14.0]])), measured.head(torch.tensor([[14.0]])))


@pytest.mark.parametrize("size", [5, 8, 16, 32, 64])
def test_conv_strides_until_the_grid_is_coarse_and_no_further(size: int) -> None:
    network = Network("conv", info(size, size), (8,), 2)
    side = size
    while side > COARSEST_SIDE:
        side //= 2
    assert network.hidden[0].in_features == 16 * side * side


def test_every_cell_reaches_the_outputs_of_conv() -> None:
    torch.manual_seed(0)
    network = Network("conv", info(16, 16), (32,), 2)
    observations = torch.rand(1, 16, 16, requires_grad=True)
    network(observations).sum().backward()
    assert observations.grad is not None and (observations.grad != 0).all()


@pytest.mark.parametrize("architecture", ["conv", "vin"])
def test_channels_may_be_first_or_last(architecture: Architecture) -> None:
    torch.manual_seed(0)
    first = Network(architecture, info(3, 10, 12), (8,), 2)
    torch.manual_seed(0)
    last = Network(architecture, info(10, 12, 3), (8,), 2)
    observations = torch.rand(4, 3, 10, 12)
    assert torch.equal(first(observations), last(observations.permute(0, 2, 3, 1)))


@pytest.mark.parametrize("architecture", ["conv", "vin"])
@pytest.mark.parametrize("shape", [(4,), (), (1, 2, 3, 4, 5)])
def test_what_is_no_grid_is_refused(architecture: Architecture, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"network={architecture} needs grids.*use network=mlp"):
        Network(architecture, info(*shape), (8,), 2)
