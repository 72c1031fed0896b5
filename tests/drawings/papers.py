"""What people draw on, as they photograph, scan or export it: each a function of what is drawn."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.drawings.strokes import Drawn, draw

Rng = np.random.Generator
Paper = Callable[[Drawn, Rng], Image.Image]
Colour = tuple[float, float, float]

INKS: list[Colour] = [(20, 20, 25), (20, 30, 110), (60, 60, 65)]
"""Black pen, blue pen, soft pencil."""


def _ink(rng: Rng) -> np.ndarray:
    return np.array(INKS[rng.integers(len(INKS))])


def _plain(drawn: Drawn, colour: Colour | np.ndarray) -> np.ndarray:
    """(H, W, 3) of one colour."""
    return np.broadcast_to(np.asarray(colour, np.float32), (*drawn.coverage.shape, 3)).copy()


def _inked(page: np.ndarray, coverage: np.ndarray, ink: np.ndarray) -> np.ndarray:
    return page + coverage[..., None] * (ink - page)


def _noise(page: np.ndarray, rng: Rng, sigma: float) -> np.ndarray:
    return page + rng.normal(0, sigma, page.shape)


def _image(page: np.ndarray) -> Image.Image:
    return Image.fromarray(page.round().clip(0, 255).astype(np.uint8))


def _grid(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel, 0 … 1."""
    height, width = drawn.coverage.shape
    y, x = np.mgrid[:height, :width]
    return x / width, y / height


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _lines(drawn: Drawn, rng: Rng, *, squared: bool) -> np.ndarray:
    """(H, W), 0 … 1: rules across the page, more or less straight."""
    height, width = drawn.coverage.shape
    finer, spacing = 3, height * rng.uniform(0.07, 0.2)
    page = Image.new("L", (2 * width * finer, 2 * height * finer))
    pen, thick = ImageDraw.Draw(page), int(rng.integers(3, 7))
    for y in np.arange(rng.uniform(0, spacing), 2 * height, spacing) * finer:
        pen.line(((0, y), (page.width, y)), 255, thick)
    if squared:
        for x in np.arange(rng.uniform(0, spacing), 2 * width, spacing) * finer:
            pen.line(((x, 0), (x, page.height)), 255, thick)
    turned = page.rotate(rng.uniform(-3, 3), Image.Resampling.BILINEAR)
    middle = turned.crop(
        tuple(finer * side // 2 for side in (width, height, 3 * width, 3 * height))
    ).resize((width, height), Image.Resampling.BOX)
    return np.asarray(middle, np.float32) / 255


def _light(drawn: Drawn, rng: Rng) -> np.ndarray:
    """(H, W), about 0.4 … 1: a lamp at one side, and darker corners."""
    x, y = _grid(drawn)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    corners = (x - rng.uniform(0.3, 0.7)) ** 2 + (y - rng.uniform(0.3, 0.7)) ** 2
    light = 1 - rng.uniform(0.4, 0.8) * (slope + 0.5) - rng.uniform(0, 0.6) * corners
    return np.asarray(light.clip(0.2))


def clean(drawn: Drawn, rng: Rng) -> Image.Image:
    return _image(_inked(_plain(drawn, (255, 255, 255)), drawn.coverage, _ink(rng)))


def light_coloured(drawn: Drawn, rng: Rng) -> Image.Image:
    return _image(_inked(_plain(drawn, rng.uniform(190, 250, 3)), drawn.coverage, _ink(rng)))


def lined(drawn: Drawn, rng: Rng) -> Image.Image:
    return _ruled(drawn, rng, squared=False)


def squared(drawn: Drawn, rng: Rng) -> Image.Image:
    return _ruled(drawn, rng, squared=True)


def _ruled(drawn: Drawn, rng: Rng, *, squared: bool) -> Image.Image:
    colours = [(150, 190, 225), (185, 185, 190), (160, 170, 215), (150, 210, 190)]
    rule = np.array(colours[rng.integers(len(colours))])
    page = _inked(_plain(drawn, (248, 247, 242)), _lines(drawn, rng, squared=squared), rule)
    return _image(_inked(page, drawn.coverage, _ink(rng)))


def uneven_light(drawn: Drawn, rng: Rng) -> Image.Image:
    page = _inked(_plain(drawn, (235, 230, 220)), drawn.coverage, _ink(rng))
    return _jpeg(_image(_noise(page * _light(drawn, rng)[..., None], rng, 3)), 85)


def shadow(drawn: Drawn, rng: Rng) -> Image.Image:
    """Of a hand or a phone, across the page, with an edge more or less soft."""
    x, y = _grid(drawn)
    angle = rng.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) - rng.uniform(-0.3, 0.3)
    dark = 1 / (1 + np.exp(-across / rng.uniform(0.005, 0.05)))
    page = _inked(_plain(drawn, (235, 232, 228)), drawn.coverage, _ink(rng))
    return _jpeg(_image(_noise(page * (1 - rng.uniform(0.3, 0.5) * dark[..., None]), rng, 3)), 85)


def kraft(drawn: Drawn, rng: Rng) -> Image.Image:
    page = _plain(drawn, np.array((190, 150, 105)) + rng.uniform(-20, 20))
    fibres = rng.normal(0, 1, drawn.coverage.shape)
    blurred = np.asarray(
        Image.fromarray((128 + 40 * fibres).clip(0, 255).astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(1.2)
        ),
        np.float32,
    )
    page = page + (blurred - 128)[..., None] * rng.uniform(0.5, 1.5)
    ink = np.array((245, 245, 240)) if rng.random() < 0.25 else _ink(rng)
    return _image(_noise(_inked(page, drawn.coverage, ink), rng, 4))


def blue(drawn: Drawn, rng: Rng) -> Image.Image:
    papers = [(70, 130, 200), (120, 170, 220), (40, 80, 160), (100, 150, 180)]
    page = _plain(drawn, papers[rng.integers(len(papers))])
    inks = [(15, 15, 25), (245, 245, 245), (20, 25, 70), (240, 220, 60)]
    return _image(_noise(_inked(page, drawn.coverage, np.array(inks[rng.integers(4)])), rng, 2))


def dim_grey(drawn: Drawn, rng: Rng) -> Image.Image:
    """In poor light: little contrast, and noise."""
    paper = rng.uniform(70, 140)
    page = _plain(drawn, (paper, paper, paper * 0.97))
    ink = np.full(3, paper * rng.uniform(0.4, 0.65))
    return _image(_noise(_inked(page, drawn.coverage, ink), rng, 5))


def dust(drawn: Drawn, rng: Rng) -> Image.Image:
    """One to four specks, anywhere, up to as wide as the pen and more; sometimes a hair."""
    height, width = drawn.coverage.shape
    page = Image.fromarray((drawn.coverage * 255).astype(np.uint8))
    pen = ImageDraw.Draw(page)
    for _ in range(rng.integers(1, 5)):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), drawn.pen * rng.uniform(0.15, 0.6)
        pen.ellipse((x - r, y - r, x + r, y + r * rng.uniform(0.5, 1)), int(rng.uniform(150, 255)))
    if rng.random() < 0.3:
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(8, 25)
        pen.arc((x - r, y - r, x + r, y + r), 0, int(rng.uniform(60, 160)), 200, 1)
    coverage = np.asarray(page, np.float32) / 255
    return _image(_inked(_plain(drawn, (252, 252, 250)), coverage, _ink(rng)))


def framed(drawn: Drawn, rng: Rng) -> Image.Image:
    """A frame round the digit: at the page's edge, or drawn somewhere between; or a dark edge."""
    height, width = drawn.coverage.shape
    page = _image(_inked(_plain(drawn, (250, 250, 250)), drawn.coverage, _ink(rng)))
    pen = ImageDraw.Draw(page)
    colour = tuple(int(level) for level in rng.uniform(0, 90, 3))
    left, upper, right, lower = drawn.box
    share = rng.choice([0.0, rng.uniform(0.05, 0.8)])
    box = (
        left * share,
        upper * share,
        width - 1 - (width - right) * share,
        height - 1 - (height - lower) * share,
    )
    if rng.random() < 0.2:
        side = [
            (0, 0, width, upper * 0.4),
            (0, 0, left * 0.4, height),
            (width - (width - right) * 0.5, 0, width, height),
        ]
        pen.rectangle(side[rng.integers(3)], colour)
    else:
        pen.rectangle(box, outline=colour, width=int(rng.integers(1, 9)))
    return page


def desk(drawn: Drawn, rng: Rng) -> Image.Image:
    """A sheet that does not fill the photograph: the desk is seen at two sides or more."""
    height, width = drawn.coverage.shape
    sheet = _inked(_plain(drawn, (238, 236, 230)), drawn.coverage, _ink(rng))
    pads = [int(rng.uniform(0, 0.18) * side) for side in (height, height, width, width)]
    pads[rng.integers(4)] = int(0.15 * height)
    pad = ((pads[0], pads[1]), (pads[2], pads[3]), (0, 0))
    wood = np.array((rng.uniform(60, 140), rng.uniform(50, 100), rng.uniform(40, 80)))
    mask = np.pad(np.ones((height, width, 1)), pad)
    whole = np.pad(sheet, pad) * mask + wood * (1 - mask)
    image = _image(_noise(whole, rng, 3))
    return _jpeg(image, 85)


def white_on_transparency(drawn: Drawn, rng: Rng) -> Image.Image:
    return _transparent(drawn, rng.uniform(225, 255, 3))


def ink_on_transparency(drawn: Drawn, rng: Rng) -> Image.Image:
    return _transparent(drawn, np.array([(0, 0, 0), (20, 40, 160), (200, 30, 30)][rng.integers(3)]))


def _transparent(drawn: Drawn, colour: np.ndarray) -> Image.Image:
    whole = np.dstack((_plain(drawn, colour), drawn.coverage * 255))
    return _image(whole)


def coloured_ink(drawn: Drawn, rng: Rng) -> Image.Image:
    """Of any colour: felt pens, some of them light."""
    inks = [(220, 40, 40), (30, 150, 60), (250, 140, 30), (235, 205, 40), (230, 90, 180)]
    page = _plain(drawn, (250, 250, 248))
    return _image(_noise(_inked(page, drawn.coverage, np.array(inks[rng.integers(5)])), rng, 2))


def blackboard(drawn: Drawn, rng: Rng) -> Image.Image:
    """Chalk that does not cover, on a board that was wiped."""
    x, y = _grid(drawn)
    board = np.array([(35, 60, 50), (40, 42, 45)][rng.integers(2)])
    wiped = 12 * np.sin(8 * x + 5 * y + rng.uniform(0, 6)) + 8 * np.sin(15 * y)
    page = _plain(drawn, board) + wiped[..., None]
    chalk = drawn.coverage * (rng.random(drawn.coverage.shape) < 0.85)
    return _image(_noise(_inked(page, chalk, np.full(3, 225)), rng, 5))


def whiteboard(drawn: Drawn, rng: Rng) -> Image.Image:
    """A marker on a board that mirrors a lamp."""
    x, y = _grid(drawn)
    cx, cy = rng.uniform(0, 1, 2)
    glare = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(0.005, 0.03))
    page = _inked(_plain(drawn, (205, 208, 212)), drawn.coverage, _ink(rng))
    return _image(_noise(page + 60 * glare[..., None], rng, 2))


def pencil(drawn: Drawn, rng: Rng) -> Image.Image:
    """Faint and grainy, on paper that is not quite white."""
    grain = rng.uniform(0.45, 1, drawn.coverage.shape)
    page = _inked(
        _plain(drawn, (244, 243, 238)), drawn.coverage * grain, np.full(3, rng.uniform(120, 170))
    )
    return _image(_noise(page, rng, 2))


def folded(drawn: Drawn, rng: Rng) -> Image.Image:
    """Two creases: a thin shadow, and another shade at either side."""
    x, y = _grid(drawn)
    page = _inked(_plain(drawn, (243, 242, 238)), drawn.coverage, _ink(rng))
    for across in (x - rng.uniform(0.3, 0.7), y - rng.uniform(0.3, 0.7)):
        page = page * (1 - rng.uniform(0.02, 0.1) * (across > 0)[..., None])
        page = page * (1 - rng.uniform(0.05, 0.25) * np.exp(-((across / 0.006) ** 2)))[..., None]
    return _image(_noise(page, rng, 2))


def everything(drawn: Drawn, rng: Rng) -> Image.Image:
    """Lined or squared, in uneven light, with a speck, as a JPEG of a phone."""
    rules = _lines(drawn, rng, squared=bool(rng.integers(2)))
    page = _inked(_plain(drawn, (240, 236, 225)), rules, np.array((165, 190, 215)))
    page = _inked(page, drawn.coverage, _ink(rng))
    image = _image(_noise(page * _light(drawn, rng)[..., None].clip(0.45), rng, 3))
    x, y = rng.uniform(0, 1, 2) * image.size
    r = drawn.pen * 0.3
    ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), (60, 50, 40))
    return _jpeg(image, 70)


PAPERS: dict[str, Paper] = {
    "clean": clean,
    "light coloured": light_coloured,
    "lined": lined,
    "squared": squared,
    "uneven light": uneven_light,
    "a shadow": shadow,
    "kraft": kraft,
    "blue": blue,
    "dim grey": dim_grey,
    "specks of dust": dust,
    "a frame round it": framed,
    "a desk round it": desk,
    "white ink on transparency": white_on_transparency,
    "ink on transparency": ink_on_transparency,
    "coloured ink": coloured_ink,
    "blackboard": blackboard,
    "whiteboard": whiteboard,
    "faint pencil": pencil,
    "folded": folded,
    "a phone's picture of ruled paper": everything,
}


def drawing(paper: str, label: int, seed: int) -> tuple[Image.Image, Drawn]:
    """A digit on a paper, the same for the same seed; and what was drawn."""
    rng = np.random.default_rng([list(PAPERS).index(paper), label, seed])
    drawn = draw(label, rng)
    return PAPERS[paper](drawn, rng), drawn
