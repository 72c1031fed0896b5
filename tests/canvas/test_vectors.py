"""Paintings of polygons as SVG, against another rasteriser: Pillow's."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageDraw

from rockfall_canvas.polygons import render
from rockfall_canvas.vectors import NAMESPACE, to_svg
from tests.core.test_cli_train import rockfall

LARGER = 8
"""Pillow's polygons have hard edges: they are drawn so many times larger, and reduced."""


def drawn(svg: str) -> np.ndarray:
    """(H, W, 3) uint8: what an SVG of rectangles and polygons shows."""
    root = ElementTree.fromstring(svg)
    assert root.get("fill-rule") == "evenodd"
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    page = Image.new("RGB", (width * LARGER, height * LARGER))
    for shape in root:
        mask = Image.new("L", page.size)
        if shape.tag == f"{{{NAMESPACE}}}rect":
            mask.paste(255, (0, 0, *page.size))
        else:
            pairs = [pair.split(",") for pair in shape.attrib["points"].split()]
            points = [(float(x) * LARGER - 0.5, float(y) * LARGER - 0.5) for x, y in pairs]
            ImageDraw.Draw(mask).polygon(
                points, fill=round(255 * float(shape.attrib["fill-opacity"]))
            )
        page.paste(Image.new("RGB", page.size, ImageColor.getrgb(shape.attrib["fill"])), mask=mask)
    return np.asarray(page.resize((width, height), Image.Resampling.BOX), np.int16)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(16, 48), st.integers(16, 48))
def test_svg_shows_what_is_painted(seed: int, height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    triangles = torch.rand(4, 3, 2, generator=generator) * 1.4 - 0.2  # beyond the edges too
    colours = torch.rand(4, 4, generator=generator)
    background = torch.rand(3, generator=generator)
    painted = render(triangles, colours, background, height, width)
    shown = drawn(to_svg(triangles, colours, background, height, width))
    assert np.abs(shown - painted.permute(1, 2, 0).numpy()).mean() < 3


def test_an_outline_that_crosses_itself_is_filled_by_the_even_odd_rule() -> None:
    star = torch.tensor([[[0.5, 0.0], [0.8, 1.0], [0.0, 0.4], [1.0, 0.4], [0.2, 1.0]]])
    colour, background = torch.tensor([[1.0, 0.0, 0.0, 1.0]]), torch.ones(3)
    painted = render(star, colour, background, 100, 100)
    assert painted[:, 55, 50].tolist() == [255, 255, 255], "its middle is outside"
    assert 'fill-rule="evenodd"' in to_svg(star, colour, background, 100, 100)


def test_paint_writes_svg_of_polygons_alone(tmp_path: Path) -> None:
    quick = ("--preset", "tiny", "source.size=24")
    rockfall(tmp_path, "paint", "flower", "--model", "evolve", *quick, "--out", "first.svg")
    root = ElementTree.fromstring((tmp_path / "first.svg").read_text())
    assert (root.get("width"), root.get("height")) == ("24", "16")
    assert len(root) == 1 + 8  # the background, and the polygons of the preset
    again = rockfall(tmp_path, "paint", "last", "--size", "600", "--out", "large.svg", "--json")
    assert json.loads(again.stdout)["width"] == 600
    assert 'width="600"' in (tmp_path / "large.svg").read_text()


def test_what_has_no_polygons_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    refused = rockfall(tmp_path, "paint", "flower", "--out", "painting.svg")
    assert refused.returncode == 2
    assert "not paints-vectors" in refused.stderr and "evolve" in refused.stderr
    assert not (tmp_path / "runs").exists()
