"""`paints-vectors`: renders its picture as vector graphics, which have no resolution."""

from __future__ import annotations

from typing import Protocol, runtime_checkable
from xml.etree import ElementTree

from torch import Tensor

from rockfall import Picture

NAMESPACE = "http://www.w3.org/2000/svg"


@runtime_checkable
class PaintsVectors(Protocol):
    """Renders one picture as vector graphics."""

    def svg(self, height: int, width: int, /) -> str:
        """An SVG document of this size in pixels: at any zoom what `paint` gives at that size."""


def check(model: PaintsVectors, source: Picture) -> None:
    """What the conformance kit asks: an SVG of the size that was asked for, always the same."""
    for height, width in ((7, 5), (600, 800)):
        text = model.svg(height, width)
        root = ElementTree.fromstring(text)
        assert root.tag == f"{{{NAMESPACE}}}svg", f"svg gave a document of {root.tag}"
        size = (root.get("height"), root.get("width"))
        assert size == (str(height), str(width)), f"svg{height, width} gave one of {size}"
        assert text == model.svg(height, width), "svg must be deterministic"


def to_svg(vertices: Tensor, colours: Tensor, background: Tensor, height: int, width: int) -> str:
    """Polygons (K, V, 2), (K, 4) over a background (3,), as in `polygons.py`, as an SVG document.

    Coordinates have two digits behind the point, of pixels.
    """
    sizes = vertices.new_tensor((width, height))
    shapes = [f'<rect width="{width}" height="{height}" fill="{_hex(background)}"/>']
    for polygon, colour in zip(vertices * sizes, colours, strict=True):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in polygon.tolist())
        shapes.append(
            f'<polygon points="{points}" fill="{_hex(colour[:3])}" '
            f'fill-opacity="{colour[3].item():.3f}"/>'
        )
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" fill-rule="evenodd">',
            *shapes,
            "</svg>\n",
        ]
    )


def _hex(colour: Tensor) -> str:
    """(3,), 0 … 1, as `#rrggbb`."""
    levels = (colour * 255).round().clamp(0, 255).int().tolist()
    return "#" + "".join(f"{level:02x}" for level in levels)
