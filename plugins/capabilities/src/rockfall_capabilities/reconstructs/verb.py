"""`rockfall reconstruct RUN`: test examples beside their reconstructions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say
from rockfall.verbs import SEED, as_json, check_new_file, complete, new_file


@click.command("reconstruct")
@click.argument("run", shell_complete=complete("runs"))
@click.option("-n", "count", type=click.IntRange(1, 1024), default=36, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True, help="which examples")
@new_file("--out", ".png", help="the picture to write; default: RUN-reconstructions.png")
@as_json
def command(run: str, count: int, seed: int, out: Path | None, as_json: bool) -> None:
    """Show test examples, and below each its reconstruction by RUN's model."""
    import torch

    from rockfall import Dataset, eval_mode, fork_rng
    from rockfall.kit import pictures
    from rockfall.kit.drawing import in_pairs, require_pictures, sheet
    from rockfall.verbs import open_capable
    from rockfall_capabilities.mean_example import mean_example
    from rockfall_capabilities.reconstructs.evaluation import squared_errors

    opened = open_capable(run, "reconstructs")
    model: Any = opened.model
    record = opened.record
    require_pictures(f"the examples of {opened.name}", record.info["shape"], record.info["dtype"])
    out = out or check_new_file(Path(f"{opened.name}-reconstructions.png"), ".png")
    source = record.open_source()
    if not isinstance(source, Dataset):
        raise UsageError(f"{record.source} is no dataset, so it has no test examples")
    say(*source.warnings, err=True)
    order = torch.randperm(len(source.test), generator=torch.Generator().manual_seed(seed))
    inputs = source.test.inputs[order[:count]]
    with fork_rng(seed), eval_mode(model):
        reconstructions = model.reconstruct(inputs.to(opened.device)).cpu()
    pictures.save(out, sheet(in_pairs(inputs, reconstructions)))
    error, baseline = (
        squared_errors(inputs, each).mean().item()
        for each in (reconstructions, mean_example(source.train))
    )
    if as_json:
        figures = {"squared_error": error, "mean_picture": baseline}
        print_json({"run": opened.name, "count": len(inputs), **figures, "picture": str(out)})
    else:
        say(
            f"{len(inputs)} test examples of {record.source}, reconstructed by {opened.name}: "
            f"mean squared error {error:.4g} (the mean picture {baseline:.4g})",
            f"wrote {out}",
            f"next: rockfall show {opened.directory.address}",
        )
