"""`rockfall show RUN|DATASET|PICTURE`: figures, curves and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall.errors import UnknownName, UsageError, did_you_mean
from rockfall.kit.console import print_json, say
from rockfall.registry import registry
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json, source_options
from rockfall.verbs.output_file import new_file

if TYPE_CHECKING:
    from rockfall.run.directory import RunDirectory
    from rockfall.sources.source import Source


@click.command("show")
@click.argument(
    "name", shell_complete=complete("runs", "datasets", "pictures"), metavar="RUN|DATASET|PICTURE"
)
@click.argument("options", nargs=-1, metavar="[source.key=value …]")
@new_file("--out", ".png", help="the picture to write; default: in the run, or NAME.png here")
@as_json
def command(name: str, options: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Show RUN: what it was, what came out, its learning curves. Or DATASET: its examples. Or a
    PICTURE by its name, or a folder that a plugin keeps, such as a sweep.

    The pictures of a run's model are drawn anew, if its source is at hand.

    The name of a dataset or a picture wins over that of a run, which its path still finds.
    source.key=value sets an option of theirs (`rockfall info DATASET` lists them).
    """
    from rockfall.pages.run_page import RunPage
    from rockfall.pages.source_page import SourcePage
    from rockfall.run.directory import RunDirectory
    from rockfall.verbs.folders import folder_page

    page: Any = None if _is_registered(name) else folder_page(name)
    if page is None:
        found = _find(name, source_options(options))
        if isinstance(found, RunDirectory):
            page = RunPage(found)
        else:
            page = SourcePage(name, found, options)
    if not as_json:
        say(*page.lines())  # before the pictures, which a full disk may refuse
    written = page.draw(out)
    if as_json:
        picture = str(written) if written else None
        print_json({**page.to_json(), "picture": picture, "warnings": list(page.warnings)})
        return
    wrote = [f"wrote {written}"] if written else []
    say(*page.warnings, *page.picture_lines(), *wrote, f"next: {page.next}")


def _is_registered(name: str) -> bool:
    return bool(registry().datasets.get(name) or registry().pictures.get(name))


def _find(name: str, options: dict[str, str]) -> RunDirectory | Source:
    from rockfall.run.directory import all_runs, find_run
    from rockfall.sources.opening import open_source

    if _is_registered(name):
        return open_source(name, options)
    try:
        found = find_run(name)
    except UnknownName as error:
        try:
            return open_source(name, options)  # a folder, say, that a plugin can open
        except UnknownName:
            known = [*registry().datasets.names(), *registry().pictures.names()]
            hint = did_you_mean(name, known)
            if hint and not any(run.name.startswith(name) for run in all_runs()):
                raise UnknownName(f"no run, dataset or picture named {name}{hint}") from None
            raise error from None
    if options:
        raise UsageError(
            f"{name} is a run, and source.{next(iter(options))} is for a dataset or a picture"
        )
    return found
