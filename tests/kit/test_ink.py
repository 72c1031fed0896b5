"""What is found on drawings is what was drawn, whatever they were drawn on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from rockfall.kit.ink import Drawing, find, otsu
from rockfall.kit.regions import labels_of, regions_of
from tests.drawings.papers import PAPERS, drawing
from tests.drawings.strokes import Drawn

SEEN = 40
"""Pixels a side at which what is found is compared with what was drawn."""
DARK_ON_LIGHT = ("clean", "lined", "squared", "uneven light", "dim grey", "specks of dust")
LIGHT_ON_DARK = ("blackboard", "white ink on transparency")


def likeness(found: Drawing | None, drawn: Drawn) -> float:
    """The ink that both have, of the ink that either has, both cropped: of thin strokes, a shift by
    a pixel takes a tenth.
    """
    if found is None:
        return 0.0
    true = (drawn.coverage * 255).astype(np.uint8)
    seen, known = (
        np.asarray(Image.fromarray(levels).crop(box).resize((SEEN, SEEN), Image.Resampling.BOX)) / 1
        for levels, box in ((found.levels, found.box), (true, drawn.box))
    )
    return float(np.minimum(seen, known).sum() / np.maximum(seen, known).sum())


@pytest.mark.long
@pytest.mark.parametrize("paper", PAPERS)
def test_the_ink_is_found_on_every_paper(paper: str) -> None:
    made = [drawing(paper, label, 0) for label in range(10)]
    alike = sorted(likeness(find(image), drawn) for image, drawn in made)
    assert alike[1] > 0.6, alike  # nine of ten at least
    assert np.median(alike) > 0.7


@pytest.mark.long
@pytest.mark.parametrize(("papers", "dark"), [(DARK_ON_LIGHT, True), (LIGHT_ON_DARK, False)])
def test_it_is_known_whether_ink_is_darker_than_its_paper(
    papers: tuple[str, ...], dark: bool
) -> None:
    for paper in papers:
        for label in range(0, 10, 3):
            found = find(drawing(paper, label, 1)[0])
            assert found is not None and found.dark is dark, (paper, label)


def test_what_is_left_out_is_said() -> None:
    image = Image.new("RGB", (200, 200), "white")
    pen = ImageDraw.Draw(image)
    pen.line((90, 60, 90, 140), "black", 12)
    plain = find(image)
    assert plain is not None and plain.notes == ()
    pen.ellipse((20, 20, 24, 24), "black")
    specked = find(image)
    assert specked is not None and specked.notes == ("without specks",)
    pen.rectangle((5, 5, 194, 194), outline="black", width=4)
    framed = find(image)
    assert framed is not None and set(framed.notes) == {"without the frame", "without specks"}
    assert plain.box == specked.box == framed.box
    white = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    ImageDraw.Draw(white).line((90, 60, 90, 140), (255, 255, 240), 12)
    found = find(white)
    assert found is not None and found.notes == ("laid on black",)
    assert (found.box, found.dark) == (plain.box, False)


def test_a_zero_with_a_dot_is_no_frame() -> None:
    image = Image.new("L", (200, 200), 255)
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 40, 140, 160), outline=0, width=12)
    pen.ellipse((92, 92, 108, 108), 0)
    found = find(image)
    assert found is not None
    assert found.box == (60, 40, 141, 161)


def test_what_touches_the_border_is_the_drawing_if_nothing_else_is() -> None:
    image = Image.new("L", (200, 200), 255)
    pen = ImageDraw.Draw(image)
    pen.line((100, -10, 60, 120), 0, 16)
    pen.ellipse((150, 150, 156, 156), 0)
    found = find(image)
    assert found is not None
    assert found.box[1] == 0 and found.box[3] > 110 and found.box[2] < 120


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_what_is_filled_keeps_its_middle(share: float) -> None:
    """A garment, or a disc, may cover two fifths of its picture."""
    side = round(200 * share**0.5)
    image = Image.new("L", (200, 200), 240)
    low = (200 - side) // 2
    ImageDraw.Draw(image).rectangle((low, low, low + side - 1, low + side - 1), 60)
    found = find(image)
    assert found is not None and found.dark
    assert found.box == (low, low, low + side, low + side)
    assert found.levels[100, 100] > 250


@pytest.mark.parametrize("level", [0, 100, 255])
@pytest.mark.parametrize("noise", [0, 1, 4])
def test_nothing_is_found_on_blank_paper(level: int, noise: float) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:150, :200]
    page = level * (1 - x / 500 - y / 700)[..., None] + rng.normal(0, noise, (150, 200, 3))
    assert find(Image.fromarray(page.round().clip(0, 255).astype(np.uint8))) is None


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["L", "RGB", "RGBA"]),
    kind=st.sampled_from(["noise", "one colour", "specks", "ramp"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_picture_is_taken(size: tuple[int, int], mode: str, kind: str, seed: int) -> None:
    rng, (width, height) = np.random.default_rng(seed), size
    ramp = np.linspace(0, 255, width)[None, :, None]
    levels = {
        "noise": rng.integers(0, 256, (height, width, 4)),
        "one colour": np.full((height, width, 4), rng.integers(256)),
        "specks": 255 * (rng.random((height, width, 1)) < 0.03),
        "ramp": np.broadcast_to(ramp, (height, width, 4)),
    }[kind]
    image = Image.fromarray(np.broadcast_to(levels, (height, width, 4)).astype(np.uint8))
    found = find(image.convert(mode))
    if found is not None:
        left, upper, right, lower = found.box
        assert 0 <= left < right <= width and 0 <= upper < lower <= height
        assert found.levels.shape == (height, width)
        assert found.levels[upper:lower, left:right].max() == 255


def test_otsu_is_the_best_of_all_thresholds() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate((rng.normal(40, 8, 500), rng.normal(160, 20, 90)))
    within = [
        part.var() * len(part) + rest.var() * len(rest)
        for cut in np.sort(values)[:-1]
        for part, rest in [(values[values <= cut], values[values > cut])]
    ]
    chosen = otsu(values)
    low, high = values[values <= chosen], values[values > chosen]
    assert low.var() * len(low) + high.var() * len(high) <= 1.001 * min(within)
    assert (np.full(5, 7.0) > otsu(np.full(5, 7.0))).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 25), st.floats(0, 1))
def test_regions_are_those_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(seed)
    mask, weights = rng.random((height, width)) < share, rng.random((height, width))
    labels = labels_of(mask)
    expected, count = ndimage.label(mask, np.ones((3, 3)))
    assert len(set(zip(labels.ravel(), expected.ravel(), strict=True))) == len(np.unique(expected))
    regions = regions_of(labels, weights)
    assert len(regions) == count
    sums = ndimage.sum(weights, expected, np.arange(1, count + 1))
    assert np.allclose([each.weight for each in regions], np.sort(sums)[::-1])
    for each in regions:
        rows, columns = np.nonzero(labels == each.number)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert each.box == box
