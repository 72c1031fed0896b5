"""`rockfall reconstruct RUN [PICTURE…]`: examples, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say
from rockfall.verbs import SEED, as_json, check_new_file, complete, new_file

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall import Run


@click.command("reconstruct")
@click.argument("run", shell_complete=complete("runs"))
@click.argument(
    "files",
    nargs=-1,
    metavar="[PICTURE…]",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1024),
    default=36,
    show_default=True,
    help="test examples",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="which examples")
@new_file("--out", ".png", help="the picture to write; default: RUN-reconstructions.png")
@as_json
def command(
    run: str, files: tuple[Path, ...], count: int, seed: int, out: Path | None, as_json: bool
) -> None:
    """Show test examples, or each PICTURE, and below each its reconstruction by RUN's model.

    A picture of any size and colour is prepared as those that RUN learned from.
    """
    from rockfall import eval_mode, fork_rng
    from rockfall.kit import pictures
    from rockfall.kit.drawing import in_pairs, require_pictures, sheet
    from rockfall.verbs import open_capable
    from rockfall_capabilities.reconstructs.evaluation import squared_errors

    opened = open_capable(run, "reconstructs")
    model: Any = opened.model
    record = opened.record
    require_pictures(f"the examples of {opened.name}", record.info["shape"], record.info["dtype"])
    out = out or check_new_file(Path(f"{opened.name}-reconstructions.png"), ".png")
    if files:
        inputs, mean, what = _of_files(opened, files), None, ", ".join(map(str, files))
    else:
        inputs, mean = _examples(opened, count, seed)
        what = f"{len(inputs)} test examples of {record.source}"
    with fork_rng(seed), eval_mode(model):
        reconstructions = model.reconstruct(inputs.to(opened.device)).cpu()
    pictures.save(out, sheet(in_pairs(inputs, reconstructions)))
    error = squared_errors(inputs, reconstructions).mean().item()
    baseline = None if mean is None else squared_errors(inputs, mean).mean().item()
    if as_json:
        asked = {"pictures": list(map(str, files))} if files else {"count": len(inputs)}
        figures = {"squared_error": error, "mean_picture": baseline}
        print_json({"run": opened.name, **asked, **figures, "picture": str(out)})
    else:
        beside = "" if baseline is None else f" (the mean picture {baseline:.4g})"
        say(
            f"{what}, reconstructed by {opened.name}: mean squared error {error:.4g}{beside}",
            f"wrote {out}",
            f"next: rockfall show {opened.directory.address}",
        )


def _of_files(run: Run, files: tuple[Path, ...]) -> Tensor:
    """Inputs (N, C, H, W) uint8, which need none of the run's data."""
    import torch

    from rockfall import SourceInfo
    from rockfall.kit.preparation import prepare_file

    info = SourceInfo.from_json(run.record.info)
    return torch.stack([prepare_file(file, info).pixels for file in files])


def _examples(run: Run, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Some inputs of the test split, and the mean of the training split."""
    import torch

    from rockfall import Dataset
    from rockfall_capabilities.mean_example import mean_example

    source = run.record.open_source()
    if not isinstance(source, Dataset):
        raise UsageError(f"{run.record.source} is no dataset, so it has no test examples")
    say(*source.warnings, err=True)
    order = torch.randperm(len(source.test), generator=torch.Generator().manual_seed(seed))
    return source.test.inputs[order[:count]], mean_example(source.train)
