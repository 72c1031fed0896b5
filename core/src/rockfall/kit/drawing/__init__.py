"""Drawing with Pillow from plain arrays: pages put together of parts, sheets, tiles, charts."""

from rockfall.kit.drawing.blocks import bar, sparkline
from rockfall.kit.drawing.chart import SHARPNESS, Chart, blank, span
from rockfall.kit.drawing.colours import (
    BLUE,
    EDGE,
    FAINT,
    INK,
    ORANGE,
    PAPER,
    diverging,
    heat,
    shades,
)
from rockfall.kit.drawing.curves import Curve, Panel, curves, learning_curves
from rockfall.kit.drawing.histogram import Histogram, histograms
from rockfall.kit.drawing.layout import (
    below,
    beside,
    framed,
    in_grid,
    padded,
    page,
    width_of,
    words,
)
from rockfall.kit.drawing.lettering import font
from rockfall.kit.drawing.points import (
    Plane,
    are_points,
    class_colour,
    compare_points,
    draw_points,
    framed_plane,
    plane_of,
    scatter,
)
from rockfall.kit.drawing.sheets import are_pictures, in_pairs, in_rows, require_pictures, sheet
from rockfall.kit.drawing.side_by_side import side_by_side
from rockfall.kit.drawing.steps import as_sheet, on_paper, one_two_five, picked, save_film
from rockfall.kit.drawing.tiles import enlarged, signed, weight_tiles
from rockfall.kit.drawing.training_film import save_training_film

__all__ = [
    "BLUE",
    "EDGE",
    "FAINT",
    "INK",
    "ORANGE",
    "PAPER",
    "SHARPNESS",
    "Chart",
    "Curve",
    "Histogram",
    "Panel",
    "Plane",
    "are_pictures",
    "are_points",
    "as_sheet",
    "bar",
    "below",
    "beside",
    "blank",
    "class_colour",
    "compare_points",
    "curves",
    "diverging",
    "draw_points",
    "enlarged",
    "font",
    "framed",
    "framed_plane",
    "heat",
    "histograms",
    "in_grid",
    "in_pairs",
    "in_rows",
    "learning_curves",
    "on_paper",
    "one_two_five",
    "padded",
    "page",
    "picked",
    "plane_of",
    "require_pictures",
    "save_film",
    "save_training_film",
    "scatter",
    "shades",
    "sheet",
    "side_by_side",
    "signed",
    "span",
    "sparkline",
    "weight_tiles",
    "width_of",
    "words",
]
