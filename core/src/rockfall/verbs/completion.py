"""What the shell offers when Tab is pressed: names, from specs and run directories alone.

`eval "$(_ROCKFALL_COMPLETE=bash_source rockfall)"` turns it on, or `zsh_source`, `fish_source`.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from rockfall.registry import registry
from rockfall.run.directory import all_runs

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def _offering(*names: Callable[[], list[str]]) -> Completion:
    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        return [name for offer in names for name in offer() if name.startswith(begun)]

    return complete


def _models() -> list[str]:
    return registry().models.names()


def _shown() -> list[str]:
    return [*registry().datasets.names(), *registry().pictures.names()]


def _sources() -> list[str]:
    return [name for catalogue in registry().sources for name in catalogue.names()]


def _runs() -> list[str]:
    return [*(run.name for run in all_runs()), "last"]


models = _offering(_models)
sources = _offering(_sources)
runs = _offering(_runs)
named = _offering(_models, _sources)
shown = _offering(_runs, _shown)
players = _offering(_runs, lambda: ["random", "oracle", "human"])
