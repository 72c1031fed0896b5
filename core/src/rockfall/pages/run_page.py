"""A run as `rockfall show` prints and draws it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rockfall.completing import CLEARED, missing_pictures
from rockfall.errors import RockfallError
from rockfall.kit import pictures
from rockfall.kit.console import console
from rockfall.kit.drawing import curves, learning_curves, sparkline
from rockfall.kit.regular import own_folder
from rockfall.kit.units import duration
from rockfall.model_pictures import CURVES, pictures_in, with_pictures
from rockfall.pages.runs import STEPS, RecordedRun
from rockfall.run.directory import RunDirectory
from rockfall.summary import effort, measurement_lines, uses
from rockfall.training import draw, open_run

LISTED = 6
"""Pictures of single steps that are named; of more, the number is said."""


class RunPage(RecordedRun):
    """What a run was, what came out of it, and what it left."""

    def __init__(self, directory: RunDirectory) -> None:
        super().__init__(directory)
        self.warnings: list[str] = []
        """Why pictures could not be drawn anew."""

    def to_json(self) -> dict[str, Any]:
        return {
            **super().to_json(),
            "path": str(self.directory.path),
            "preset": self.record.preset,
            "unusual": self.changed_settings,
            "device": self.record.device,
            "metrics": {name: each.last for name, each in self.metrics.items()},
            "pictures": [p.name for kind in pictures_in(self.directory.pictures) for p in kind],
        }

    def lines(self) -> list[str]:
        record, lasted = self.record, ""
        if self.result:
            of_the_environment = self.result.get(STEPS)
            steps = (
                f"{of_the_environment:,} environment steps"
                if of_the_environment
                else f"{self.result['steps']:,} steps"
            )
            took = f"{steps} in {duration(self.result['seconds'])}"
            lasted = ", " + " · ".join((took, *effort(self.result)))
        changed = [f"{name}={value}" for name, value in self.changed_settings.items()]
        preset = f" (preset {record.preset})" if record.preset else ""
        tuned = record.measured_on == "validation" and self.figures
        return [
            f"{self.name}: {record.model_name} on {self.source}, "
            f"seed {record.seed}, {record.device}: {self.status}{lasted}",
            f"settings: {' '.join(changed) or 'the defaults'}{preset}",
            *(["measured on validation, not on test:"] if tuned else []),
            *measurement_lines(self.figures),
            *self._sparklines(),
        ]

    def draw(self, out: Path | None) -> Path | None:
        """Draw the pictures of the model anew, and write the learning curves.

        The curves' path, or None if nothing was logged or, unless `out` is given, can't be drawn.
        """
        said = []
        if left := self.directory.tidy_if_idle():
            said.append(CLEARED.format(", ".join(path.name for path in left)))
        missing = missing_pictures(self.directory, self.result or {})
        try:
            if self.directory.has_checkpoint("last") and with_pictures(self.record.model):
                draw(open_run(self.directory.path))
                if missing:
                    said.append(f"drew the pictures that were missing: {', '.join(missing)}")
        except RockfallError as error:
            said.append(f"no new pictures of the model: {error}")
        self.warnings += said
        points = {name: logged.points(self.axis) for name, logged in self.metrics.items()}
        panels = learning_curves(points, self.axis.replace("_", " "))
        if not panels:
            return None
        try:
            file = out or own_folder(self.directory.pictures, make=True) / f"{CURVES}.png"
            return pictures.save(file, curves(panels))
        except RockfallError as error:  # a folder to read alone, which may be shown all the same
            if out:
                raise
            self.warnings.append(f"no curves: {error}")
            return None

    def picture_lines(self) -> list[str]:
        """Where its pictures are: those of the trained model, and those of its steps."""
        final, steps = ([p.name for p in kind] for kind in pictures_in(self.directory.pictures))
        more = len(steps) - LISTED
        rest = f" and {more} more" if more > 0 else ""
        lines = [f"pictures in {self.directory.pictures}:"] if final or steps else []
        if final:
            lines.append(f"  of the model: {', '.join(final)}")
        if steps:
            lines.append(f"  while it learned: {', '.join(steps[:LISTED])}{rest}")
        return lines

    @property
    def next(self) -> str:
        name = self.directory.address
        if self.status != "finished":
            return f"rockfall resume {name}"
        following = uses(self.record.model, self.record.info["kinds"], name)
        return "  ·  ".join((f"rockfall evaluate {name}", *following))

    def _sparklines(self) -> list[str]:
        width = max(map(len, self.metrics), default=0)
        room = min(40, console().width - width - 22)
        lines = []
        for name, logged in self.metrics.items():
            values = logged.values()
            ends = f"{values[0]:.3g} → {values[-1]:.3g}"
            spark = sparkline(values, room) if room >= 4 else ""
            lines.append(f"{name:{width}}  {ends:18}  {spark}".rstrip())
        return lines
