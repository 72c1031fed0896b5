"""`rockfall classify RUN PICTURE…`: what a trained classifier sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say
from rockfall.plugin import registry
from rockfall.verbs import as_json, complete, new_file

if TYPE_CHECKING:
    from rockfall import Run
    from rockfall_capabilities.classifies.picture_input import Fitted


@click.command("classify")
@click.argument("run", shell_complete=complete("runs"))
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="PICTURE…",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="classes to name")
@new_file("--explain", ".png", help="the picture to write: PICTURE as the model sees it")
@as_json
def command(
    run: str, files: tuple[Path, ...], top: int, explain: Path | None, as_json: bool
) -> None:
    """Say what RUN's model sees in each PICTURE.

    A picture of any size and colour is made to fit; if it is dark on light and the model learned
    light on dark, or the other way round, the model sees its negative; and a drawing is cropped if
    it learned from drawings.

    --explain writes one picture of how it comes to that: what it is given, where it looks, what
    every layer makes of it, and what it says.
    """
    from rockfall.verbs import open_capable

    _check_explained(files, explain)
    opened = open_capable(run, "classifies")
    seen = [_seen(opened, file, top) for file in files]
    told = [picture.told() for picture in seen]
    if as_json:
        if explain:
            _explain(opened, seen[0], explain)
        written = {"explained": str(explain)} if explain else {}
        print_json({"run": opened.name, "pictures": told, **written})
        return
    for picture in seen:
        _print(picture)
    if explain:
        _explain(opened, seen[0], explain)
        name = opened.record.model.rpartition(":")[2]
        if not _explains(opened):
            say(f"{name} does not show its layers, so {explain} is without them")
        say(f"wrote {explain}")
    say(f"next: rockfall show {opened.directory.address}")


def _check_explained(files: tuple[Path, ...], explain: Path | None) -> None:
    if explain and len(files) > 1:
        raise UsageError(
            f"--explain writes one picture about one PICTURE, and here are {len(files)}"
        )
    if explain and explain.exists() and explain.samefile(files[0]):
        raise UsageError(f"--explain {explain} would overwrite the picture that it explains")


@dataclass(frozen=True)
class Seen:
    """A picture as the model is given it, and what the model says: (class, probability), the
    likeliest first.
    """

    file: Path
    fitted: Fitted
    label: int
    predictions: list[tuple[str, float]]

    def told(self) -> dict[str, Any]:
        return {
            "picture": str(self.file),
            "resized": self.fitted.resized,
            "inverted": self.fitted.inverted,
            "cropped": self.fitted.cropped,
            "predictions": [{"class": c, "probability": p} for c, p in self.predictions],
        }


def _seen(run: Run, file: Path, top: int) -> Seen:
    import torch

    from rockfall import SourceInfo, eval_mode
    from rockfall.kit import pictures
    from rockfall.kit.drawing import require_pictures
    from rockfall_capabilities.classifies.picture_input import fit

    info = SourceInfo.from_json(run.record.info)
    require_pictures(f"what {run.name} learned from", info.shape, info.dtype)
    fitted = fit(pictures.load(file), info)
    model: Any = run.model
    with eval_mode(model):
        probabilities = model.classify(fitted.pixels[None].to(run.device))[0]
    best = torch.topk(probabilities, min(top, len(probabilities)))
    labels = best.indices.tolist()
    names = [info.classes[label] for label in labels]
    return Seen(file, fitted, labels[0], list(zip(names, best.values.tolist(), strict=True)))


def _explains(run: Run) -> bool:
    return "explains" in registry().models.find(run.record.model).spec.capabilities


def _explain(run: Run, seen: Seen, out: Path) -> None:
    from rockfall import eval_mode
    from rockfall.kit import pictures
    from rockfall_capabilities.classifies.explanation import explanation
    from rockfall_capabilities.classifies.occlusion import occlusion

    model: Any = run.model
    picture = seen.fitted.pixels.to(run.device)
    ground = run.record.info["statistics"]["mean"]
    with eval_mode(model):
        falls = occlusion(model.classify, picture, seen.label, ground)
        layers = model.layers(picture[None]) if _explains(run) else {}
    title = f"{seen.file.name}, as {run.name} sees it"
    note = ", ".join(seen.fitted.changes()).replace("×", "x") or "as it is"  # fewer letters there
    one = {name: values[0] for name, values in layers.items()}
    pictures.save(out, explanation(title, note, picture, falls, seen.predictions, one))


def _print(seen: Seen) -> None:
    from rockfall.kit.console import console
    from rockfall.kit.drawing import bar

    say(f"{seen.file}  ({', '.join(seen.fitted.changes()) or 'as it is'})")
    names = max(len(name) for name, _ in seen.predictions)
    room = max(4, min(30, console().width - names - 14))
    for name, share in seen.predictions:
        say(f"  {name:{names}}  {bar(share, room)}  {100 * share:5.1f} %")
