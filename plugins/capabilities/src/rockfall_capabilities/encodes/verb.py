"""`rockfall latent RUN`: a map of the test set by a model's features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say
from rockfall.verbs import as_json, check_new_file, complete, new_file

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall import Batch, Dataset, Measurements, Run


@click.command("latent")
@click.argument("run", shell_complete=complete("runs"))
@click.option(
    "--by",
    type=click.Choice(["auto", "pca", "tsne"]),
    default="auto",
    show_default=True,
    help="how features are projected into the plane; auto: as they are if two, else pca",
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(3, 20_000),
    default=2000,
    show_default=True,
    help="test examples on the map",
)
@new_file("--out", ".png", help="the picture to write; default: RUN-latent.png")
@as_json
def command(run: str, by: str, count: int, out: Path | None, as_json: bool) -> None:
    """Draw a map of test examples by the features that RUN's model encodes them as.

    Also measures how well the features tell classes apart: the accuracy of a linear probe, and the
    purity of k-means clusters, as many as classes; both beside those of the inputs as they are.
    """
    from rockfall import Dataset, eval_mode, fork_rng
    from rockfall.kit import pictures
    from rockfall.kit.drawing import are_pictures
    from rockfall.verbs import measurement_lines, open_capable
    from rockfall_capabilities.encodes.features import baseline_name, features, labelled_examples
    from rockfall_capabilities.encodes.latent_map import latent_map
    from rockfall_capabilities.encodes.projection import choose_projection, project

    opened = open_capable(run, "encodes")
    model: Any = opened.model
    record = opened.record
    source = record.open_source()
    if not isinstance(source, Dataset):
        raise UsageError(f"{record.source} is no dataset, so there are no examples to map")
    say(*source.warnings, err=True)
    out = out or check_new_file(Path(f"{opened.name}-latent.png"), ".png")
    source = source.to(opened.device)
    data = labelled_examples(source)
    part, info = data.test.evenly_spaced(count), data.info
    with fork_rng(seed=0), eval_mode(model):
        encoded = features(model, source, part.inputs)
        if encoded.shape[1] < 2 or len(encoded) < 3:
            what = "one feature" if encoded.shape[1] < 2 else f"{len(encoded)} test examples"
            raise UsageError(f"{opened.name} has {what}, so there is no map")
        projection = choose_projection(encoded, by)
        if projection == "tsne":
            click.echo(f"t-SNE of {len(encoded):,} examples, which takes a while …", err=True)
        points = project(encoded, projection)
        figures = {**_probe(opened, source), **_purity(encoded, part, baseline_name(data))}
    title = f"{len(encoded):,} test examples of {record.source}, by {encoded.shape[1]:,} features"
    shown = part.inputs if are_pictures(info.shape, info.dtype) else None
    pictures.save(out, latent_map(title, projection, points, part.labels, info.classes, shown))
    if as_json:
        size = {"count": len(encoded), "features": encoded.shape[1], "by": projection}
        print_json({"run": opened.name, **size, "figures": figures, "picture": str(out)})
    else:
        name = opened.directory.address
        say(f"{title} of {opened.name}", *measurement_lines(figures), f"wrote {out}")
        more = "" if projection == "tsne" else f"rockfall latent {name} --by tsne  ·  "
        say(f"next: {more}rockfall show {name}")


def _probe(run: Run, source: Dataset) -> Measurements:
    """The probe accuracy of the finished run, or else measured now; none without classes."""
    from rockfall_capabilities.encodes.evaluation import evaluate

    model: Any = run.model
    figures = (run.result or {}).get("figures") or evaluate(model, source)
    return {name: figure for name, figure in figures.items() if name == "probe accuracy"}


def _purity(features: Tensor, part: Batch, baseline: str) -> Measurements:
    """The purity of clusters of the features and of the inputs; none without two classes."""
    from rockfall import measurement
    from rockfall_capabilities.encodes.clustering import purity

    classes = len(part.labels.unique())
    if classes < 2:
        return {}
    mine, theirs = (purity(each, part.labels, classes) for each in (features, part.inputs))
    return {"k-means purity": measurement(mine, {baseline: theirs})}
