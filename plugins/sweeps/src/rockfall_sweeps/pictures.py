"""A sweep in pictures: how it went, what each setting is worth, and what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from PIL import Image

from rockfall.kit.drawing import (
    EDGE,
    FAINT,
    INK,
    SHARPNESS,
    Chart,
    below,
    blank,
    in_grid,
    page,
    shades,
    span,
)
from rockfall_sweeps.samplers import to_unit
from rockfall_sweeps.space import Space
from rockfall_sweeps.table import short

WIDTH, HEIGHT = 460, 280
BEST = (213, 94, 0)
"""Vermillion: the best trial, in every picture."""
MOST_POINTS = 120
"""Of a curve; a longer one is drawn as the means of so many stretches."""
MANY = 10
"""Trials from which on the worst tenth is drawn at the end of the axis."""
MARGIN = 0.06
NAMES = 16
"""Letters of a value below an axis."""

Point = tuple[float, float]


class Tried:
    """A finished trial: its number, settings and value, and the learning curve of its first run."""

    def __init__(
        self, number: int, settings: Mapping[str, Any], value: float, error: float
    ) -> None:
        self.number, self.settings, self.value, self.error = number, settings, value, error


class Drawing:
    """The pictures of one sweep. tried: what has finished, by number; at least one."""

    def __init__(self, space: Space, tried: Sequence[Tried], metric: str, lowest: bool) -> None:
        self.space, self.metric, self.lowest = space, metric, lowest
        self.tried = tried
        sign = -1 if lowest else 1
        self.by_value = sorted(tried, key=lambda each: sign * each.value)
        """The best one last, so that it is drawn over the others."""
        self.best = self.by_value[-1]
        values = [each.value for each in tried]
        # Of many, a few that learned nothing would squeeze all others together.
        cut = 10 if len(values) >= MANY else 0
        low, high = np.percentile(values, [0 if lowest else cut, 100 - cut if lowest else 100])
        self.ys = span([float(low), float(high)], MARGIN)

    def history(self) -> Image.Image:
        """Every trial in its order, and the best so far."""
        sheet, chart = self._chart((-0.5, max(1.0, self.tried[-1].number + 0.5)))
        better = min if self.lowest else max
        so_far = self.tried[0].value
        path: list[Point] = []
        for each in self.tried:
            path.append((each.number, so_far))
            so_far = better(so_far, each.value)
            path.append((each.number, so_far))
        last = self.tried[-1].number
        step = next(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last <= 8 * n)
        places = [(float(number), str(number)) for number in range(0, last + 1, max(1, step))]
        chart.frame(f"{self.metric}: trials, and the best so far", "trial", places=places)
        chart.line([self._place(chart, point) for point in path], (*BEST, 150), 1.5)
        for each in self.by_value:
            x, y = self._place(chart, (each.number, each.value))
            chart.dot((x, y), 3.5, self.colour(each))
        return sheet.reduce(SHARPNESS)

    def importances(self, shares: Mapping[str, float]) -> Image.Image:
        """How much of the differences each setting explains, as bars."""
        sheet, chart = self._chart((0.0, 1.0))
        chart.text(chart.x + 14, chart.y + 10, "importance of each setting", 15, INK, "la")
        ordered = sorted(shares.items(), key=lambda each: -each[1])
        height = min(34.0, (chart.bottom - chart.top) / max(1, len(ordered)))
        left, right = chart.x + 130, chart.right - 40
        for row, (name, share) in enumerate(ordered):
            middle = chart.top + (row + 0.5) * height
            end = left + max(0.004, share) * (right - left)
            up, down = middle - 0.3 * height, middle + 0.3 * height
            chart.polygon([(left, up), (end, up), (end, down), (left, down)], (0, 114, 178))
            chart.text(left - 8, middle, name[:NAMES], 12, INK, "rm")
            chart.text(end + 6, middle, f"{100 * share:.0f} %", 11, FAINT, "lm")
        return sheet.reduce(SHARPNESS)

    def slices(self) -> Image.Image:
        """The metric over each setting alone, whatever the others were; later trials are darker."""
        drawn = [self._slice(name) for name in self.space]
        return in_grid(drawn, min(2, len(drawn)), 0)

    def _slice(self, name: str) -> Image.Image:
        sheet, chart = self._chart((-0.08, 1.08))
        chart.frame(name, "", places=places(self.space[name]))
        last = max(1, self.tried[-1].number)
        for each in self.by_value:
            place = (self.share(name, each), each.value)
            dark = shades(np.array(0.25 + 0.6 * each.number / last))
            colour = BEST if each is self.best else tuple(int(part) for part in dark)
            chart.dot(self._place(chart, place), 4.5 if each is self.best else 3.5, (*colour, 210))
        return sheet.reduce(SHARPNESS)

    def parallel(self) -> Image.Image:
        """A line a trial through all its settings to its value: the better, the darker."""
        names = list(self.space)
        width = max(2 * WIDTH, 110 * (len(names) + 1))
        sheet = blank(width, HEIGHT + 40)
        chart = Chart(sheet, (0, 0, width, HEIGHT + 40), (-0.3, len(names) + 0.3), (-0.05, 1.05))
        chart.text(chart.x + 14, chart.y + 10, "every trial through its settings", 15, INK, "la")
        for each in self.by_value:
            path = [(float(at), self.share(name, each)) for at, name in enumerate(names)]
            path.append((float(len(names)), self._height(each.value)))
            wide = 2.5 if each is self.best else 1.3
            chart.line([chart.place(point) for point in path], self.colour(each), wide)
        marks = [(name, places(self.space[name])) for name in names]
        low, high = self.ys
        of_value = [(share, f"{low + share * (high - low):.3g}") for share in (0.0, 0.5, 1.0)]
        for at, (name, ticks) in enumerate([*marks, (self.metric, of_value)]):
            x, bottom = chart.place((float(at), 0.0))
            _, top = chart.place((float(at), 1.0))
            chart.line([(x, bottom), (x, top)], FAINT, 1)
            chart.text(x, chart.bottom + 12, name[:NAMES], 12, INK, "ma")
            for share, text in ticks:
                _, y = chart.place((0.0, share))
                chart.line([(x - 3, y), (x, y)], FAINT, 1)
                chart.text(x - 6, y, text, 11, FAINT, "rm", halo=(255, 255, 255))
        return sheet.reduce(SHARPNESS)

    def curves(
        self, metric: str, across: str, curves: Mapping[int, Sequence[Point]]
    ) -> Image.Image:
        """The learning curves of all trials by number, pruned ones too, the best in its colour."""
        thinned = {number: stretches(points) for number, points in curves.items() if points}
        points = [point for curve in thinned.values() for point in curve]
        ups = sorted(up for _, up in points)
        cut = len(ups) // 50  # the first steps of a training may be of another size
        low, high = (0, len(ups) - 1 - cut) if self.lowest else (cut, len(ups) - 1)
        width = 2 * WIDTH
        sheet = blank(width, HEIGHT + 40)
        xs = span([0.0, *(x for x, _ in points)])
        ys = span([ups[low], ups[high]], MARGIN)
        chart = Chart(sheet, (0, 0, width, HEIGHT + 40), xs, ys)
        chart.frame(f"{metric} of every trial while it learned", across)
        ranks = {each.number: each for each in self.by_value}
        pruned = [number for number in thinned if number not in ranks]
        for number in [*pruned, *(number for number in ranks if number in thinned)]:
            path = [chart.place((x, min(max(up, ys[0]), ys[1]))) for x, up in thinned[number]]
            known = ranks.get(number)
            colour = self.colour(known) if known else (*EDGE, 255)
            if len(path) == 1:
                chart.dot(path[0], 2.5, colour)
            else:
                chart.line(path, colour, 2.2 if known is self.best else 1.2)
        return sheet.reduce(SHARPNESS)

    # Where things lie, and in which colour ---------------------------------------------------

    def share(self, name: str, trial: Tried) -> float:
        """Where in its range a setting of a trial lies, from 0 to 1."""
        return position(self.space[name], trial.settings[name])

    def colour(self, trial: Tried) -> tuple[int, ...]:
        """The better, the darker."""
        if trial is self.best:
            return BEST
        rank = self.by_value.index(trial) / max(1, len(self.by_value) - 1)
        return (*(int(part) for part in shades(np.array(0.2 + 0.6 * rank))), 220)

    def _chart(self, xs: Point) -> tuple[Image.Image, Chart]:
        sheet = blank(WIDTH, HEIGHT)
        return sheet, Chart(sheet, (0, 0, WIDTH, HEIGHT), xs, self.ys)

    def _place(self, chart: Chart, point: Point) -> Point:
        """One that lies beyond the axis is drawn at its end."""
        low, high = self.ys
        return chart.place((point[0], min(max(point[1], low), high)))

    def _height(self, value: float) -> float:
        low, high = self.ys
        return min(max((value - low) / (high - low), 0.0), 1.0)


def position(distribution: Any, value: Any) -> float:
    """Where a value lies in its range, or among its choices, from 0 to 1."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices.index(value) / max(1, len(distribution.choices) - 1)
    return to_unit(distribution, value)


def places(distribution: Any) -> list[tuple[float, str]]:
    """What is written where along the axis of a setting."""
    if isinstance(distribution, CategoricalDistribution):
        return [(position(distribution, c), str(c)[:NAMES]) for c in distribution.choices]
    low, high = distribution.low, distribution.high
    if not distribution.log:
        values = [low, (low + high) / 2, high]
        return [(to_unit(distribution, value), f"{value:.3g}") for value in values]
    first, last = np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9)
    powers = [10.0**power for power in range(int(first), int(last) + 1)]
    ends = [end for end in (low, high) if all(abs(np.log10(end / p)) > 0.2 for p in powers)]
    return [(to_unit(distribution, value), short(float(value))) for value in [*powers, *ends]]


def stretches(points: Sequence[Point]) -> list[Point]:
    """At most MOST_POINTS means of a curve, in order."""
    count = min(len(points), MOST_POINTS)
    found = []
    for number in range(count):
        part = points[len(points) * number // count : len(points) * (number + 1) // count]
        found.append((part[-1][0], sum(up for _, up in part) / len(part)))
    return found


def whole(title: str, note: str, parts: Sequence[Image.Image]) -> Image.Image:
    """All of them on one page."""
    return page(title, note, below(parts, 6))
