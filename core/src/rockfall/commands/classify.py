"""`rockfall classify RUN PICTURE…`: what a trained classifier sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rockfall.commands import completion
from rockfall.commands.options import as_json
from rockfall.display.plain import print_json, say


@click.command("classify")
@click.argument("run", shell_complete=completion.runs)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="PICTURE…",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="classes to name")
@as_json
def command(run: str, files: tuple[Path, ...], top: int, as_json: bool) -> None:
    """Say what RUN's model sees in each PICTURE.

    A picture of any size and colour is made to fit; if it is dark on light and the model learned
    light on dark, or the other way round, the model sees its negative; and a drawing is cropped if
    it learned from drawings.
    """
    from rockfall.display.runs import open_capable

    opened = open_capable(run, "classifies")
    seen = [_seen(opened, file, top) for file in files]
    if as_json:
        print_json({"run": opened.name, "pictures": seen})
        return
    for picture in seen:
        _print(picture)
    say(f"next: rockfall show {opened.directory.address}")


def _seen(run: Any, file: Path, top: int) -> dict[str, Any]:
    import torch

    from rockfall import pictures
    from rockfall.display.picture_input import fit
    from rockfall.display.sheets import require_pictures
    from rockfall.evaluation import looking
    from rockfall.sources import SourceInfo

    info = SourceInfo.from_json(run.record.info)
    require_pictures(f"what {run.name} learned from", info.shape, info.dtype)
    fitted = fit(pictures.load(file), info)
    with looking(run.model):
        probabilities = run.model.classify(fitted.pixels[None].to(run.device))[0]
    best = torch.topk(probabilities, min(top, len(probabilities)))
    return {
        "picture": str(file),
        "inverted": fitted.inverted,
        "cropped": fitted.cropped,
        "predictions": [
            {"class": info.classes[label], "probability": probability}
            for probability, label in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ],
    }


def _print(picture: dict[str, Any]) -> None:
    from rockfall.display.blocks import bar
    from rockfall.display.tables import console

    changes = {"cropped": "cropped to what is drawn", "inverted": "as a negative"}
    done = " and ".join(words for change, words in changes.items() if picture[change])
    say(
        f"{picture['picture']}  ({done}, nearer to what it learned from)"
        if done
        else picture["picture"]
    )
    predictions = picture["predictions"]
    names = max(len(each["class"]) for each in predictions)
    room = max(4, min(30, console().width - names - 14))
    for each in predictions:
        share = each["probability"]
        say(f"  {each['class']:{names}}  {bar(share, room)}  {100 * share:5.1f} %")
