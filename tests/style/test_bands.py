"""A picture in bands, beside the same picture whole."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import RockfallError
from rockfall.kit import memory
from rockfall.sources.opening import open_source
from rockfall.sources.picture import Picture
from rockfall_style import bands
from rockfall_style.bands import MIN_SIDE, RunningMoments, apply_style
from rockfall_style.manifest import MANIFEST, read_style
from rockfall_style.published import FOLDER
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
    page = bands._pad(network, photo(*size)[None])
    with torch.no_grad():
        whole = network(page.float())
        parts = bands._apply_in_bands(network, page, rows)
    torch.testing.assert_close(parts, whole, atol=2e-2, rtol=0)  # of 300
    assert (parts - whole).abs().mean() < 1e-3


def test_bands_are_taken_beyond_a_size(network: TransformNetwork) -> None:
    picture = photo(200, 60)
    height, width = (side + 2 * network.margin for side in (200, 60))
    whole = apply_style(network, picture)
    with mock.patch.object(bands, "_apply_in_bands", wraps=bands._apply_in_bands) as used:
        parts = apply_style(network, picture, max_whole=height * width - 1, band=width * 40)
        assert used.call_args.args[2] == 40
        assert (whole.int() - parts.int()).abs().max() <= 1
        apply_style(network, picture, max_whole=height * width)
        assert used.call_count == 1


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_size_comes_back(network: TransformNetwork, height: int, width: int) -> None:
    picture = photo(height, width)
    made = apply_style(network, picture)
    assert made.shape == picture.shape and made.dtype == torch.uint8
    assert torch.equal(made, apply_style(network, picture))


@pytest.mark.parametrize("size", [(48, 64), (50, 63), (5, 1), (1, 40), (33, 2), (129, 30)])
def test_it_is_the_network_applied_to_a_padded_picture(
    network: TransformNetwork, size: tuple[int, int]
) -> None:
    """Padded as NumPy does it: by reflection with a margin, and else by copies of the edge."""
    picture = photo(*size)
    margin = network.margin
    more = [max(MIN_SIDE, side + 2 * margin) for side in size]
    more = [-(-whole // 4) * 4 - side - margin for whole, side in zip(more, size, strict=True)]
    page = np.pad(
        picture.numpy(),
        ((0, 0), *((margin, after) for after in more)),
        mode="reflect" if margin else "edge",
    )
    with torch.no_grad():
        wanted = network(torch.from_numpy(page)[None].float())[0].round().clamp(0, 255)
    wanted = wanted[:, margin : margin + size[0], margin : margin + size[1]]
    assert (apply_style(network, picture).int() - wanted.int()).abs().max() <= 1


def blurring() -> TransformNetwork:
    """A network that does nothing but blur a little, so that one sees where it puts things."""
    made = TransformNetwork(1, 0)
    soft = torch.tensor([0.5, 1.0, 0.5])
    with torch.no_grad():
        for layer in made.layers():
            layer.weight.zero_()
            if layer.kernel == 9:
                layer.weight[:, :, 4, 4] = 1
            else:
                layer.weight[:] = soft[:, None] * soft
            layer.shift.fill_(2.0)  # so that ReLU cuts little off
            layer.scale.fill_(0.5)
        made.up[-1].shift.zero_()
    return made


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.integers(33, 90), st.integers(33, 90), st.booleans())
def test_no_size_shifts_a_picture(height: int, width: int, whole: bool) -> None:
    """A spot stays where it is, to a tenth of a pixel."""
    rows = torch.arange(height)[:, None] - 15.0
    columns = torch.arange(width) - 17.0
    spot = torch.exp(-(rows**2 + columns**2) / 30)
    picture = (spot * 255).to(torch.uint8).expand(3, -1, -1)
    made = apply_style(blurring(), picture, max_whole=1 << 20 if whole else 0)[0].double()
    made = (made - made.min() - 20).clamp(min=0)
    centre = torch.stack([(made * rows).sum(), (made * columns).sum()]) / made.sum()
    assert centre.abs().max() < 0.1


def test_published_styles_paint_no_frame() -> None:
    """Beside the middle of a picture that goes on by reflection, it differs hardly more at its
    edges than elsewhere.
    """
    folder = Path(os.environ.get("ROCKFALL_DATA", ""), FOLDER)
    names = [path.name for path in sorted(folder.glob("*")) if (path / MANIFEST).is_file()]
    if not names:
        pytest.skip(f"ROCKFALL_DATA has no {FOLDER}")
    opened = open_source("china", {"size": 200})
    assert isinstance(opened, Picture)
    far = 64
    further = np.pad(opened.pixels.numpy(), ((0, 0), (far, far), (far, far)), mode="reflect")
    edge = torch.ones(opened.pixels.shape[1:], dtype=torch.bool)
    edge[12:-12, 12:-12] = False
    for name in names:
        network = read_style(folder / name)
        alone = apply_style(network, opened.pixels)
        part = apply_style(network, torch.from_numpy(further))[:, far:-far, far:-far]
        apart = (part.float() - alone.float()).abs().mean(0)
        assert apart[edge].mean() < 1.4 * apart[~edge].mean(), name


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
