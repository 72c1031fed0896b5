"""`rockfall sample RUN`: new examples from a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rockfall.commands import completion
from rockfall.commands.new_file import check_new_file, new_file
from rockfall.commands.options import SEED, as_json
from rockfall.display.plain import print_json, say


@click.command("sample")
@click.argument("run", shell_complete=completion.runs)
@click.option("-n", "count", type=click.IntRange(1, 4096), default=64, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True, help="which examples")
@new_file("--out", ".png", help="the picture to write; default: RUN-samples.png")
@as_json
def command(run: str, count: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Let RUN's model make new examples, and write them as one picture."""
    from rockfall import pictures
    from rockfall.display.runs import open_capable
    from rockfall.display.sheets import in_rows, require_pictures, sheet
    from rockfall.evaluation import looking
    from rockfall.run.randomness import forked

    opened = open_capable(run, "samples")
    model: Any = opened.model
    info = opened.record.info
    require_pictures(f"the examples of {opened.name}", info["shape"], info["dtype"])
    out = out or check_new_file(Path(f"{opened.name}-samples.png"), ".png")
    with forked(seed), looking(model):
        made = model.sample(count)
    pictures.save(out, sheet(in_rows(made)))
    if as_json:
        print_json({"run": opened.name, "count": count, "seed": seed, "picture": str(out)})
    else:
        name = opened.directory.address
        say(f"{count} examples by {opened.name}, seed {seed}", f"wrote {out}")
        say(f"next: rockfall sample {name} --seed {seed + 1}  ·  rockfall show {name}")
