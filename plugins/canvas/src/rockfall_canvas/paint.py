"""`rockfall paint PICTURE`: let a network learn it and paint it; `paint RUN`: paint it again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rockfall.errors import UnknownName, UsageError, did_you_mean
from rockfall.kit.console import print_json, say
from rockfall.registry import registry
from rockfall.run.directory import all_runs, find_run
from rockfall.verbs import completion
from rockfall.verbs.new_file import PICTURE, check_new_file, film, film_file, new_file
from rockfall.verbs.options import LARGEST_SIDE, SIDE, TRAINING, as_json, key_values, trains

if TYPE_CHECKING:
    from rockfall.run.run import Run

LARGER = 1200
"""Pixels that are proposed, at least, as the next thing to try."""


@click.command("paint")
@click.argument("subject", shell_complete=completion.shown, metavar="PICTURE|RUN")
@click.argument("words", nargs=-1, metavar="[key=value …] [source.key=value …]")
@click.option(
    "--model",
    default="painter",
    show_default=True,
    shell_complete=completion.models,
    help="any that learns from a picture, and paints",
)
@click.option(
    "--size",
    type=SIDE,
    help="pixels along the painting's longer side; default: the picture's",
)
@new_file("--out", PICTURE, help="the painting to write; default: NAME-painting.png")
@film("write a film of how it was learned; default: NAME-painting.gif")
@trains
@as_json
@click.pass_context
def command(
    context: click.Context,
    subject: str,
    words: tuple[str, ...],
    model: str,
    size: int | None,
    out: Path | None,
    gif: str | None,
    as_json: bool,
    how: dict[str, Any],
) -> None:
    """Learn PICTURE, and paint it: a file, or a name of `rockfall list pictures`.

    The same as `rockfall train painter PICTURE`, whose settings key=value sets; a run is left. What
    it learned is then painted at any size.

    Of a RUN whose model paints, its picture is painted again, without learning. A picture of the
    same name goes before a run.
    """
    is_picture = os.path.isfile(subject) or registry().pictures.get(subject) is not None
    directory = None if is_picture else _find(subject)
    stem = directory.name if directory else Path(subject).stem
    out = out or check_new_file(Path(f"{stem}-painting.png"), PICTURE)
    animation = film_file(gif, f"{stem}-painting")
    if directory:
        _check_no_training(context, subject, words)
        from rockfall.verbs.opened import open_capable

        run = open_capable(str(directory.path), "paints")
    else:
        run = _trained(model, subject, words, how, quiet=as_json)
    height, width = _write(run, size, out, animation)
    if as_json:
        sides = {"height": height, "width": width}
        print_json(
            {"run": run.name, "picture": str(out), **sides, "gif": animation and str(animation)}
        )
        return
    name = run.directory.address
    say(f"wrote {out} ({width} × {height})")
    if animation:
        say(f"wrote {animation} ({animation.stat().st_size / 1000:,.0f} kB)")
    larger = max(LARGER, 2 * max(height, width))
    following = [f"rockfall paint {name} --size {larger}"] if larger <= LARGEST_SIDE else []
    say(f"next: {'  ·  '.join([*following, f'rockfall show {name}'])}")


def _find(subject: str) -> Any:
    """A run's directory. Raises UnknownName for what is neither a picture nor a run."""
    try:
        return find_run(subject)
    except UnknownName as error:
        if any(run.name.startswith(subject) for run in all_runs()):
            raise  # it begins the names of several
        files = [path.name for path in Path(subject).parent.glob("*") if path.suffix]
        known = [*registry().pictures.names(), *files, *(run.name for run in all_runs())]
        hint = did_you_mean(Path(subject).name, known)
        hint = hint or "; `rockfall list pictures` and `rockfall runs` show what there is"
        raise UnknownName(f"{subject} is neither a picture nor a run{hint}") from error


def _check_no_training(context: click.Context, subject: str, words: tuple[str, ...]) -> None:
    """Raise UsageError for anything that would only matter if something were learned."""
    for name in ("model", *TRAINING):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{name.replace('_', '-')} is for learning, and {subject} is a run that has "
                "learned: leave it out"
            )
    for word in words:
        raise UsageError(f"{word}: {subject} is a run that has learned, so leave it out")


def _trained(
    model: str, picture: str, words: tuple[str, ...], how: dict[str, Any], *, quiet: bool
) -> Run:
    """As by `rockfall train`. Raises UsageError for a model that paints no picture."""
    models = registry().models
    able = [
        entry
        for entry in models
        if "paints" in entry.spec.capabilities and "picture" in entry.spec.learns_from
    ]
    if models.find(model) not in able:
        names = ", ".join(map(models.shown_name, able))
        raise UsageError(f"{model} does not learn to paint a picture: {names} do")
    settings, options = key_values(words)
    from rockfall.progress import default_listener
    from rockfall.training import train

    listeners = [] if quiet else [default_listener()]
    return train(
        model, picture, source_options=options, config=settings, listeners=listeners, **how
    )


def _write(run: Run, size: int | None, out: Path, film: Path | None) -> tuple[int, int]:
    """Write the painting, and the film of a run's learning; returns the painting's sides."""
    from rockfall.evaluation import eval_mode
    from rockfall.kit import pictures
    from rockfall.verbs.opened import save_training_film

    _, height, width = run.record.info["shape"]
    scale = 1.0 if size is None else size / max(height, width)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    model: Any = run.model
    with eval_mode(model):
        pictures.save(out, model.paint(*sides))
    if film:
        save_training_film(film, run.directory, "paints")
    return sides
