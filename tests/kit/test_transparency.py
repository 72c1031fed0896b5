"""What was transparent stays so, without white edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rockfall.kit.pictures import load_with_alpha
from rockfall.kit.transparency import alpha_of, with_alpha


def on_paper(picture: torch.Tensor, level: int) -> torch.Tensor:
    """(4, H, W) uint8 on paper of a grey, by the definition of alpha."""
    alpha = picture[3:].float() / 255
    return picture[:3].float() * alpha + level * (1 - alpha)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 9), st.integers(1, 9))
def test_on_white_it_looks_as_it_was_made_and_on_black_as_it_was(
    seed: int, height: int, width: int
) -> None:
    torch.manual_seed(seed)
    original = torch.randint(256, (4, height, width), dtype=torch.uint8)
    white = on_paper(original, 255).round().byte()
    made = with_alpha(white, original[3:])
    assert made.dtype == torch.uint8 and torch.equal(made[3], original[3])
    assert (on_paper(made, 255) - white).abs().max() <= 1
    assert (on_paper(made, 0) - on_paper(original, 0)).abs().max() <= 1.6  # roundings of both


def test_what_no_colour_can_be_on_white_is_as_near_as_there_is() -> None:
    made = with_alpha(
        torch.zeros(3, 1, 3, dtype=torch.uint8), torch.tensor([[[0, 51, 255]]]).byte()
    )
    assert made[:3, 0].T.tolist() == [[0, 0, 0]] * 3
    assert made[3].tolist() == [[0, 51, 255]]


def test_an_opaque_picture_comes_back() -> None:
    picture = torch.randint(256, (3, 4, 5), dtype=torch.uint8)
    assert with_alpha(picture, None) is picture


@pytest.mark.parametrize("size", [(8, 8), (20, 12), (1, 1), (33, 7)])
def test_alpha_follows_the_size(size: tuple[int, int]) -> None:
    alpha = torch.zeros(1, 10, 6, dtype=torch.uint8)
    alpha[:, :, 3:] = 255
    made = with_alpha(torch.full((3, *size), 99, dtype=torch.uint8), alpha)
    assert made.shape == (4, *size)
    if size[1] > 1:
        assert (made[3, :, 0] < 40).all() and (made[3, :, -1] > 215).all()


def test_of_a_file(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((4, 3, 4), 90, np.uint8))
    image.save(tmp_path / "clear.png")
    image.convert("RGB").save(tmp_path / "opaque.png")
    (tmp_path / "none.png").write_text("no picture")
    found = alpha_of(tmp_path / "clear.png")
    assert found is not None and torch.equal(found, load_with_alpha(tmp_path / "clear.png")[3:])
    for name in ("opaque.png", "none.png", "missing.png"):
        assert alpha_of(tmp_path / name) is None
