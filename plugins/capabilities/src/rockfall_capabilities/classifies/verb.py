"""`rockfall classify RUN PICTURE…`: what a trained classifier predicts of any picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import RockfallError, UsageError
from rockfall.kit.console import print_json, say
from rockfall.plugin import has_capability, registry
from rockfall.verbs import as_json, complete, new_file

if TYPE_CHECKING:
    from rockfall import Run
    from rockfall.kit.preparation import Prepared


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
    """Predict the class of each PICTURE with RUN's model.

    A picture of any size and colour is prepared as those were that the model learned from: it is
    kept whole, unless these were drawings (MNIST, or source.fit=ink of a folder), for which it is
    cropped to what is drawn, and inverted if it is dark on light. What was done is said.

    --explain writes one picture of how the model comes to its prediction: its input, the saliency
    map, the feature maps of every layer, and the predictions.
    """
    from rockfall.verbs import open_capable

    _check_explained(files, explain)
    opened = open_capable(run, "classifies")
    predicted = [_predict(opened, file, top) for file in files]
    if as_json:
        if explain:
            _explain(opened, predicted[0], explain)
        written = {"explained": str(explain)} if explain else {}
        print_json(
            {"run": opened.name, "pictures": [each.to_json() for each in predicted], **written}
        )
        return
    for each in predicted:
        _print(each)
    if explain:
        _explain(opened, predicted[0], explain)
        name = opened.record.model.rpartition(":")[2]
        if not _explains(opened):
            say(f"{name} does not explain, so {explain} has no feature maps")
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
class Prediction:
    """A picture as the model's input, its likeliest label, and the predictions: (class,
    probability), the likeliest first.
    """

    file: Path
    prepared: Prepared
    label: int
    predictions: list[tuple[str, float]]

    def to_json(self) -> dict[str, Any]:
        return {
            "picture": str(self.file),
            "resized": self.prepared.resized,
            "inverted": self.prepared.inverted,
            "cropped": self.prepared.cropped,
            "changes": self.prepared.changes(),
            "predictions": [{"class": c, "probability": p} for c, p in self.predictions],
        }


def _predict(run: Run, file: Path, top: int) -> Prediction:
    import torch

    from rockfall import SourceInfo, eval_mode
    from rockfall.kit.drawing import require_pictures
    from rockfall.kit.preparation import prepare_file

    info = SourceInfo.from_json(run.record.info)
    require_pictures(f"what {run.name} learned from", info.shape, info.dtype)
    prepared = prepare_file(file, info)
    model: Any = run.model
    with eval_mode(model):
        probabilities = model.classify(prepared.pixels[None].to(run.device))[0]
    if not probabilities.isfinite().all():
        raise RockfallError(
            f"{run.name} gives probabilities that are no finite numbers: it diverged, or its "
            "checkpoint is damaged"
        )
    best = torch.topk(probabilities, min(top, len(probabilities)))
    labels = best.indices.tolist()
    names = [info.classes[label] for label in labels]
    return Prediction(
        file, prepared, labels[0], list(zip(names, best.values.tolist(), strict=True))
    )


def _explains(run: Run) -> bool:
    return has_capability(registry().models.find(run.record.model).spec, "explains")


def _explain(run: Run, prediction: Prediction, out: Path) -> None:
    from rockfall import eval_mode
    from rockfall.kit import pictures
    from rockfall.kit.occlusion import occlusion
    from rockfall_capabilities.classifies.explanation import explanation

    model: Any = run.model
    picture = prediction.prepared.pixels.to(run.device)
    ground = run.record.info["statistics"]["mean"]
    with eval_mode(model):
        drops = occlusion(model.classify, picture, prediction.label, ground)
        layers = model.layers(picture[None]) if _explains(run) else {}
    title = f"{prediction.file.name}, as {run.name} sees it"
    note = (
        ", ".join(prediction.prepared.changes()).replace("×", "x") or "unchanged"
    )  # fewer letters there
    one = {name: values[0] for name, values in layers.items()}
    pictures.save(out, explanation(title, note, picture, drops, prediction.predictions, one))


def _print(prediction: Prediction) -> None:
    from rockfall.kit.console import console
    from rockfall.kit.drawing import bar

    say(f"{prediction.file}  ({', '.join(prediction.prepared.changes()) or 'unchanged'})")
    names = max(len(name) for name, _ in prediction.predictions)
    room = max(4, min(30, console().width - names - 14))
    for name, share in prediction.predictions:
        say(f"  {name:{names}}  {bar(share, room)}  {100 * share:5.1f} %")
