"""`rockfall sample RUN`: new examples from a trained model, and how they come about."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import click

from rockfall.commands import completion
from rockfall.commands.new_file import check_new_file, new_file
from rockfall.commands.options import SEED, as_json
from rockfall.display.plain import print_json, say
from rockfall.errors import UsageError


@click.command("sample")
@click.argument("run", shell_complete=completion.runs)
@click.option("-n", "count", type=click.IntRange(1, 4096), default=64, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True, help="which examples")
@new_file(
    "--out", ".png", help="the picture to write; default: RUN-samples.png, or none with --gif"
)
@new_file("--gif", ".gif", help="write a film of how they come about, step by step")
@as_json
def command(
    run: str, count: int, seed: int, out: Path | None, gif: Path | None, as_json: bool
) -> None:
    """Let RUN's model make new examples, and write them as one picture, or as a film."""
    from rockfall import pictures
    from rockfall.capabilities.samples import in_steps
    from rockfall.display.counted import counted
    from rockfall.display.runs import open_capable
    from rockfall.display.sheets import in_rows, require_pictures, sheet
    from rockfall.display.steps import save_film
    from rockfall.evaluation import looking
    from rockfall.run.randomness import forked

    opened = open_capable(run, "samples")
    model: Any = opened.model
    info = opened.record.info
    require_pictures(f"the examples of {opened.name}", info["shape"], info["dtype"])
    if gif and not in_steps(model):
        raise UsageError(
            f"{opened.name} makes its examples at once, so there is no film of it: leave --gif out"
        )
    if not (out or gif):
        out = check_new_file(Path(f"{opened.name}-samples.png"), ".png")
    with forked(seed), looking(model):
        if in_steps(model):  # which can be counted, where `sample` says nothing until it is done
            steps = counted(model.sample_steps(count), None, "steps made")
            made = save_film(gif, steps) if gif else deque(steps, maxlen=1).pop()
        else:
            made = model.sample(count)
    if out:
        pictures.save(out, sheet(in_rows(made)))
    if as_json:
        files = {"picture": str(out) if out else None, "gif": str(gif) if gif else None}
        print_json({"run": opened.name, "count": count, "seed": seed, **files})
    else:
        name = opened.directory.address
        say(f"{count} example{'s' if count > 1 else ''} by {opened.name}, seed {seed}")
        if out:
            say(f"wrote {out}")
        if gif:
            say(f"wrote {gif} ({gif.stat().st_size / 1000:,.0f} kB)")
        say(f"next: rockfall sample {name} --seed {seed + 1}  ·  rockfall show {name}")
