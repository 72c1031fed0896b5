"""Embedded style pictures, drawn procedurally: (3, 512, 512) uint8, always the same."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

SIDE = 512
SUPERSAMPLING = 2
"""Pixels drawn along each side of one pixel, and averaged."""

DUSK = (
    (16, 24, 66),
    (28, 62, 122),
    (62, 122, 160),
    (150, 178, 172),
    (240, 214, 140),
    (232, 148, 58),
)
GLASS = (
    (158, 22, 34),
    (20, 52, 140),
    (226, 160, 34),
    (20, 112, 84),
    (94, 32, 110),
    (58, 148, 190),
    (228, 96, 36),
    (238, 218, 168),
)
PAPER, INK = (240, 228, 200), (26, 34, 52)


def brush_strokes() -> Tensor:
    """Thick strokes of oil paint along a vector field with vortices, fine strokes over coarse ones,
    after Hertzmann 1998, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes".
    """
    random = np.random.default_rng(7)
    centres = random.uniform(0, 1, (9, 2))
    sizes = random.uniform(0.06, 0.16, 9)
    turns = random.choice((-1.0, 1.0), 9)
    image = Image.new("RGB", (SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), DUSK[1])
    draw = ImageDraw.Draw(image)
    for length, bristle, count in ((0.075, 5, 900), (0.05, 3, 2200), (0.032, 2, 3200)):
        paths = [random.uniform(-0.05, 1.05, (count, 2))]
        for _ in range(7):
            paths.append(paths[-1] + length / 7 * _vector_field(paths[-1], centres, sizes, turns))
        middle = paths[3]
        glow = np.exp(-_squared_distances(middle, centres) / (0.7 * sizes) ** 2).max(1)
        waves = np.sin(9 * middle[:, 1] + 3 * np.sin(5 * middle[:, 0]))
        tone = 0.26 + 0.14 * waves + 0.66 * glow + random.normal(0, 0.07, count)
        colours = _interpolate(DUSK, tone) + random.normal(0, 9, (count, 3))
        lines = np.stack(paths, 1)[..., ::-1] * SIDE * SUPERSAMPLING  # (count, points, x and y)
        along = lines[:, -1] - lines[:, 0]
        aside = along[:, ::-1] * (-1, 1) / np.maximum(np.linalg.norm(along, axis=1), 1)[:, None]
        for line, across, colour in zip(lines, aside, colours, strict=True):
            for offset, light in ((-1, -22), (0, 0), (1, 16)):  # wet paint is lit from one side
                shade = tuple(np.clip(colour + light, 0, 255).astype(int).tolist())
                points = line + offset * bristle * across
                draw.line(points.ravel().tolist(), fill=shade, width=bristle + 1)
    return _to_tensor(image)


def stained_glass() -> Tensor:
    """A Voronoi diagram: panes of coloured glass, brightest at their centres, in lead."""
    random = np.random.default_rng(5)
    rows = 13
    grid = np.stack(np.meshgrid(np.arange(-1, rows + 1), np.arange(-1, rows + 1)), -1).reshape(
        -1, 2
    )
    seeds = (grid + 0.5 + random.uniform(-0.42, 0.42, grid.shape)) / rows
    hues = np.array(GLASS, float)[random.integers(0, len(GLASS), len(seeds))]
    hues = hues * random.uniform(0.75, 1.15, (len(seeds), 1))
    y, x = _pixel_centres()
    nearest = np.full((2, SIDE, SIDE), np.inf, np.float32)
    pane = np.zeros((SIDE, SIDE), int)
    for number, (row, column) in enumerate(seeds.astype(np.float32)):
        window = _window(row, 2.2 / rows), _window(column, 2.2 / rows)  # farther, others are nearer
        distance = np.hypot(y[window[0]] - row, x[:, window[1]] - column)
        first, second = nearest[0][window], nearest[1][window]
        closer = distance < first
        nearest[1][window] = np.where(closer, first, np.minimum(second, distance))
        nearest[0][window] = np.where(closer, distance, first)
        pane[window] = np.where(closer, number, pane[window])
    edge = (nearest[1] - nearest[0]) * rows
    glow = 1.2 - 0.75 * (nearest[0] * rows) ** 1.5
    streaks = 0.07 * np.sin(60 * (x + 0.3 * y) + 5 * np.sin(9 * y + pane))
    glass = hues[pane] * (glow + streaks)[..., None]
    lead = np.clip((edge - 0.13) / 0.05, 0, 1)[..., None]
    shine = 42 * np.exp(-(((edge - 0.05) / 0.03) ** 2))[..., None]
    return _to_tensor(glass * lead + (1 - lead) * (24 + shine))


def woodcut() -> Tensor:
    """A woodcut of hills and a sun: lines along the slopes, wider where the tone is lighter."""
    y, x = _pixel_centres()
    tone = np.zeros((SIDE, SIDE)) + 0.30 + 0.45 * y
    sun = np.hypot(x - 0.68, y - 0.27)
    phase = 2 * np.pi * 46 * (y + 0.03 * np.sin(7 * x + 2) + 0.012 * np.sin(17 * x))
    rays = 2 * np.pi * 40 * sun
    near = sun < 0.30
    phase, tone = np.where(near, rays, phase), np.where(near, 1.03 - 1.5 * sun, tone)
    outline = np.ones((SIDE, SIDE))
    for height, wave, turn, shade in (
        (0.50, 5.0, 0.9, 0.62),
        (0.62, 4.0, -0.7, 0.42),
        (0.76, 6.5, 0.5, 0.55),
        (0.90, 3.0, -1.1, 0.30),
    ):
        ridge = height + 0.05 * np.sin(wave * x * 2 + 9 * height) + 0.02 * np.sin(23 * x + wave)
        below = y - ridge
        cut = 2 * np.pi * 42 * (x * np.cos(turn) + y * np.sin(turn) + 0.05 * np.sin(9 * x + 6 * y))
        light = shade + 0.3 * np.sin(14 * x + 8 * height) * np.exp(-6 * np.abs(below))
        hill = below > 0
        phase, tone = np.where(hill, cut, phase), np.where(hill, light - 0.8 * below, tone)
        outline = np.where(hill, np.abs(below), np.minimum(outline, np.abs(below)))
    cut_out = 1 / (1 + np.exp(-9 * (np.cos(phase) - np.cos(np.pi * np.clip(tone, 0, 1)))))
    cut_out = cut_out * np.clip(outline / 0.003 - 1, 0, 1)
    cut_out = cut_out[..., None]
    return _to_tensor(np.array(INK) + (np.array(PAPER) - np.array(INK)) * cut_out)


def _vector_field(
    points: np.ndarray, centres: np.ndarray, sizes: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """Unit vectors (N, 2) at points (N, 2): around vortices, and elsewhere across the picture."""
    away = points[:, None] - centres
    strength = turns * np.exp(-_squared_distances(points, centres) / (2 * sizes) ** 2) / sizes
    around = (away[..., ::-1] * (-1, 1) * strength[..., None]).sum(1)
    y, x = points.T
    across = np.stack((0.35 * np.sin(8 * x + 4 * y), np.ones_like(x)), 1)
    direction = 2.2 * around + across
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(direction / np.maximum(length, 1e-6))


def _squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances (N, M) of points (N, 2) and (M, 2)."""
    return np.asarray(((points[:, None] - centres) ** 2).sum(-1))


def _interpolate(palette: tuple[tuple[int, int, int], ...], positions: np.ndarray) -> np.ndarray:
    """Colours (N, 3) at positions (N,), 0 … 1, along a palette, by linear interpolation."""
    stops = np.linspace(0, 1, len(palette))
    return np.stack(
        [np.interp(positions, stops, levels) for levels in zip(*palette, strict=True)], 1
    )


def _pixel_centres() -> tuple[np.ndarray, np.ndarray]:
    """y (SIDE, 1) and x (1, SIDE) of pixel centres, 0 … 1."""
    centres = ((np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)
    return centres[:, None], centres[None]


def _window(centre: float, radius: float) -> slice:
    return slice(max(0, int((centre - radius) * SIDE)), max(0, int((centre + radius) * SIDE) + 1))


def _to_tensor(picture: np.ndarray | Image.Image) -> Tensor:
    """(H, W, 3) values, or an image to be downsampled, as (3, SIDE, SIDE) uint8."""
    if isinstance(picture, Image.Image):
        picture = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
