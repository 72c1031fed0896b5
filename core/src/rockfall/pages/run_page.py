"""A run as `rockfall show` tells of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from rockfall.errors import RockfallError
from rockfall.kit import pictures
from rockfall.kit.console import console
from rockfall.kit.drawing.blocks import sparkline
from rockfall.kit.progress import duration
from rockfall.model_pictures import CURVES, pictures_in, with_pictures
from rockfall.pages.runs import logged, source_name, unusual_settings
from rockfall.run.directory import RunDirectory
from rockfall.summary import effort, measurement_lines, uses

LISTED = 6
"""Pictures of single steps that are named; of more, the number is said."""


class RunPage:
    """What a run was, what came out of it, and what it left."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.record = directory.record()
        self.result = directory.result() or {}
        self.status = directory.status

    @cached_property
    def metrics(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        return logged(self.directory)

    def data(self) -> dict[str, Any]:
        return {
            "run": self.directory.name,
            "path": str(self.directory.path),
            "model": self.record.model_name,
            "source": self.record.source,
            "source_options": self.record.source_options,
            "preset": self.record.preset,
            "config": self.record.config,
            "unusual": unusual_settings(self.record),
            "seed": self.record.seed,
            "device": self.record.device,
            "status": self.status,
            "figures": self.result.get("figures", {}),
            "parameters": self.result.get("parameters"),
            "steps": self.result.get("steps"),
            "examples": self.result.get("examples"),
            "seconds": self.result.get("seconds"),
            "metrics": {name: column[-1][1] for name, column in self.metrics.items()},
            "pictures": [p.name for kind in pictures_in(self.directory.pictures) for p in kind],
        }

    def lines(self) -> list[str]:
        record = self.record
        lasted = ""
        if self.result:
            spent = duration(self.result["seconds"])
            steps = f"{self.result['steps']:,} steps in {spent}"
            lasted = ", " + " · ".join((steps, *effort(self.result)))
        unusual = [f"{name}={value}" for name, value in unusual_settings(record).items()]
        preset = f" (preset {record.preset})" if record.preset else ""
        return [
            f"{self.directory.name}: {record.model_name} on {source_name(record)}, "
            f"seed {record.seed}, {record.device}: {self.status}{lasted}",
            f"settings: {' '.join(unusual) or 'the defaults'}{preset}",
            *measurement_lines(self.result.get("figures", {})),
            *self._sparklines(),
        ]

    def picture_lines(self) -> list[str]:
        """Where its pictures are: what there is to see in the model, and how it came to that."""
        seen, made = ([p.name for p in kind] for kind in pictures_in(self.directory.pictures))
        more = len(made) - LISTED
        rest = f" and {more} more" if more > 0 else ""
        lines = [f"pictures in {self.directory.pictures}:"] if seen or made else []
        if seen:
            lines.append(f"  of the model: {', '.join(seen)}")
        if made:
            lines.append(f"  while it learned: {', '.join(made[:LISTED])}{rest}")
        return lines

    def draw_model(self) -> list[str]:
        """Draw what there is to see in the model anew; in a line why not, if it can't be."""
        if not self.directory.has_checkpoint("last"):
            return []
        from rockfall.training import draw, open_run

        try:
            if with_pictures(self.record.model):
                draw(open_run(self.directory.path))
        except RockfallError as error:
            return [f"no new pictures of the model: {error}"]
        return []

    def draw(self, out: Path | None) -> Path | None:
        """Write the learning curves, one panel a metric; None if nothing was logged."""
        from rockfall.kit.drawing import Curve, Panel, curves

        panels = [
            Panel(name, "step", [Curve(name, [(line["step"], value) for line, value in column])])
            for name, column in self.metrics.items()
        ]
        return (
            pictures.save(out or self.directory.pictures / f"{CURVES}.png", curves(panels))
            if panels
            else None
        )

    @property
    def next(self) -> str:
        name = self.directory.address
        if self.status != "finished":
            return f"rockfall resume {name}"
        following = uses(self.record.model, self.record.info["kinds"], name)
        return "  ·  ".join((f"rockfall evaluate {name}", *following))

    def _sparklines(self) -> list[str]:
        if not self.metrics:
            return []
        width = max(map(len, self.metrics))
        lines = []
        for name, column in self.metrics.items():
            values = [value for _, value in column]
            ends = f"{values[0]:.3g} → {values[-1]:.3g}"
            room = min(40, console().width - width - 22)
            spark = sparkline(values, room) if room >= 4 else ""
            lines.append(f"{name:{width}}  {ends:18}  {spark}".rstrip())
        return lines
