"""`rockfall stylize PICTURE --style X`: neural style transfer, by `gatys` or a trained network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import click
from click.core import ParameterSource

from rockfall import RockfallError, UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.verbs import (
    SIDE,
    as_json,
    complete,
    gif_option,
    gif_path,
    key_values,
    new_file,
    trains,
)
from rockfall_style.choice import FAST_STYLE, GATYS, METHODS, Style, names, resolve_styles
from rockfall_style.embedded import EMBEDDED
from rockfall_style.stylists import ByNetworks, ByOptimisation, Stylist
from rockfall_style.subjects import destinations, find_subjects, split_words

TRAINING_OPTIONS = ("preset", "seed", "deterministic", "name", "checkpoint_every")


def _complete_styles(_: click.Context, __: click.Parameter, prefix: str) -> list[str]:
    return [name for name in names() if name.startswith(prefix)]


@click.command("stylize")
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="PICTURE … [key=value …]",
    shell_complete=complete("pictures"),
)
@click.option(
    "--style",
    required=True,
    shell_complete=_complete_styles,
    help="a picture, a style by name (starry-night), a folder or file of one, or a run; several: "
    "great-wave,starry-night",
)
@click.option("--method", type=click.Choice(METHODS), help="default: by the kind of style")
@click.option("--size", type=SIDE, help="pixels along the longer side, at most")
@click.option("--passes", type=click.IntRange(1, 100), help="how often a trained style is applied")
@new_file(
    "--out",
    None,
    pipe=True,
    help="the PNG, JPEG, WebP or TIFF to write, the film of a film, a folder for several, or - "
    "for standard output; default: PICTURE-STYLE.png",
)
@gif_option("with gatys, write an animation of the optimisation; default: PICTURE-STYLE.gif")
@trains
@as_json
@click.pass_context
def command(
    context: click.Context,
    words: tuple[str, ...],
    style: str,
    method: str | None,
    size: int | None,
    passes: int | None,
    out: Path | IO[bytes] | None,
    gif: str | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Apply a style to PICTURE: a file, a name of `rockfall list pictures`, a folder, a film, or
    several of these.

    If the style is a picture too, PICTURE is optimised as by `rockfall train gatys`, whose settings
    key=value sets, and the run is kept. A trained style, published or of `rockfall train
    fast-style`, is applied in one pass; of several with commas between, each is applied to the
    output of the one before.

    An animated GIF, WebP or PNG, or a video, is stylized frame by frame, and what does not move
    stays as it was painted. No run of gatys is kept then.
    """
    named, pairs = split_words(words)
    settings, options = key_values(pairs)
    for name in options:
        raise UsageError(f"source.{name}: say how large the picture is to be with --size")
    given = find_subjects(named)
    chosen, styles = resolve_styles(style, method)
    _refuse_options_of_other_method(context, chosen, settings)
    if gif is not None and (given.several or given.subjects[0].film):
        raise UsageError("--gif is for one picture: leave it out")
    for option in ("name", "preset") if given.several or given.subjects[0].film else ():
        if how[option]:
            raise UsageError(f"--{option} is for one picture: leave it out")
    label = "-".join(each.name for each in styles)
    animation = gif_path(gif, f"{given.subjects[0].stem}-{label}")
    places = destinations(given, label, out)
    if given.left_out:
        say(f"left out, as no pictures: {', '.join(given.left_out)}", err=True)
    stylist: Stylist
    if chosen == GATYS:
        stylist = ByOptimisation(styles, settings, how, quiet=as_json)
    else:
        stylist = ByNetworks(styles, passes or 1, how)
    answers, failed = [], []
    for subject, to in zip(given.subjects, places, strict=True):
        began = time.monotonic()
        try:
            if subject.film and isinstance(to, Path):
                made = stylist.film(subject, size, to)
            else:
                made = stylist.picture(subject, size, to, animation)
        except RockfallError as error:
            if error.exit_code == 130 or not given.several:
                raise
            failed.append(f"{subject.text} ({error})")
            continue
        answers.append(
            {
                "picture": str(to),
                "method": chosen,
                "styles": [each.name for each in styles],
                "height": made.height,
                "width": made.width,
                "seconds": round(time.monotonic() - began, 3),
                "run": made.run,
                "gif": str(animation) if animation else None,
                **made.more,
            }
        )
        if not as_json and isinstance(to, Path):
            order = " then " if chosen == FAST_STYLE else " and "
            said = [f"{made.width} × {made.height}", order.join(each.name for each in styles)]
            say(wrote(to, ", ".join([*said, *made.said])))
    if as_json:
        print_json(answers if given.several else answers[0])
    elif animation:
        say(wrote(animation))
    if failed:
        raise RockfallError(
            f"{len(failed)} of {len(given.subjects)} could not be stylized: {'; '.join(failed)}"
        )
    if not as_json and (following := _next(named[0], chosen, styles)):
        say(f"next: {following}")


def _refuse_options_of_other_method(
    context: click.Context, method: str, settings: dict[str, str]
) -> None:
    """Raise UsageError for options and settings that the method does not have."""

    def refuse(options: Sequence[str], why: str) -> None:
        for name in options:
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise UsageError(f"{why}, so leave --{name.replace('_', '-')} out")

    if method == GATYS:
        refuse(["passes"], "gatys optimises the picture, and applies no trained style in passes")
        return
    for name in settings:
        raise UsageError(f"{name}: a trained style has no settings; `rockfall train {FAST_STYLE}`")
    refuse(["gif", *TRAINING_OPTIONS], "a trained style is applied without training")


def _next(picture: str, method: str, styles: Sequence[Style]) -> str:
    """A command to try next, with a style that comes with Rockfall; empty if the names can't be
    written with commas between, or there are no more.
    """
    import shlex

    more = [name for name in EMBEDDED if name not in [style.name for style in styles]]
    words = [*(style.location for style in styles if method != GATYS), *more[:1]]
    if not more or any("," in word for word in words):
        return ""
    return f"rockfall stylize {shlex.quote(picture)} --style {shlex.quote(','.join(words))}"
