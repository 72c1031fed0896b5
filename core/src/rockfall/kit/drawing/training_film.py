"""The pictures that were left step by step, `NAME-STEP.png`, as a film."""

from __future__ import annotations

from pathlib import Path

from rockfall.errors import UsageError
from rockfall.kit import pictures
from rockfall.kit.drawing.steps import save_sheets
from rockfall.kit.regular import is_regular


def save_training_film(gif: Path, folder: Path, name: str, last: int | None = None) -> list[int]:
    """Write a folder's `NAME-STEP.png` as a GIF, and after them `NAME.png`, which is of step `last`
    if that is known; returns the steps. Raises UsageError if there are fewer than two.
    """
    found = _by_step(folder, name)
    if found and last is not None and is_regular(final := folder / f"{name}.png"):
        found[last] = final
    if len(found) < 2:
        left = "one picture" if found else "no pictures"
        raise UsageError(f"{folder} has {left} of {name} step by step, and a film takes two")
    save_sheets(gif, list(found.items()))
    return list(found)


def _by_step(folder: Path, name: str) -> dict[int, Path]:
    """Those of the steps that are of the last one's size."""
    steps = {
        int(step): file
        for file in folder.glob(f"{name}-*.png")
        if (step := file.stem.removeprefix(f"{name}-")).isdecimal() and is_regular(file)
    }
    sizes = {step: pictures.sides(file) for step, file in sorted(steps.items())}
    return {step: steps[step] for step, size in sizes.items() if size == sizes[max(sizes)]}
