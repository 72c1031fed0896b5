"""Pictures of one name that a run left while it learned, as a film."""

from __future__ import annotations

from pathlib import Path

from rockfall.errors import UsageError
from rockfall.kit import pictures
from rockfall.kit.drawing.steps import save_sheets
from rockfall.run.directory import RunDirectory


def save_training_film(gif: Path, directory: RunDirectory, name: str) -> list[int]:
    """Write the run's `NAME-STEP.png`, and last its `NAME.png`, as a GIF; returns their steps.

    Raises UsageError if there are fewer than two.
    """
    found = _left(directory, name)
    if len(found) < 2:
        raise UsageError(
            f"{directory.name} left {'one picture' if found else 'no pictures'} of its {name} "
            "while it learned, and a film takes two; not every model leaves some"
        )
    save_sheets(gif, found)
    return [step for step, _ in found]


def _left(directory: RunDirectory, name: str) -> list[tuple[int, Path]]:
    """Those of the steps, of one size, that of the last; and, if it has finished, of the end."""
    steps = {
        int(step): file
        for file in directory.pictures.glob(f"{name}-*.png")
        if (step := file.stem.removeprefix(f"{name}-")).isdecimal()
    }
    sizes = {step: pictures.sides(file) for step, file in sorted(steps.items())}
    left = {step: steps[step] for step, size in sizes.items() if size == sizes[max(sizes)]}
    final = directory.pictures / f"{name}.png"
    if left and final.exists() and (result := directory.result()):
        left[result["steps"]] = final
    return list(left.items())
