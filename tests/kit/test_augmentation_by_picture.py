"""Rotation, zoom, crops, colours and mixtures beside what libraries make of one picture at a time.

SciPy and Pillow change each picture by itself; what was drawn for it is found by reading the same
random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy import ndimage, stats
from torch import Tensor

from rockfall.kit.augmentation import colour_jitter, crop, cutmix, mixup, rotate, zoom

LAYOUTS = [torch.contiguous_format, torch.channels_last]
DTYPES = [torch.uint8, torch.float32, torch.float64, torch.bfloat16]
CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "rotate": lambda pictures: rotate(pictures, 30),
    "zoom": lambda pictures: zoom(pictures, 0.4),
    "crop": lambda pictures: crop(pictures, 0.5),
    "colour_jitter": lambda pictures: colour_jitter(pictures, 0.4),
}


def scenes(count: int, height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    """Smooth pictures, 20 … 235 and float64, so that interpolation is well defined."""
    drawn = np.random.default_rng(seed).normal(size=(count, channels, height, width))
    smooth = ndimage.gaussian_filter(drawn, (0, 0, 1.0, 1.0), mode="mirror")
    low, high = smooth.min(), smooth.max()
    return torch.from_numpy(20 + 215 * (smooth - low) / max(high - low, 1e-9))


def seen(picture: Tensor, matrix: list[list[float]], offset: list[float]) -> np.ndarray:
    """By SciPy: pixel o comes from `matrix` (o − middle) + middle + offset, rows before columns."""
    middle = (np.array(picture.shape[1:]) - 1) / 2
    at = middle + np.array(offset) - np.array(matrix) @ middle
    return np.stack(
        [
            ndimage.affine_transform(channel, np.array(matrix), at, order=1, mode="mirror")
            for channel in picture.numpy()
        ]
    )


def uniform(count: int, low: float, high: float) -> np.ndarray:
    return low + (high - low) * torch.rand(count).double().numpy()


sides = st.tuples(st.integers(2, 9), st.integers(2, 9))


@settings(max_examples=25, deadline=None)
@given(sides, st.floats(0, 180), st.integers(0, 999))
def test_rotation_is_scipys_picture_by_picture(
    size: tuple[int, int], degrees: float, seed: int
) -> None:
    pictures = scenes(3, *size, seed=seed)
    torch.manual_seed(seed)
    found = rotate(pictures, degrees)
    torch.manual_seed(seed)
    angles = uniform(3, -math.radians(degrees), math.radians(degrees))
    for picture, turned, angle in zip(pictures, found, angles, strict=True):
        cosine, sine = math.cos(angle), math.sin(angle)
        expected = seen(picture, [[cosine, sine], [-sine, cosine]], [0, 0])
        np.testing.assert_allclose(turned, expected, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(sides, st.floats(0, 2), st.integers(0, 999))
def test_zoom_is_scipys_picture_by_picture(size: tuple[int, int], share: float, seed: int) -> None:
    pictures = scenes(3, *size, seed=seed)
    torch.manual_seed(seed)
    found = zoom(pictures, share)
    torch.manual_seed(seed)
    steps = np.exp(uniform(3, -math.log1p(share), math.log1p(share)))
    for picture, zoomed, step in zip(pictures, found, steps, strict=True):
        expected = seen(picture, [[step, 0], [0, step]], [0, 0])
        np.testing.assert_allclose(zoomed, expected, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(sides, st.floats(0.1, 1), st.integers(0, 999))
def test_a_crop_is_a_window_inside_the_picture(
    size: tuple[int, int], least: float, seed: int
) -> None:
    """Cut out and enlarged by SciPy."""
    pictures = scenes(3, *size, seed=seed)
    torch.manual_seed(seed)
    found = crop(pictures, least)
    torch.manual_seed(seed)
    shares = uniform(3, least, 1)
    right, down = (uniform(3, -1, 1) for _ in range(2))
    for number, picture in enumerate(pictures):
        share = shares[number]
        window = [
            (1 - share) * (side - 1) / 2 * place[number]
            for side, place in zip(size, (down, right), strict=True)
        ]
        for side, at in zip(size, window, strict=True):
            assert abs(at) + share * (side - 1) / 2 <= (side - 1) / 2 + 1e-9
        expected = seen(picture, [[share, 0], [0, share]], window)
        np.testing.assert_allclose(found[number], expected, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_are_pillows_picture_by_picture(channels: int) -> None:
    """Pillow cuts off fractions after each of the three steps: 1.5² + 1.5 + 1 levels at most."""
    pictures = scenes(12, 7, 6, channels).round().to(torch.uint8)
    torch.manual_seed(1)
    found = colour_jitter(pictures, 0.5)
    torch.manual_seed(1)
    factors = [0.5 + torch.rand(12) for _ in range(3)]
    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for number, picture in enumerate(pictures):
        array = picture.permute(1, 2, 0).numpy()
        image = Image.fromarray(array[..., 0] if channels == 1 else array)
        for kind, factor in zip(kinds, factors, strict=True):
            image = kind(image).enhance(float(factor[number]))
        expected = np.asarray(image, np.float64).reshape(7, 6, channels).transpose(2, 0, 1)
        assert np.abs(found[number].numpy() - expected).max() < 4.75
    assert (found != pictures).any(1).flatten(1).any(1).all()


def test_what_is_mixed_is_mixed_as_its_targets() -> None:
    """Each picture shows one number everywhere, its label, so that what is mixed can be read."""
    count, kinds = 400, 400
    targets = torch.eye(kinds, dtype=torch.float64)
    pictures = torch.arange(count, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 2, 3, 4)
    torch.manual_seed(0)
    mixed, labels = mixup(pictures, targets, 0.4)
    expected = labels @ torch.arange(kinds, dtype=torch.float64)
    torch.testing.assert_close(mixed, expected.view(-1, 1, 1, 1).expand_as(mixed))
    torch.testing.assert_close(labels.sum(1), torch.ones(count, dtype=torch.float64))
    assert ((labels > 0).sum(1) <= 2).all()
    shares = labels.diagonal()
    # Beta(α, α) has a mean of 1 / 2 and a variance of 1 / (4 (2 α + 1)): 0.139 here.
    assert abs(shares.mean() - 0.5) < 0.1
    assert abs(shares.var() - 0.139) < 0.03


@pytest.mark.parametrize("alpha", [1e-9, 1e-3, 0.02, 0.2, 1.0, 8.0, 1e4])
def test_shares_are_of_scipys_beta_distribution(alpha: float) -> None:
    torch.manual_seed(0)
    pictures = torch.eye(2000).view(2000, 1, 40, 50)
    _, labels = mixup(pictures, torch.eye(2000), alpha)
    shares = labels.diagonal().double()
    assert shares.isfinite().all()
    for level in (0.01, 0.3, 0.5, 0.6, 0.99):
        expected = stats.beta.cdf(level, alpha, alpha)
        found = (shares < level).double().mean().item()
        assert abs(found - expected) < 5 * (0.25 / 2000) ** 0.5 + 1e-3


@settings(max_examples=20, deadline=None)
@given(sides, st.floats(0.1, 5), st.integers(0, 999))
def test_what_is_pasted_counts_by_its_area(size: tuple[int, int], alpha: float, seed: int) -> None:
    count = 20
    pictures = torch.arange(count, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 3, *size)
    torch.manual_seed(seed)
    mixed, labels = cutmix(pictures, torch.eye(count, dtype=torch.float64), alpha)
    assert torch.equal(mixed[:, 0], mixed[:, 2])
    for number, (picture, label) in enumerate(zip(mixed[:, 0], labels, strict=True)):
        pasted = picture != number
        other = picture[pasted].unique()
        assert len(other) <= 1
        rows, columns = pasted.any(1).nonzero(), pasted.any(0).nonzero()
        if len(other):
            top, left = int(rows[0]), int(columns[0])
            box = pasted[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
            assert box.all(), "a rectangle, without holes"
            share = pasted.double().mean()
            torch.testing.assert_close(label[int(other)], share)
            torch.testing.assert_close(label[number], 1 - share)
        else:
            assert label[number] == 1


@pytest.mark.parametrize("mix", [mixup, cutmix])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_mixtures_are_of_the_type_and_layout_of_what_is_mixed(
    mix: Callable[..., tuple[Tensor, Tensor]], dtype: torch.dtype, layout: torch.memory_format
) -> None:
    pictures = scenes(6, 4, 5).to(dtype).contiguous(memory_format=layout)
    before, targets = pictures.clone(), torch.eye(6)
    mixed, labels = mix(pictures, targets, 1.0)
    assert torch.equal(pictures, before) and torch.equal(targets, torch.eye(6))
    assert (mixed.shape, mixed.dtype, labels.dtype) == (pictures.shape, dtype, torch.float32)
    assert mixed.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CHANGES)
def test_what_comes_out_is_as_what_went_in(
    name: str, dtype: torch.dtype, layout: torch.memory_format
) -> None:
    change = CHANGES[name]
    pictures = scenes(6, 6, 5).round().to(dtype).contiguous(memory_format=layout)
    before = pictures.clone()
    torch.manual_seed(3)
    changed = change(pictures)
    assert torch.equal(pictures, before)
    assert (changed.shape, changed.dtype) == (pictures.shape, dtype)
    assert changed.is_contiguous(memory_format=layout)
    assert (changed != pictures).flatten(1).any(1).all(), "each is changed"
    torch.manual_seed(3)
    exact = change(before.contiguous().double())
    slack = {torch.uint8: 0.51, torch.bfloat16: 1.0}.get(dtype, 1e-2)
    torch.testing.assert_close(changed.double(), exact, rtol=0, atol=slack)
    assert change(pictures[:0]).shape == pictures[:0].shape
    one = torch.full((2, 3, 1, 1), 7, dtype=dtype)
    if name != "colour_jitter":
        assert torch.equal(change(one), one)


def test_what_changes_nothing_and_what_is_refused() -> None:
    pictures = scenes(3, 5, 4)
    for same in (
        rotate(pictures, 0),
        zoom(pictures, 0),
        crop(pictures, 1),
        colour_jitter(pictures, 0),
    ):
        torch.testing.assert_close(same, pictures)
    for change, wrong in ((rotate, -1), (zoom, -0.1), (crop, 0), (crop, 1.1), (colour_jitter, 2)):
        with pytest.raises(ValueError, match=f"not {wrong}"):
            change(pictures, wrong)
    for mix in (mixup, cutmix):
        with pytest.raises(ValueError, match="above 0, not 0"):
            mix(pictures, torch.eye(3), 0)
