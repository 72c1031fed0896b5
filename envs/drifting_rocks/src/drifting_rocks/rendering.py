"""Frames of one game, one function for each of Gymnasium's render modes."""

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drifting_rocks.rules import BEACON_RADIUS, CRAFT_RADIUS, SIDE, Rules, State, within, wrap

Colour: TypeAlias = tuple[int, int, int]
Gradient: TypeAlias = tuple[Colour, Colour]
Pixels: TypeAlias = NDArray[np.float64]

FPS = 24
"""Steps a second that ``render_mode="human"`` shows: slow enough to play by hand."""
FRAME_SIZE = 256
TEXT_SIZE = 16, 32
"""Rows and columns of the text."""
UNIT = FRAME_SIZE / SIDE
"""Pixels to one unit of length."""

SKY = (16, 20, 44), (58, 64, 104)
ROCK = (214, 204, 188), (104, 94, 92)
CRAFT = (255, 190, 92), (206, 92, 34)
"""Colours at the top and at the bottom of an object, red, green and blue of 255."""
BEACON = (122, 226, 190)
FLAME = (255, 226, 150)
STAR = (150, 158, 196)
STARS = 40
DART = 1.3 * CRAFT_RADIUS
"""From the middle of the craft to its tip."""


def frame(rules: Rules, state: State, render_mode: str | None) -> Any:
    """The game as ``"ansi"`` text or as an ``"rgb_array"``; ``None`` without a render mode."""
    if render_mode is None:
        return None
    return ansi(rules, state) if render_mode == "ansi" else rgb_array(rules, state)


def ansi(rules: Rules, state: State) -> str:
    """The torus as lines of text: ``o`` where rocks are, ``+`` the beacon, and an arrow the craft,
    which points to where it flies, or ``*``, where it has hit a rock.
    """
    rows, columns = TEXT_SIZE
    y, x = ((np.indices(TEXT_SIZE) + 0.5) * SIDE / np.reshape(TEXT_SIZE, (2, 1, 1))) - 1
    grid = np.full(TEXT_SIZE, ".")

    def cell(place: Any) -> tuple[int, int]:
        column, row = np.floor((np.asarray(place, np.float64) + 1) / SIDE * (columns, rows))
        return int(row) % rows, int(column) % columns

    discs = [(*_places(state, state.beacon[:, None]), BEACON_RADIUS, "+")]
    discs += [(rock, rules.rock_radius, "o") for rock in _places(state, state.rocks)]
    for place, radius, letter in discs:
        way = wrap(np.stack([x - place[0], y - place[1]]))
        grid[within(way, radius)] = letter
        grid[cell(place)] = letter  # however small it is
    hit = within(state.rocks, CRAFT_RADIUS + rules.rock_radius).any()
    vx, vy = state.velocity
    arrow = (">" if vx > 0 else "<") if abs(vx) > abs(vy) else ("v" if vy > 0 else "^")
    grid[cell(state.craft)] = "*" if hit else arrow
    return "\n".join("".join(line) for line in grid) + "\n"


def rgb_array(rules: Rules, state: State) -> NDArray[np.uint8]:
    """The torus in colour, ``(256, 256, 3)`` uint8; what crosses an edge is seen at both."""
    pixels = _sky().copy()

    (beacon,) = _places(state, state.beacon[:, None])
    with _Patch(pixels, beacon, 1.6 * BEACON_RADIUS) as patch:
        far = np.hypot(patch.x, patch.y)
        patch.blend(BEACON, 0.35 * (1 - far / patch.reach).clip(0, 1))
        patch.paint((BEACON, BEACON), 0.018 - abs(far - BEACON_RADIUS))
        patch.paint((BEACON, BEACON), 0.022 - far)

    for rock in _places(state, state.rocks):
        with _Patch(pixels, rock, rules.rock_radius) as patch:
            patch.paint(ROCK, rules.rock_radius - np.hypot(patch.x, patch.y))

    _fly(pixels, rules, state)
    return pixels.round().astype(np.uint8)


def _fly(pixels: Pixels, rules: Rules, state: State) -> None:
    """Paint the craft, a dart that points to where it flies, upwards at rest, and its trail."""
    velocity = state.velocity.astype(np.float64)
    speed = np.hypot(*velocity)
    heading = velocity / speed if speed > 0 else np.array([0.0, -1.0])
    trail = 2 * DART * speed / rules.top_speed
    with _Patch(pixels, state.craft, DART + trail) as patch:
        ahead = patch.x * heading[0] + patch.y * heading[1]
        aside = patch.x * heading[1] - patch.y * heading[0]
        if trail > 0:
            behind = -ahead / (trail + DART)  # from 0 at the craft to 1 at the end
            width = 0.35 * DART * (1 - behind)
            cover = ((width - abs(aside)) * UNIT + 0.5).clip(0, 1) * (behind > 0)
            patch.blend(FLAME, 0.8 * cover * (1 - behind).clip(0, 1))
        # Within three lines: the two sides, which meet at the tip, and the notched tail.
        side = (DART - ahead) * 0.42 - abs(aside) * 0.91
        tail = ahead + DART - 0.6 * (DART - abs(aside)).clip(0)
        patch.paint(CRAFT, np.minimum(side, tail))


class _Patch:
    """The pixels around a place, across the edges of the torus too, which are put back at the end.

    Attributes:
        x, y: where each pixel is, from the place.
        reach: how far the patch goes, at least.
    """

    def __init__(self, pixels: Pixels, place: Any, reach: float) -> None:
        column, row = (np.asarray(place, np.float64) + 1) * UNIT
        span = np.arange(-np.ceil(reach * UNIT) - 1, np.ceil(reach * UNIT) + 2)
        rows, columns = np.floor(row) + span, np.floor(column) + span
        self.y = (rows[:, None] + 0.5 - row) / UNIT
        self.x = (columns[None, :] + 0.5 - column) / UNIT
        self.reach = reach
        self._pixels = pixels
        self._where = np.ix_(rows.astype(int) % FRAME_SIZE, columns.astype(int) % FRAME_SIZE)

    def __enter__(self) -> "_Patch":
        self._inside = self._pixels[self._where]
        return self

    def __exit__(self, *_: object) -> None:
        self._pixels[self._where] = self._inside

    def blend(self, colour: Colour | NDArray[np.float64], cover: NDArray[np.float64]) -> None:
        """Paint with a colour, as far as it covers each pixel, from 0 to 1."""
        self._inside += (np.asarray(colour) - self._inside) * cover[..., None]

    def paint(self, colours: Gradient, inside: NDArray[np.float64]) -> None:
        """Paint an antialiased shape; ``inside`` is each pixel's way from the outline, inwards."""
        depth = (self.y / self.reach + 1) / 2 + 0 * self.x
        self.blend(_shade(colours, depth), (inside * UNIT + 0.5).clip(0, 1))


def _places(state: State, ways: Any) -> NDArray[np.float64]:
    """Where the ends of ways (2, n) from the craft are, shape ``(n, 2)``."""
    return np.asarray(wrap(state.craft[:, None] + ways), np.float64).T


def _shade(colours: Gradient, depth: NDArray[np.float64]) -> Pixels:
    """Blend from the first colour at ``depth`` 0 to the second at 1, ``(…, 3)``."""
    top, bottom = np.array(colours, np.float64)
    return np.asarray(top + (bottom - top) * depth.clip(0, 1)[..., None])


@cache
def _sky() -> Pixels:
    depth = np.linspace(0, 1, FRAME_SIZE)
    sky = np.repeat(_shade(SKY, depth)[:, None], FRAME_SIZE, axis=1)
    random = np.random.default_rng(1)
    rows, columns = random.integers(FRAME_SIZE, size=(2, STARS))
    share = random.uniform(0.2, 0.8, (STARS, 1))
    sky[rows, columns] += (np.array(STAR) - sky[rows, columns]) * share
    return sky
