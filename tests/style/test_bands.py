"""A picture in bands, beside the same picture whole."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import RockfallError
from rockfall.kit import memory
from rockfall_style import bands
from rockfall_style.bands import MIN_SIDE, RunningMoments, apply_style
from rockfall_style.transform_network import SkipTransformNetwork, TransformNetwork


@pytest.fixture(scope="module", params=[TransformNetwork, SkipTransformNetwork])
def network(request: pytest.FixtureRequest) -> TransformNetwork:
    torch.manual_seed(0)
    made: TransformNetwork = request.param(4, 2)
    with torch.no_grad():
        for layer in made.layers():
            layer.scale.uniform_(0.5, 1.5)
            layer.shift.uniform_(-0.5, 0.5)
    return made.eval()


def photo(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Something soft, brighter to the right, so that bands differ from the whole."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, -(-height // 5) + 1, -(-width // 5) + 1, generator=generator)
    soft = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    slope = torch.linspace(0, 1, height)[:, None]
    return ((soft + slope) * 127).to(torch.uint8)


@pytest.mark.parametrize(
    "size", [(32, 32), (100, 64), (101, 63), (257, 40), (40, 257), (131, 97), (64, 33)]
)
@pytest.mark.parametrize("rows", [32, 52])
def test_bands_make_the_very_picture_that_the_whole_makes(
    network: TransformNetwork, size: tuple[int, int], rows: int
) -> None:
    """Before it is rounded to bytes, to what float32 can tell; whatever the bands are."""
    page = bands._pad(photo(*size)[None])
    with torch.no_grad():
        whole = network(page.float())
        parts = bands._apply_in_bands(network, page, rows)
    torch.testing.assert_close(parts, whole, atol=2e-2, rtol=0)  # of 300
    assert (parts - whole).abs().mean() < 1e-3


def test_bands_are_taken_beyond_a_size(network: TransformNetwork) -> None:
    picture = photo(200, 60)
    whole = apply_style(network, picture)
    with mock.patch.object(bands, "_apply_in_bands", wraps=bands._apply_in_bands) as used:
        parts = apply_style(network, picture, max_whole=200 * 60 - 1, band=60 * 40)
        assert used.call_args.args[2] == 40
        assert (whole.int() - parts.int()).abs().max() <= 1
        apply_style(network, picture, max_whole=200 * 60)
        assert used.call_count == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_size_comes_back(network: TransformNetwork, height: int, width: int) -> None:
    picture = photo(height, width)
    made = apply_style(network, picture)
    assert made.shape == picture.shape and made.dtype == torch.uint8
    assert torch.equal(made, apply_style(network, picture))


def test_a_size_that_the_network_keeps_is_given_to_it_as_it_is(network: TransformNetwork) -> None:
    picture = photo(48, 64)
    with torch.no_grad():
        wanted = network(picture[None].float())[0].round().clamp(0, 255).to(torch.uint8)
    assert (apply_style(network, picture).int() - wanted.int()).abs().max() <= 1


def test_others_are_padded_to_the_right_and_below(network: TransformNetwork) -> None:
    picture = photo(50, 63)
    page = torch.cat((picture, picture[:, :, -1:]), 2)
    page = torch.cat((page, page[:, -1:], page[:, -1:]), 1)
    assert torch.equal(apply_style(network, picture), apply_style(network, page)[:, :50, :63])
    small = bands._pad(torch.zeros(1, 3, 5, 1, dtype=torch.uint8))
    assert small.shape == (1, 3, MIN_SIDE, MIN_SIDE)


def test_a_flat_picture_is_no_division_by_zero(network: TransformNetwork) -> None:
    page = torch.full((3, 200, 40), 255, dtype=torch.uint8)
    whole, parts = apply_style(network, page), apply_style(network, page, max_whole=0)
    assert (whole.int() - parts.int()).abs().max() <= 1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.floats(-1e4, 1e4))
def test_moments_over_bands_are_those_of_the_whole(heights: list[int], mean: float) -> None:
    torch.manual_seed(len(heights))
    values = torch.randn(1, 3, sum(heights), 4) * torch.tensor([0.1, 1.0, 20.0]).view(3, 1, 1)
    values = values + mean
    moments = RunningMoments(torch.device("cpu"))
    for part in values.split(heights, 2):
        moments.update(part)
    found_mean, found_variance = moments.statistics
    exact = values.double()
    torch.testing.assert_close(found_mean.double(), exact.mean((0, 2, 3)), rtol=1e-5, atol=1e-5)
    wanted = exact.var((0, 2, 3), correction=0)
    torch.testing.assert_close(found_variance.double(), wanted, rtol=1e-3, atol=1e-3)


def test_numbers_that_overflow_are_told(network: TransformNetwork) -> None:
    broken = TransformNetwork(2, 1)
    with torch.no_grad():
        broken.down[0].weight.fill_(3e38)
    with pytest.raises(RockfallError, match="not finite"):
        apply_style(broken, photo(40, 40))


def test_too_little_memory_is_told_before(
    network: TransformNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda device: 1 << 20)
    with pytest.raises(RockfallError, match=r"GiB.*make it smaller with --size"):
        apply_style(network, photo(64, 64), max_whole=0)
