"""Augmentation against what a loop over pictures, pixel by pixel, would make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.kit.augmentation import alternating_flip, cutout, flip, shift

DTYPES = [torch.uint8, torch.float32, torch.float64, torch.bfloat16]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def distinct(count: int, channels: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    """The same picture `count` times, no two values in a channel alike, none of them 0."""
    values = 1 + torch.arange(channels * height * width).view(1, channels, height, width)
    assert values.max() < 256, "bfloat16 and uint8 hold no more"
    return values.expand(count, -1, -1, -1).to(dtype)


def moved(picture: np.ndarray, down: int, across: int, border: str) -> np.ndarray:
    pads = [(0, 0), (abs(down), abs(down)), (abs(across), abs(across))]
    padded = np.pad(picture, pads, mode="reflect" if border == "reflect" else "constant")
    top, left = abs(down) + down, abs(across) + across
    return padded[:, top : top + picture.shape[1], left : left + picture.shape[2]]


def evenly(counts: Counter[int], kinds: int, draws: int) -> bool:
    """Each of `kinds` outcomes about as often: within five standard deviations."""
    expected = draws / kinds
    return len(counts) == kinds and all(
        abs(count - expected) < 5 * expected**0.5 for count in counts.values()
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "change",
    [
        flip,
        lambda p: shift(p, 2),
        lambda p: shift(p, 2, "zero"),
        lambda p: cutout(p, 3),
    ],
)
def test_what_comes_out_is_as_what_went_in(
    change: Callable[[Tensor], Tensor], dtype: torch.dtype, layout: torch.memory_format
) -> None:
    pictures = distinct(6, 3, 4, 5, dtype).contiguous(memory_format=layout)
    before = pictures.clone()
    torch.manual_seed(3)
    changed = change(pictures)
    assert torch.equal(pictures, before)
    assert (changed.shape, changed.dtype) == (pictures.shape, dtype)
    assert changed.is_contiguous(memory_format=layout)
    assert not torch.equal(changed, pictures)
    torch.manual_seed(3)
    assert torch.equal(change(pictures.contiguous().double()), changed.double())
    assert change(pictures[:0]).shape == pictures[:0].shape


def test_flip_mirrors_about_half_each_by_itself() -> None:
    torch.manual_seed(0)
    pictures = distinct(2000, 2, 3, 4, torch.uint8)
    changed = flip(pictures)
    mirrored = (changed == pictures.flip(3)).flatten(1).all(1)
    assert torch.equal(changed[~mirrored], pictures[~mirrored])
    assert 900 < mirrored.sum() < 1100
    assert (mirrored[1:] != mirrored[:-1]).sum() > 900  # no long runs


@pytest.mark.parametrize("border", ["reflect", "zero"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_shift_moves_by_every_step_alike(border: str, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    pictures = distinct(5000, 2, 5, 6, torch.float32).contiguous(memory_format=layout)
    one = pictures[0].numpy()
    by_content = {
        moved(one, down, across, border).tobytes(): (down, across)
        for down in range(-2, 3)
        for across in range(-2, 3)
    }
    assert len(by_content) == 25
    changed = shift(pictures, 2, border).contiguous().numpy()  # type: ignore[arg-type]
    steps = Counter(by_content[picture.tobytes()] for picture in changed)
    assert evenly(steps, 25, 5000)  # type: ignore[arg-type]


def test_a_shift_beyond_the_picture_is_mirrored_again() -> None:
    torch.manual_seed(0)
    pictures = distinct(300, 1, 2, 3, torch.uint8)
    one = pictures[0].numpy()
    possible = {
        np.pad(one, [(0, 0), (9, 9), (9, 9)], mode="reflect")[
            :, 9 + down : 11 + down, 9 + across : 12 + across
        ].tobytes()
        for down in range(-7, 8)
        for across in range(-7, 8)
    }
    assert {picture.tobytes() for picture in shift(pictures, 7).numpy()} <= possible
    single = torch.full((4, 1, 1, 1), 9)
    assert torch.equal(shift(single, 3), single)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_cutout_hides_a_square_about_any_pixel(size: int) -> None:
    torch.manual_seed(0)
    pictures = distinct(6000, 3, 4, 5, torch.float32)
    by_content = {}
    for y in range(4):
        for x in range(5):
            hidden = pictures[0].numpy().copy()
            top, left = y - size // 2, x - size // 2
            for row in range(max(0, top), min(4, top + size)):
                for column in range(max(0, left), min(5, left + size)):
                    hidden[:, row, column] = 0
            by_content.setdefault(hidden.tobytes(), []).append((y, x))
    found = Counter(picture.tobytes() for picture in cutout(pictures, size).numpy())
    assert found.keys() == by_content.keys()
    for content, centres in by_content.items():
        expected = 6000 * len(centres) / 20
        assert abs(found[content] - expected) < 5 * expected**0.5 + 1


def test_what_changes_nothing() -> None:
    pictures = distinct(4, 3, 4, 5, torch.uint8)
    assert torch.equal(shift(pictures, 0), pictures)
    assert torch.equal(cutout(pictures, 0), pictures)
    for change in (shift, cutout):
        with pytest.raises(ValueError, match="0 or more, not -1"):
            change(pictures, -1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_alternating_flip_shows_each_both_ways_by_turns(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    pictures = torch.randint(256, (4000, 3, 4, 5), dtype=torch.uint8)
    pictures = pictures.contiguous(memory_format=layout)
    shown = [alternating_flip(pictures, epoch) for epoch in range(4)]
    mirrored = [(view == pictures.flip(3)).flatten(1).all(1) for view in shown]
    kept = [(view == pictures).flatten(1).all(1) for view in shown]
    assert all(torch.equal(one, ~other) for one, other in zip(mirrored, kept, strict=True))
    assert torch.equal(mirrored[0], kept[1]) and torch.equal(mirrored[0], mirrored[2])
    assert evenly(Counter(mirrored[0].tolist()), 2, 4000)
    assert shown[0].is_contiguous(memory_format=layout)


def test_alternating_flip_knows_a_picture_in_any_batch() -> None:
    torch.manual_seed(0)
    pictures = torch.randint(256, (100, 3, 4, 5), dtype=torch.uint8)
    order = torch.randperm(100)
    assert torch.equal(alternating_flip(pictures, 3)[order], alternating_flip(pictures[order], 3))
