"""`rockfall stylize PICTURE --style X`: a picture in the style of another, or in a trained one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rockfall import UnknownName, UsageError
from rockfall.kit.console import print_json, say
from rockfall.plugin import did_you_mean, registry
from rockfall.verbs import (
    PICTURE,
    SIDE,
    as_json,
    check_new_file,
    complete,
    gif_option,
    gif_path,
    key_values,
    new_file,
    trains,
)
from rockfall_style.choice import FAST_STYLE, GATYS, METHODS, Style, choose, names

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rockfall import Picture

OF_A_TRAINING = ("preset", "seed", "name", "checkpoint_every")


def _styles(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    return [name for name in names() if name.startswith(begun)]


@click.command("stylize")
@click.argument("picture", shell_complete=complete("runs", "datasets", "pictures"))
@click.argument("words", nargs=-1, metavar="[key=value …]")
@click.option(
    "--style",
    required=True,
    shell_complete=_styles,
    help="a picture, a published style (wave), a folder of one, or a run; several: wave,scream",
)
@click.option("--method", type=click.Choice(METHODS), help="default: what the style is for")
@click.option("--size", type=SIDE, help="pixels along the longer side at most")
@click.option("--passes", type=click.IntRange(1, 100), help="times over, with a trained style")
@new_file("--out", PICTURE, help="the picture to write; default: PICTURE-STYLE.png")
@gif_option("with gatys, write a film of how it comes about; default: PICTURE-STYLE.gif")
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
    """Give PICTURE a style: a file, or a name of `rockfall list pictures`.

    If the style is a picture too, PICTURE is painted anew in it as by `rockfall train gatys`, whose
    settings key=value sets, and a run is left. A trained style, published or of `rockfall train
    fast-style`, takes one pass; with commas between, what one makes goes into the next.
    """
    settings, options = key_values(words)
    for name in options:
        raise UsageError(f"source.{name}: say how large the picture is to be with --size")
    chosen, styles = choose(style, method)
    _check_together(context, chosen, settings)
    stem = f"{Path(picture).stem}-{'-'.join(each.name for each in styles)}"
    out = out or check_new_file(Path(f"{stem}.png"), PICTURE)
    animation = gif_path(gif, stem)
    opened = _open(picture, size)
    began = time.monotonic()
    if chosen == GATYS:
        written = _paint(picture, styles, settings, size, out, animation, how, quiet=as_json)
    else:
        written = _pass(opened, styles, passes or 1, out, how)
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
    how_made = order.join(each.name for each in styles)
    say(f"wrote {out} ({written.width} × {written.height}, {how_made})")
    if animation:
        say(f"wrote {animation} ({animation.stat().st_size / 1000:,.0f} kB)")
    if following := _next(picture, chosen, styles):
        say(f"next: {following}")


@dataclass(frozen=True)
class Written:
    """The picture's sides, and the name of the run that was left, if one was."""

    height: int
    width: int
    run: str | None = None


def _open(picture: str, size: int | None) -> Picture:
    """Raises UnknownName for what is neither a file nor a picture's name."""
    from rockfall import Picture, open_source

    known = registry().pictures
    if not os.path.isfile(os.path.expanduser(picture)) and known.get(picture) is None:
        files = [path.name for path in Path(picture).parent.glob("*") if path.suffix]
        hint = did_you_mean(Path(picture).name, [*files, *known.names()])
        hint = hint or f"; by name there are {', '.join(known.names())}"
        raise UnknownName(f"no picture {picture}: no such file, and no picture by name{hint}")
    opened = open_source(picture, {"size": size} if size else {})
    if not isinstance(opened, Picture):
        raise UsageError(f"{picture} is no picture")
    return opened


def _check_together(context: click.Context, method: str, settings: dict[str, str]) -> None:
    """Raise UsageError for what does not matter to the method."""

    def refuse(options: Sequence[str], why: str) -> None:
        for name in options:
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise UsageError(f"{why}, so leave --{name.replace('_', '-')} out")

    if method == GATYS:
        refuse(["passes"], "a picture is no trained style to pass through")
        return
    for name in settings:
        raise UsageError(f"{name}: a trained style has no settings; `rockfall train {FAST_STYLE}`")
    refuse(["gif", *OF_A_TRAINING], "a trained style is passed through, and learns nothing")


def _paint(
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
    """Train `gatys`, and write its painting."""
    from rockfall import eval_mode, train
    from rockfall.kit import pictures
    from rockfall.verbs import save_training_film

    run = train(
        GATYS,
        picture,
        source_options={"size": size} if size else {},
        config={"style": [style.where for style in styles], **settings},
        listeners=[] if quiet else None,
        **how,
    )
    model: Any = run.model
    _, height, width = run.record.info["shape"]
    with eval_mode(model):
        pictures.save(out, model.paint(height, width))
    if gif:
        save_training_film(gif, run.directory, "paints")
    return Written(height, width, run.name)


def _pass(
    opened: Picture, styles: Sequence[Style], passes: int, out: Path, how: dict[str, Any]
) -> Written:
    """Through every style in turn, so many times over."""
    import torch

    from rockfall.kit import pictures
    from rockfall.kit.devices import autocast, choose_device, choose_precision, computing
    from rockfall.kit.progress import counted

    device = choose_device(how["device"])
    # 54 dB from float32, which nobody sees, and twice as fast where the processor knows it.
    precision = choose_precision(how["precision"], device, "bf16")
    matmul = "high" if device.type == "cuda" else "highest"
    filters = [_filter(style, device) for style in styles] * passes
    made = opened.pixels.to(device)
    with computing(how["threads"] or torch.get_num_threads(), matmul), torch.no_grad():
        several = counted(filters, len(filters), "styles applied")
        for restyle in several if len(filters) > 1 else filters:
            with autocast(device, precision):
                made = restyle(made)
    pictures.save(out, made)
    return Written(*made.shape[1:])


def _filter(style: Style, device: torch.device) -> Callable[[Tensor], Tensor]:
    """(3, H, W) uint8 → the same in that style."""
    import functools

    from rockfall import open_run
    from rockfall_style.bands import restyled
    from rockfall_style.manifest import read_style
    from rockfall_style.published import style_folder

    if style.kind == "run":
        model: Any = open_run(style.where).model
        model.to(device).eval()
        apply: Callable[[Tensor], Tensor] = model.stylize
        return apply
    folder = style_folder(style.where) if style.kind == "published" else Path(style.where)
    return functools.partial(restyled, read_style(folder).to(device))


def _next(picture: str, method: str, styles: Sequence[Style]) -> str:
    """Something else to try; nothing, if it could not be typed."""
    import shlex

    if method == GATYS:
        return f"rockfall stylize {shlex.quote(picture)} --style wave"
    more = next((n for n in ("scream", "wave") if n not in [s.name for s in styles]), "udnie")
    words = [*(style.where for style in styles), more]
    if any("," in word for word in words):
        return ""
    return f"rockfall stylize {shlex.quote(picture)} --style {shlex.quote(','.join(words))}"
