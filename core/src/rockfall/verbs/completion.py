"""What the shell offers when Tab is pressed: names, from specs and run directories alone.

`eval "$(_ROCKFALL_COMPLETE=bash_source rockfall)"` turns it on, or `zsh_source`, `fish_source`.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from rockfall.registry import registry
from rockfall.run.directory import all_runs

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def complete(*kinds: str) -> Completion:
    """A `shell_complete` that offers names of these kinds: `runs`, and what a registry has, such as
    `models`, `datasets`, `pictures`, `environments`, `capabilities`.
    """

    def offer(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        found = [name for kind in kinds for name in _names(kind)]
        # The shell prints what it is given, and a folder may have any name.
        return [name for name in found if name.startswith(begun) and name.isprintable()]

    return offer


def _names(kind: str) -> list[str]:
    if kind == "runs":
        return [*(run.name for run in all_runs()), "last"]
    names: list[str] = getattr(registry(), kind).names()
    return names
