"""One picture as a classifier sees it: its input, the saliency map, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw
from torch import Tensor

from rockfall.kit.drawing import EDGE, FAINT, below, beside, enlarged, framed, page, width_of, words
from rockfall.kit.pictures import to_image
from rockfall_capabilities.classifies.mistakes import percent
from rockfall_capabilities.classifies.saliency import heat_map, largest_drop
from rockfall_capabilities.explains.feature_maps import LEGEND, layer_rows

SIDE = 160
BAR, THICK = 180, 14
MAX_NAME = 160
BLUE = (0, 114, 178)


def explanation(
    title: str,
    note: str,
    picture: Tensor,
    drops: Tensor,
    predictions: Sequence[tuple[str, float]],
    layers: Mapping[str, Tensor],
) -> Image.Image:
    """picture: (C, H, W) uint8 as the model sees it. drops: (H, W) of `occlusion`.

    predictions: class and probability, the likeliest first. layers: as `layer_rows` takes them;
    empty for a model that does not explain.
    """
    top = beside(
        [
            _under("the input", framed(enlarged(to_image(picture), SIDE))),
            _under(
                f"{predictions[0][0]} {largest_drop(drops)}",
                framed(heat_map(picture, drops, SIDE)),
                "saliency",
            ),
            _under("", _bars(predictions), "the predictions"),
        ],
        28,
    )
    parts = [top]
    if layers:
        legend = words(LEGEND, 12, FAINT)
        parts.append(below([words("Layer by layer", 16), legend, layer_rows(layers)], 8))
    return page(title, note, below(parts, 22))


def _under(line: str, part: Image.Image, heading: str = "") -> Image.Image:
    return below([words(heading or line, 14), part, words(line if heading else "", 12, FAINT)], 6)


def _bars(predictions: Sequence[tuple[str, float]]) -> Image.Image:
    names = [name for name, _ in predictions]
    room = min(MAX_NAME, width_of(names))
    lines = []
    for name, share in predictions:
        bar = Image.new("RGB", (BAR, THICK), (238, 238, 242))
        filled = round(BAR * share)
        if filled:
            ImageDraw.Draw(bar).rectangle((0, 0, filled - 1, THICK - 1), BLUE)
        label = words(name, 13, width=room)
        column = Image.new("RGB", (room, label.height), (255, 255, 255))
        column.paste(label, (room - label.width, 0))
        lines.append(beside([column, framed(bar, EDGE), words(percent(share))], 8, "middle"))
    return below(lines, 6)
