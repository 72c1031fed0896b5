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
    help="how features become places; auto: as they are if two, else pca",
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
    """Draw a map of test examples by the features that RUN's model makes of them.

    Says too how well the features tell classes apart: the accuracy of a linear probe, and the
    purity of k-means clusters, as many as classes; both beside those of the inputs as they are.
    """
    from rockfall import Dataset, eval_mode, fork_rng, open_source
    from rockfall.kit import pictures
    from rockfall.kit.drawing import are_pictures
    from rockfall.verbs import measurement_lines, open_capable
    from rockfall_capabilities.encodes import capability as encodes
    from rockfall_capabilities.encodes.page import latent_page
    from rockfall_capabilities.encodes.projection import places, way

    opened = open_capable(run, "encodes")
    model: Any = opened.model
    record = opened.record
    source = open_source(record.source, record.source_options)
    if not isinstance(source, Dataset):
        raise UsageError(f"{record.source} is no dataset, so there are no examples to map")
    out = out or check_new_file(Path(f"{opened.name}-latent.png"), ".png")
    source = source.to(opened.device)
    data = encodes.told_apart(source)
    part, info = data.test.evenly_spaced(count), data.info
    with fork_rng(seed=0), eval_mode(model):
        features = encodes.features(model, source, part.inputs)
        if features.shape[1] < 2 or len(features) < 3:
            what = "one feature" if features.shape[1] < 2 else f"{len(features)} test examples"
            raise UsageError(f"{opened.name} has {what}, so there is no map")
        how = way(features, by)
        if how == "tsne":
            click.echo(f"t-SNE of {len(features):,} examples, which takes a while …", err=True)
        found = places(features, how)
        figures = {**_probe(opened, source), **_purity(features, part, encodes.raw(data))}
    title = f"{len(features):,} test examples of {record.source}, by {features.shape[1]:,} features"
    shown = part.inputs if are_pictures(info.shape, info.dtype) else None
    pictures.save(out, latent_page(title, how, found, part.labels, info.classes, shown))
    if as_json:
        size = {"count": len(features), "features": features.shape[1]}
        print_json({"run": opened.name, **size, "by": how, "figures": figures, "picture": str(out)})
    else:
        name = opened.directory.address
        say(f"{title} of {opened.name}", *measurement_lines(figures), f"wrote {out}")
        more = "" if how == "tsne" else f"rockfall latent {name} --by tsne  ·  "
        say(f"next: {more}rockfall show {name}")


def _probe(run: Run, source: Dataset) -> Measurements:
    """The probe accuracy that the run was finished with, or else measured now; none without
    classes.
    """
    from rockfall_capabilities.encodes import capability as encodes

    model: Any = run.model
    figures = (run.result or {}).get("figures") or encodes.evaluate(model, source)
    return {name: figure for name, figure in figures.items() if name == "probe accuracy"}


def _purity(features: Tensor, part: Batch, raw: str) -> Measurements:
    """Of clusters of the features and of the inputs; none without two classes."""
    from rockfall import measurement
    from rockfall_capabilities.encodes.projection import purity

    classes = len(part.labels.unique())
    if classes < 2:
        return {}
    found, baseline = (purity(each, part.labels, classes) for each in (features, part.inputs))
    return {"k-means purity": measurement(found, {raw: baseline})}
