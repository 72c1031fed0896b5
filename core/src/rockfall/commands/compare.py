"""`rockfall compare RUN RUN …`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.console import print_json, say
from rockfall.kit.files import check_new_file
from rockfall.verbs.completion import complete
from rockfall.verbs.options import as_json
from rockfall.verbs.output_file import new_file

if TYPE_CHECKING:
    from rockfall.pages.comparison import Comparison


@click.command("compare")
@click.argument(
    "names", shell_complete=complete("runs"), nargs=-1, required=True, metavar="RUN RUN …"
)
@new_file("--out", ".png", help="the picture to write; default: compare.png")
@as_json
def command(names: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Put runs side by side: how they differ, how good they became, how they got there."""
    from rockfall.pages.comparison import Comparison
    from rockfall.run.directory import find_run

    directories = [find_run(name) for name in names]
    paths = {directory.path.resolve() for directory in directories}
    if len(paths) < len(directories):
        raise UsageError(f"{' '.join(names)} names a run twice")
    if len(directories) < 2:
        raise UsageError(f"one run has nothing beside it: `rockfall show {names[0]}`")
    comparison = Comparison(directories)
    if not as_json:
        comparison.print()  # before the picture, which a full disk may refuse
    drawn, why_not = _draw(comparison, out)
    if as_json:
        print_json({**comparison.to_json(), "picture": str(drawn) if drawn else None})
    else:
        say(f"wrote {drawn}" if drawn else f"no picture: {why_not}")
        say(f"next: {comparison.next}")


def _draw(comparison: Comparison, out: Path | None) -> tuple[Path | None, str]:
    """The picture, or why there is none. Raises RockfallError if one was asked for."""
    try:
        drawn = comparison.draw(out or check_new_file(Path("compare.png"), ".png"))
    except RockfallError as error:
        if out:
            raise
        return None, str(error)
    return drawn, "they log no metric in common"
