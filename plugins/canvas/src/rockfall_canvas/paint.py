"""`rockfall paint PICTURE`: fit a model to it and render it; `paint RUN`: render it again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rockfall import UnknownName, UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.kit.pictures import SUFFIXES
from rockfall.plugin import registry
from rockfall.verbs import (
    SIDE,
    TRAINING,
    all_runs,
    as_json,
    check_new_file,
    complete,
    find_run,
    gif_option,
    gif_path,
    key_values,
    new_file,
    promising,
    require_capability,
    suggest_picture,
    trains,
)

if TYPE_CHECKING:
    from rockfall import Run

PROPOSED_SIZE = 1200
"""Pixels along the longer side that are proposed, at least, as the next thing to try."""

SVG, VECTORS = ".svg", "paints-vectors"

MAX_PROPOSED_SIZE = 8000
"""`--size` takes no larger one."""


@click.command("paint")
@click.argument("subject", shell_complete=complete("runs", "pictures"), metavar="PICTURE|RUN")
@click.argument("words", nargs=-1, metavar="[key=value …] [source.key=value …]")
@click.option(
    "--model",
    default="painter",
    show_default=True,
    shell_complete=complete("models"),
    help="a model that learns from a picture and has the capability paints",
)
@click.option(
    "--size",
    type=SIDE,
    help="pixels along the longer side of what is rendered; default: the picture's",
)
@new_file(
    "--out",
    (*SUFFIXES, SVG),
    pipe=True,
    help="the PNG, JPEG, WebP or TIFF to write, of polygons SVG too, or - for standard output; "
    "default: NAME-painting.png",
)
@gif_option("write an animation of the training; default: NAME-painting.gif")
@trains
@as_json
@click.pass_context
def command(
    context: click.Context,
    subject: str,
    words: tuple[str, ...],
    model: str,
    size: int | None,
    out: Path | IO[bytes] | None,
    gif: str | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Fit a model to PICTURE, a file or a name of `rockfall list pictures`, and render it.

    The same as `rockfall train painter PICTURE`, whose settings key=value sets; the run is kept.
    The model is then rendered at any size; by `rockfall resume`, if this is stopped.

    With a RUN whose model paints, its picture is rendered again, without training. If a picture has
    the same name as a run, it is taken.
    """
    is_picture = os.path.isfile(subject) or registry().pictures.get(subject) is not None
    directory = None if is_picture else _find_run(subject)
    stem = directory.name if directory else Path(subject).stem
    to = out or check_new_file(Path(f"{stem}-painting.png"), SUFFIXES)
    animation = gif_path(gif, f"{stem}-painting")
    if isinstance(to, Path) and to.suffix.lower() == SVG:
        require_capability(directory.record().model if directory else model, VECTORS)
    if directory:
        _refuse_training_options(context, subject, words)
        from rockfall.verbs import open_capable

        run = open_capable(str(directory.path), "paints")
        height, width = _render(run, size, to, animation)
    else:
        with promising(
            "paint", size=size, out=to if isinstance(to, Path) else None, gif=animation
        ) as promised:
            run = _train(model, subject, words, how, promised, quiet=as_json)
            height, width = _render(run, size, to, animation)
    if as_json:
        sides = {"height": height, "width": width}
        print_json(
            {"run": run.name, "picture": str(to), **sides, "gif": animation and str(animation)}
        )
        return
    name = run.address
    if isinstance(to, Path):
        say(wrote(to, f"{width} × {height}"))
    if animation:
        say(wrote(animation))
    larger = max(PROPOSED_SIZE, 2 * max(height, width))
    following = [f"rockfall paint {name} --size {larger}"] if larger <= MAX_PROPOSED_SIZE else []
    say(f"next: {'  ·  '.join([*following, f'rockfall show {name}'])}")


def _find_run(subject: str) -> Any:
    """A run's directory. Raises UnknownName for what is neither a picture nor a run."""
    try:
        return find_run(subject)
    except UnknownName as error:
        if any(run.name.startswith(subject) for run in all_runs()):
            raise  # an ambiguous prefix
        hint = suggest_picture(subject, [run.name for run in all_runs()])
        hint = hint or "; `rockfall list pictures` and `rockfall runs` show what there is"
        raise UnknownName(f"{subject} is neither a picture nor a run{hint}") from error


def _refuse_training_options(context: click.Context, subject: str, words: tuple[str, ...]) -> None:
    """Raise UsageError for options and settings that only a training has."""
    for name in ("model", *TRAINING):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{name.replace('_', '-')} is for training, and {subject} is a trained run: "
                "leave it out"
            )
    for word in words:
        raise UsageError(f"{word}: {subject} is a trained run, so leave it out")


def _train(
    model: str,
    picture: str,
    words: tuple[str, ...],
    how: dict[str, Any],
    promised: Any,
    *,
    quiet: bool,
) -> Run:
    """As `rockfall train`. Raises UsageError for a model that can't learn and paint a picture."""
    models = registry().models
    able = [
        entry
        for entry in models
        if "paints" in entry.spec.capabilities and "picture" in entry.spec.learns_from
    ]
    if models.find(model) not in able:
        names = ", ".join(map(models.shown_name, able))
        raise UsageError(f"{model} can't learn and paint a picture; {names} can")
    settings, options = key_values(words)
    from rockfall import train

    listeners: list[Any] | None = [] if quiet else None
    return train(
        model,
        picture,
        source_options=options,
        config=settings,
        listeners=listeners,
        promised=promised,
        **how,
    )


def _render(run: Run, size: int | None, to: Path | IO[bytes], film: Path | None) -> tuple[int, int]:
    """Write the rendering, as transparent as the picture was, and the animation of the training;
    returns height and width.
    """
    from rockfall import eval_mode
    from rockfall.kit import pictures
    from rockfall.kit.files import atomic
    from rockfall.kit.transparency import alpha_of, with_alpha
    from rockfall.verbs import save_training_film

    _, height, width = run.record.info["shape"]
    scale = 1.0 if size is None else size / max(height, width)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    model: Any = run.model
    with eval_mode(model):
        if isinstance(to, Path) and to.suffix.lower() == SVG:
            with atomic(to) as file:
                file.write(model.svg(*sides).encode())
        else:
            alpha = alpha_of(run.directory.pictures / "painting.png")
            pictures.write(to, with_alpha(model.paint(*sides), alpha))
    if film:
        save_training_film(film, run.directory, "paints")
    return sides
