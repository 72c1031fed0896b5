"""`rockfall sample RUN --animate`: the same noise through training."""

from __future__ import annotations

from pathlib import Path

from rockfall.commands.new_file import check_new_file
from rockfall.display.plain import print_json, say
from rockfall.errors import UsageError
from rockfall.run.directory import RunDirectory, find_run


def film_of_training(run: str, gif: Path | None, as_json: bool) -> None:
    """Write the samples that a run left while it learned as a film, by default RUN-training.gif.

    Raises UsageError if its model makes none, or it left fewer than two.
    """
    from rockfall.capabilities.lookup import require
    from rockfall.display.steps import save_sheets

    directory = find_run(run)
    require(directory.record().model, "samples")
    sheets = _sheets(directory)
    if len(sheets) < 2:
        raise UsageError(
            f"{directory.name} left {'one picture' if sheets else 'no pictures'} of samples while "
            "it learned, and a film takes two; not every model leaves some"
        )
    gif = gif or check_new_file(Path(f"{directory.name}-training.gif"), ".gif")
    save_sheets(gif, sheets)
    steps = [step for step, _ in sheets]
    if as_json:
        print_json({"run": directory.name, "steps": steps, "gif": str(gif)})
    else:
        name = directory.address
        say(
            f"what {directory.name} made of the same noise from step {steps[0]:,} to "
            f"{steps[-1]:,}, {len(steps)} pictures",
            f"wrote {gif} ({gif.stat().st_size / 1000:,.0f} kB)",
            f"next: rockfall sample {name}  ·  rockfall show {name}",
        )


def _sheets(directory: RunDirectory) -> list[tuple[int, Path]]:
    """The pictures of samples, each with its step, while it learned and, if it has finished, at the
    end; those as large as the last.
    """
    from rockfall import pictures
    from rockfall.capabilities.samples import SHEETS

    steps = {
        int(step): file
        for file in directory.pictures.glob(f"{SHEETS}-*.png")
        if (step := file.stem.removeprefix(f"{SHEETS}-")).isdecimal()
    }
    final = directory.pictures / f"{SHEETS}.png"
    if steps and final.exists() and (result := directory.result()):
        steps[result["steps"]] = final
    sizes = {step: pictures.sides(file) for step, file in sorted(steps.items())}
    return [(step, steps[step]) for step, size in sizes.items() if size == sizes[max(sizes)]]
