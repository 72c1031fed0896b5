"""`rockfall blend RUN A B`: interpolations between examples, and weighted sums of them."""

from __future__ import annotations

import itertools
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.plugin import has_capability, registry
from rockfall.verbs import SEED, as_json, check_new_file, complete, new_file

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall import Batch, Run

STEPS = 9
FRAMES = 33
"""Frames of a GIF from one term to the next."""


def _weights(_: click.Context, __: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        weights = tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"--weights {text}: give numbers with commas between, as 1,-1,1") from None
    if not all(map(math.isfinite, weights)) or not any(weights):
        raise UsageError(f"--weights {text}: they must be finite, and not all 0")
    return weights


@click.command("blend")
@click.argument("run", shell_complete=complete("runs"))
@click.argument("terms", nargs=-1, required=True, metavar="A B [C …]")
@click.option(
    "--weights",
    metavar="1,-1,1",
    callback=_weights,
    help="one a term, of any sign: show the weighted sum, instead of what lies between",
)
@click.option(
    "--steps",
    type=click.IntRange(2, 64),
    help=f"pictures from one to the next; default: {STEPS}",
)
@click.option(
    "--seed", type=SEED, help="random examples of the classes, instead of the most typical"
)
@new_file("--out", ".png", help="the picture to write; default: RUN-blend.png, or none with --gif")
@new_file("--gif", ".gif", help="write the interpolation, forwards and backwards, as a film")
@as_json
def command(
    run: str,
    terms: tuple[str, ...],
    weights: tuple[float, ...] | None,
    steps: int | None,
    seed: int | None,
    out: Path | None,
    gif: Path | None,
    as_json: bool,
) -> None:
    """Blend A into B, and on into C, by weighted sums of their latents.

    Each is a class of RUN's source, of which a test example is taken, or a picture file, which is
    prepared as those that RUN learned from.

    With --weights, show what the weighted sum of their latents decodes to: 1,-1,1 subtracts B from
    A and adds C.
    """
    from rockfall import eval_mode, fork_rng
    from rockfall.kit import pictures
    from rockfall.kit.drawing import require_pictures
    from rockfall.verbs import open_capable
    from rockfall_capabilities.blends.drawing import Term, arithmetic, save_film, strips
    from rockfall_capabilities.blends.interpolation import interpolate, weighted_sums

    _check_together(terms, weights, steps, gif)
    opened = open_capable(run, "blends")
    model: Any = opened.model
    info = opened.record.info
    require_pictures(f"the examples of {opened.name}", info["shape"], info["dtype"])
    examples = _examples(opened, terms, seed)
    if not (out or gif):
        out = check_new_file(Path(f"{opened.name}-blend.png"), ".png")
    named = [Term(*pair) for pair in zip(map(_short, terms), examples.inputs, strict=True)]
    spherical = model.spherical
    with fork_rng(seed or 0), eval_mode(model):
        latents = model.latents(*examples)

        def legs(count: int) -> list[Tensor]:
            return [
                model.decode(interpolate(*ends, count, spherical=spherical))
                for ends in itertools.pairwise(latents)
            ]

        if weights:
            sums = weighted_sums(latents, latents.new_tensor([weights]), spherical=spherical)
            title = f"{_equation(terms, weights)}, by {opened.name}"
            drawn = arithmetic(title, named, weights, model.decode(sums)[0])
        elif out:
            title = f"{' to '.join(map(_short, terms))}, by {opened.name}"
            drawn = strips(title, named, legs(steps or STEPS))
        if gif:
            save_film(gif, legs(max(FRAMES, steps or 0)))
    if out:
        pictures.save(out, drawn)
    if as_json:
        asked = {"terms": terms, "weights": weights, "seed": seed}
        files = {"picture": str(out) if out else None, "gif": str(gif) if gif else None}
        print_json({"run": opened.name, **asked, **files})
        return
    name = opened.directory.address
    say(f"{_equation(terms, weights) if weights else ' to '.join(terms)}, by {opened.name}")
    if out:
        say(f"wrote {out}")
    if gif:
        say(wrote(gif))
    words = [*terms, "--seed", str((seed or 0) + 1)]
    if weights:
        words += ["--weights", ",".join(f"{weight:g}" for weight in weights)]
    say(f"next: rockfall blend {name} {shlex.join(words)}  ·  rockfall show {name}")


def _check_together(
    terms: tuple[str, ...],
    weights: tuple[float, ...] | None,
    steps: int | None,
    gif: Path | None,
) -> None:
    if weights is None:
        if len(terms) < 2:
            raise UsageError(f"there is nothing to blend {terms[0]} into: name two, as `0 2`")
        return
    if len(weights) != len(terms):
        raise UsageError(
            f"--weights gives {len(weights)} for {len(terms)} terms: one each, as 1,-1,1"
        )
    if gif or steps:
        raise UsageError(
            f"--weights makes one picture, so leave {'--gif' if gif else '--steps'} out"
        )


def _examples(run: Run, terms: tuple[str, ...], seed: int | None) -> Batch:
    """The example and the label of each term, −1 of a picture file, on the run's device."""
    import torch

    from rockfall import Batch, SourceInfo
    from rockfall.kit.classes import find_class, unknown_class
    from rockfall.kit.preparation import prepare_file
    from rockfall_capabilities.blends.representatives import representatives

    record = run.record
    info = SourceInfo.from_json(record.info)
    conditional = has_capability(registry().models.find(record.model).spec, "samples-by-class")
    labels: list[int] = []
    files: dict[int, Tensor] = {}
    for place, term in enumerate(terms):
        label = find_class(info.classes, term)
        if label is None:
            file = Path(term).expanduser()
            if not file.is_file():
                unknown = unknown_class(record.source, info.classes, term)
                raise UsageError(f"{unknown}; nor is there a picture file of that name")
            if conditional:
                raise UsageError(
                    f"{run.name} needs the class of what it blends, so {term} can't be a "
                    "picture file: name classes"
                )
            files[place] = prepare_file(file, info).pixels
        labels.append(-1 if label is None else label)
    wanted = [label for label in labels if label >= 0]
    chosen: list[Tensor] = []
    if wanted:  # picture files alone need no data
        source: Any = record.open_source()
        say(*source.warnings, err=True)
        present = set(source.test.labels.tolist())
        for label in wanted:
            if label not in present:
                raise UsageError(f"{record.source} has no test example of {info.classes[label]}")
        chosen = list(representatives(source.test, wanted, seed).inputs)
    inputs = [files[place] if place in files else chosen.pop(0) for place in range(len(terms))]
    return Batch(torch.stack(inputs).to(run.device), torch.tensor(labels, device=run.device))


def _short(term: str) -> str:
    return Path(term).name


def _equation(terms: tuple[str, ...], weights: tuple[float, ...]) -> str:
    """`3 - 5 + 8`, `-0.5 x 3 + 2 x 8`."""
    parts = []
    for term, weight in zip(map(_short, terms), weights, strict=True):
        size = "" if abs(weight) == 1 else f"{abs(weight):g} x "
        parts.append(f"{'-' if weight < 0 else '+'} {size}{term}")
    text = " ".join(parts)
    return text.removeprefix("+ ") if text[0] == "+" else f"-{text[2:]}"
