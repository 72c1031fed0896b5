"""Colours, scales, names and patterns: what Gatys' method is put together from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import UnknownName, UsageError
from rockfall.kit.files import absolute_path
from rockfall.kit.pictures import save
from rockfall_style import patterns
from rockfall_style.colour_preservation import luminance, match_mean_and_std, replace_luminance
from rockfall_style.picture_names import read_picture
from rockfall_style.resizing import resize, resize_by, scale_factors

YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)
"""From red, green and blue: https://en.wikipedia.org/wiki/YIQ, FCC's matrix."""


def test_luminance_is_taken_over_and_colour_is_kept() -> None:
    """In YIQ, by its published matrix."""
    photo, wanted = torch.rand(1, 3, 5, 7), torch.rand(1, 1, 5, 7)
    before = np.einsum("dc,chw->dhw", YIQ, photo[0].numpy())
    after = np.einsum("dc,chw->dhw", YIQ, replace_luminance(photo, wanted)[0].numpy())
    np.testing.assert_allclose(after[0], wanted[0, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-5)
    np.testing.assert_allclose(luminance(photo)[0, 0].numpy(), before[0], atol=1e-6)


def test_a_matched_luminance_has_the_others_mean_and_deviation() -> None:
    style, content = torch.rand(1, 1, 9, 9) * 0.2, torch.rand(1, 1, 4, 4) + 1
    found = match_mean_and_std(style, content)
    assert found.mean().item() == pytest.approx(content.mean().item(), abs=1e-5)
    assert found.var(correction=0).item() == pytest.approx(
        content.var(correction=0).item(), rel=1e-3
    )
    assert torch.corrcoef(torch.stack((found.flatten(), style.flatten())))[0, 1] > 0.999


def test_a_style_of_one_colour_can_be_matched() -> None:
    found = match_mean_and_std(torch.full((1, 1, 4, 4), 0.5), torch.rand(1, 1, 4, 4))
    assert found.isfinite().all()


def test_scales_double_and_end_at_the_whole() -> None:
    assert scale_factors(400, 600, 3) == [0.25, 0.5, 1.0]
    assert scale_factors(128, 600, 3) == [0.5, 1.0]
    assert scale_factors(3, 3, 5) == [1.0]
    assert scale_factors(4000, 4000, 1) == [1.0]


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([0.125, 0.25, 0.5, 1.0]))
@settings(max_examples=30, deadline=None)
def test_scaled_pictures_have_at_least_a_pixel(height: int, width: int, factor: float) -> None:
    found = resize_by(torch.rand(1, 3, height, width), factor)
    assert found.shape == (1, 3, max(1, round(height * factor)), max(1, round(width * factor)))


def test_resizing_keeps_what_is_even_and_does_not_shift() -> None:
    torch.testing.assert_close(
        resize(torch.full((1, 1, 9, 7), 0.3), 4, 3), torch.full((1, 1, 4, 3), 0.3)
    )
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 8, 64)
    middle = resize(ramp, 4, 32)[0, 0, 1, 8:24]
    torch.testing.assert_close(middle, ramp[0, 0, 0].view(32, 2).mean(1)[8:24], atol=1e-4, rtol=0)


@pytest.mark.long
@pytest.mark.parametrize("name", ["brush_strokes", "stained_glass", "woodcut"])
def test_patterns_are_pictures_and_always_the_same(name: str) -> None:
    draw = getattr(patterns, name)
    drawn = draw()
    assert drawn.shape == (3, 512, 512)
    assert drawn.dtype == torch.uint8
    assert torch.equal(drawn, draw())
    assert drawn.float().std() > 30  # contrast, without which there is no style


def test_a_picture_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (3, 5, 4), dtype=torch.uint8)
    path = save(tmp_path / "woodcut", pixels)
    assert torch.equal(read_picture("woodcut", "style"), patterns.woodcut())
    assert torch.equal(read_picture(str(path), "style"), pixels)


def test_a_name_that_is_none_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"style: no picture stained-glas.*mean stained-glass\?"):
        read_picture("stained-glas", "style")
    with pytest.raises(UnknownName, match=r"by name there are .*woodcut"):
        read_picture("zzzz.jpg", "style")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("words")
    with pytest.raises(UsageError, match="can't be read as a picture"):
        read_picture(str(tmp_path / "notes.jpg"), "style")


def test_paths_are_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.png").touch()
    assert absolute_path("here.png") == os.path.join(os.path.realpath(tmp_path), "here.png")
    assert absolute_path("woodcut") == "woodcut"
