"""Figures of a painting beside its baselines, and the picture of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall.sources.picture import Picture
from rockfall_canvas import copies
from rockfall_canvas.holdout import holdout_mask


class Off:
    """Paints the picture, wrong by so many levels."""

    def __init__(self, true: Tensor, off: int | Tensor) -> None:
        self.painted = (true.int() + off).byte()

    def paint(self, height: int, width: int) -> Tensor:
        assert self.painted.shape == (3, height, width)
        return self.painted


def picture(height: int = 30, width: int = 44) -> Tensor:
    y, x = np.mgrid[:height, :width]
    return torch.from_numpy(np.stack((x * 4, y * 6, x + y)).astype(np.uint8))


def decibels(error: float) -> float:
    return float(10 * np.log10(255**2 / error))


def test_the_whole_picture() -> None:
    true = picture()
    figures = copies.evaluate(Off(true, 5), Picture("p", true))
    assert set(figures) == {"psnr", "ssim"}
    assert figures["psnr"]["value"] == pytest.approx(decibels(25))
    colours = true.numpy().reshape(3, -1).astype(float)
    flat = colours.mean(1).round()[:, None]
    wanted = decibels(np.mean((colours - flat) ** 2))
    assert figures["psnr"]["baselines"]["mean colour"]["value"] == pytest.approx(wanted)
    assert figures["ssim"]["value"] > 0.9 > figures["ssim"]["baselines"]["mean colour"]["value"]


def test_what_was_held_out_is_measured_alone_and_known_by_no_baseline() -> None:
    true = picture()
    held = holdout_mask(30, 44, 0.25, "block")
    model = Off(true, 2)
    painted = model.painted.flatten(1)
    painted[:, held] = (true.flatten(1)[:, held].int() + 8).byte()
    model.held_out = held  # type: ignore[attr-defined]
    figures = copies.evaluate(model, Picture("p", true))
    assert figures["held_out_psnr"]["value"] == pytest.approx(decibels(64))
    errors = 4 * (1 - held.double().mean().item()) + 64 * held.double().mean().item()
    assert figures["psnr"]["value"] == pytest.approx(decibels(errors))
    beside = figures["held_out_psnr"]["baselines"]
    assert set(beside) == {"mean colour", "harmonic fill-in"}
    assert beside["harmonic fill-in"]["value"] > 45  # the picture is nearly a plane
    known = true.flatten(1)[:, ~held].double().mean(1).round()[:, None]
    wanted = decibels((true.flatten(1)[:, held] - known).square().mean().item())
    assert beside["mean colour"]["value"] == pytest.approx(wanted)


def test_a_small_picture_has_no_ssim() -> None:
    true = picture(10, 40)
    assert set(copies.evaluate(Off(true, 1), Picture("p", true))) == {"psnr"}
    copies.check(Off(true, 0), Picture("p", true))


def test_what_changes_from_time_to_time_is_complained_of() -> None:
    class Changing(Off):
        def paint(self, height: int, width: int) -> Tensor:
            self.painted = self.painted ^ 1
            return self.painted

    with pytest.raises(AssertionError, match="the same each time"):
        copies.check(Changing(picture(), 5), Picture("p", picture()))


@pytest.mark.long
@pytest.mark.parametrize("held", [False, True])
def test_side_by_side(held: bool) -> None:
    true = picture()
    off = torch.full((30, 44), 9)
    off[:, 22:] = 80  # four times that is more than white
    model = Off(true, off)
    if held:
        model.held_out = holdout_mask(30, 44, 0.2, "block")  # type: ignore[attr-defined]
    (drawn,) = copies.pictures(model, Picture("p", true)).values()
    page = np.asarray(drawn).transpose(2, 0, 1)
    windows = np.lib.stride_tricks.sliding_window_view(page, true.shape)[0]

    def column(part: Tensor) -> int:
        places = np.argwhere((windows == part.numpy()).all((2, 3, 4)))
        assert len(places) == 1
        return int(places[0, 1])

    parts = [true, model.painted, (4 * off).clamp(max=255).byte().expand_as(true)]
    if held:
        seen = true.clone().flatten(1)
        seen[:, model.held_out] = 128  # type: ignore[attr-defined]
        parts.insert(1, seen.view_as(true))
    columns = [column(part) for part in parts]
    assert columns == sorted(columns)
    assert torch.equal(true, picture())
