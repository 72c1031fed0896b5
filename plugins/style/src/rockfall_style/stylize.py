"""`rockfall stylize PICTURE --style X`: neural style transfer, by `gatys` or a trained network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rockfall import UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.kit.pictures import SUFFIXES
from rockfall.verbs import (
    SIDE,
    as_json,
    check_new_file,
    complete,
    gif_option,
    gif_path,
    key_values,
    new_file,
    promising,
    trains,
)
from rockfall_style.choice import FAST_STYLE, GATYS, METHODS, Style, names, resolve_styles
from rockfall_style.picture_names import require_picture

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rockfall import Picture

TRAINING_OPTIONS = ("preset", "seed", "deterministic", "name", "checkpoint_every")


def _complete_styles(_: click.Context, __: click.Parameter, prefix: str) -> list[str]:
    return [name for name in names() if name.startswith(prefix)]


@click.command("stylize")
@click.argument("picture", shell_complete=complete("pictures"))
@click.argument("words", nargs=-1, metavar="[key=value …]")
@click.option(
    "--style",
    required=True,
    shell_complete=_complete_styles,
    help="a picture, a published style (wave), a folder of one, or a run; several: wave,scream",
)
@click.option("--method", type=click.Choice(METHODS), help="default: by the kind of style")
@click.option("--size", type=SIDE, help="pixels along the longer side, at most")
@click.option("--passes", type=click.IntRange(1, 100), help="how often a trained style is applied")
@new_file("--out", SUFFIXES, help="the picture to write; default: PICTURE-STYLE.png")
@gif_option("with gatys, write an animation of the optimisation; default: PICTURE-STYLE.gif")
@trains
@as_json
@click.pass_context
def command(
    context: click.Context,
    picture: str,
    words: tuple[str, ...],
    style: str,
    method: str | None,
    size: int | None,
    passes: int | None,
    out: Path | None,
    gif: str | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Apply a style to PICTURE, a file or a name of `rockfall list pictures`.

    If the style is a picture too, PICTURE is optimised as by `rockfall train gatys`, whose settings
    key=value sets, and the run is kept. A trained style, published or of `rockfall train
    fast-style`, is applied in one pass; of several with commas between, each is applied to the
    output of the one before.
    """
    settings, options = key_values(words)
    for name in options:
        raise UsageError(f"source.{name}: say how large the picture is to be with --size")
    chosen, styles = resolve_styles(style, method)
    _refuse_options_of_other_method(context, chosen, settings)
    stem = f"{Path(picture).stem}-{'-'.join(each.name for each in styles)}"
    out = out or check_new_file(Path(f"{stem}.png"), SUFFIXES)
    animation = gif_path(gif, stem)
    content = _open(picture, size)
    began = time.monotonic()
    if chosen == GATYS:
        written = _optimise(picture, styles, settings, size, out, animation, how, quiet=as_json)
    else:
        written = _apply(content, styles, passes or 1, out, how)
    if as_json:
        print_json(
            {
                "picture": str(out),
                "method": chosen,
                "styles": [each.name for each in styles],
                "height": written.height,
                "width": written.width,
                "seconds": round(time.monotonic() - began, 3),
                "run": written.run,
                "gif": str(animation) if animation else None,
            }
        )
        return
    order = " then " if chosen == FAST_STYLE else " and "
    applied = order.join(each.name for each in styles)
    say(wrote(out, f"{written.width} × {written.height}, {applied}"))
    if animation:
        say(wrote(animation))
    if following := _next(picture, chosen, styles):
        say(f"next: {following}")


@dataclass(frozen=True)
class Written:
    """Height and width of the output, and the name of the run that made it, if one did."""

    height: int
    width: int
    run: str | None = None


def _open(picture: str, size: int | None) -> Picture:
    """Raises UnknownName for what is neither a file nor a picture's name, and UsageError for a file
    that is not a picture.
    """
    from rockfall import Picture, open_source

    require_picture(picture)
    opened = open_source(picture, {"size": size} if size else {})
    if not isinstance(opened, Picture):
        raise UsageError(f"{picture} is no picture")
    return opened


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


def _optimise(
    picture: str,
    styles: Sequence[Style],
    settings: dict[str, str],
    size: int | None,
    out: Path,
    gif: Path | None,
    how: dict[str, Any],
    *,
    quiet: bool,
) -> Written:
    """Train `gatys`, and write its picture."""
    from rockfall import eval_mode, train
    from rockfall.kit import pictures
    from rockfall.verbs import save_training_film

    with promising("paint", out=out, gif=gif) as promised:
        run = train(
            GATYS,
            picture,
            source_options={"size": size} if size else {},
            config={"style": [style.location for style in styles], **settings},
            listeners=[] if quiet else None,
            promised=promised,
            **how,
        )
        model: Any = run.model
        _, height, width = run.record.info["shape"]
        with eval_mode(model):
            pictures.save(out, model.paint(height, width))
        if gif:
            save_training_film(gif, run.directory, "paints")
    return Written(height, width, run.name)


def _apply(
    content: Picture, styles: Sequence[Style], passes: int, out: Path, how: dict[str, Any]
) -> Written:
    """Apply every style in turn, and all of that `passes` times."""
    import torch

    from rockfall.kit import pictures
    from rockfall.kit.devices import autocast, choose_device, choose_precision, computing
    from rockfall.kit.progress import counted

    device = choose_device(how["device"])
    # bf16 is twice as fast where the processor has it, and 54 dB from float32, which is invisible.
    precision = choose_precision(how["precision"], device, "bf16")
    matmul = "high" if device.type == "cuda" else "highest"
    filters = [_filter(style, device) for style in styles] * passes
    output = content.pixels.to(device)
    with computing(how["threads"] or torch.get_num_threads(), matmul), torch.no_grad():
        several = counted(filters, len(filters), "styles applied")
        for apply_style in several if len(filters) > 1 else filters:
            with autocast(device, precision):
                output = apply_style(output)
    pictures.save(out, output)
    return Written(*output.shape[1:])


def _filter(style: Style, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function (3, H, W) uint8 → the same shape and type in that style."""
    import functools

    from rockfall import open_run
    from rockfall_style.bands import apply_style
    from rockfall_style.manifest import read_style
    from rockfall_style.published import style_folder

    if style.kind == "run":
        model: Any = open_run(style.location).model
        model.to(device).eval()
        stylize: Callable[[Tensor], Tensor] = model.stylize
        return stylize
    folder = style_folder(style.location) if style.kind == "published" else Path(style.location)
    return functools.partial(apply_style, read_style(folder).to(device))


def _next(picture: str, method: str, styles: Sequence[Style]) -> str:
    """A command to try next; empty if the names can't be written with commas between."""
    import shlex

    if method == GATYS:
        return f"rockfall stylize {shlex.quote(picture)} --style wave"
    more = next((n for n in ("scream", "wave") if n not in [s.name for s in styles]), "udnie")
    words = [*(style.location for style in styles), more]
    if any("," in word for word in words):
        return ""
    return f"rockfall stylize {shlex.quote(picture)} --style {shlex.quote(','.join(words))}"
