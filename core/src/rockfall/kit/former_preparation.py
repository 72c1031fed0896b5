"""How a picture was made to fit before sources said how: guessed from what was learned from.

For the runs of versions that kept nothing of it, which go on as they did.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from rockfall.kit.resizing import border, edges, framed

MIN_CONTRAST = 64.0
"""By how much, of 255, a negative's border must be nearer to the training mean than the picture's,
and ink must differ from its paper.
"""
MAX_DEVIATION = 16.0
"""Standard deviation, of 255, that the outermost pixels of a drawing may have: they are paper, and
not a scene.
"""


def fit(
    image: Image.Image, size: tuple[int, int], mean: float, share: tuple[float, float] | None
) -> tuple[Image.Image, bool, bool]:
    """The image, L or RGB, at `size` (height, width); whether it was inverted; whether cropped.

    The whole picture is kept, and padded with the colour of its border. But a drawing on plain
    paper, for a model that learned from drawings, is scaled to their size. A picture that is dark
    on light, for a model that learned light on dark or the other way round, is inverted.

    mean: of what was learned from. share: of height and width, what drawings took on average;
        None for what were no drawings.
    """
    height, width = size
    paper = border(image)
    # Most pixels are background, so a set whose mean is dark is light on dark. Photographs lie in
    # the middle and are never turned.
    ground = float(paper.mean())
    inverted = abs(255 - ground - mean) + MIN_CONTRAST < abs(ground - mean)
    box = _drawing(image) if share and image.size != (width, height) else None
    tall, wide = share if share and box else (1.0, 1.0)
    page = framed(image.crop(box) if box else image, (width, height), paper, (wide, tall))
    return page.point(lambda level: 255 - level) if inverted else page, inverted, bool(box)


def _drawing(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The bounding box of a drawing on plain paper; None if the border is not plain."""
    if edges(image).std() > MAX_DEVIATION:
        return None
    drawn = np.abs(np.asarray(image, np.int16) - border(image)) > MIN_CONTRAST
    return Image.fromarray(drawn).getbbox()
