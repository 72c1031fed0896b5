"""`rockfall sweep MODEL [SOURCE] [key=a..b …]`: find good settings by trying them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import click

from rockfall import RockfallError
from rockfall.kit.console import say
from rockfall.verbs import SEED, TRAINING, as_json, complete, key_values

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "halving", "hyperband", "none")
PLACES = ("local", "ray", "slurm")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Time(click.ParamType[float]):
    """`90s`, `30m`, `2h`, `1d`: seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value))):
            self.fail(f"{value!r} is no time such as 90s, 30m or 2h", param, ctx)
        return float(match[1]) * UNITS[match[2]]


def _of_training(*names: str) -> Callable[[Any], Any]:
    """The options of these names that every verb has which trains."""

    def decorate(function: Any) -> Any:
        for name in reversed(names):
            function = TRAINING[name](function)
        return function

    return decorate


@click.command("sweep")
@click.argument("model", shell_complete=complete("models"))
@click.argument(
    "words",
    shell_complete=complete("datasets", "pictures", "environments"),
    nargs=-1,
    metavar="[SOURCE] [key=a..b key=a,b key=value …] [source.key=value …]",
)
@click.option("--trials", type=click.IntRange(1), help="in all  [default: 20, if no --time]")
@click.option("--time", "seconds", type=Time(), help="after which none is begun: 90s, 30m, 2h")
@click.option("--metric", help="what is highest, -NAME: lowest  [default: the model's own]")
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="runs of each setting, judged by their mean",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="of proposals and of runs")
@click.option("--sampler", type=click.Choice(SAMPLERS), default="tpe", show_default=True)
@click.option(
    "--pruner",
    type=click.Choice(PRUNERS),
    default="median",
    show_default=True,
    help="how bad trials are ended early",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="trials at once, a process each",
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads of each"
)
@click.option(
    "--on",
    "on",
    type=click.Choice(PLACES),
    default="local",
    show_default=True,
    help="where trials run",
)
@click.option("--address", default="", help="of the Ray cluster  [default: the one that is here]")
@click.option("--gpus", type=click.FloatRange(0), default=0.0, help="a trial's share of them")
@click.option("--partition", default="", help="of Slurm")
@click.option("--storage", default="", help="URL of a database in the place of the journal file")
@click.option(
    "--remote",
    default="",
    help="URL of a folder to which checkpoints travel, where nodes share none",
)
@click.option("--name", default="", help="of the sweep  [default: sweep-MODEL-SOURCE]")
@click.option("--out", type=click.Path(file_okay=False), help="where it goes  [default: runs]")
@click.option(
    "--default",
    "write_default",
    is_flag=True,
    help="write the best settings as settings.json, which `train --settings` reads",
)
@_of_training("preset", "device", "precision", "deterministic", "checkpoint_every")
@as_json
def command(
    model: str,
    words: tuple[str, ...],
    as_json: bool,
    write_default: bool,
    on: str,
    address: str,
    gpus: float,
    partition: str,
    **how: Any,
) -> None:
    """Find good settings of MODEL on SOURCE by trying them.

    lr=1e-4..1e-2:log looks between two numbers, hidden=64,128 among a few values (where a value is
    a list itself, hidden=64,64/128,128), and any other key=value is for all. Without any of the
    first two, MODEL's own space is taken. The same command again goes on where it was.

    Trials are ordinary runs in the sweep's folder, measured on validation alone; the best one is
    measured on the test examples at the end.
    """
    source = words[0] if words and "=" not in words[0] else None
    settings, options = key_values(words[1:] if source else words)

    from rockfall_sweeps.api import sweep
    from rockfall_sweeps.page import SweepPage
    from rockfall_sweeps.table import TrialTable
    from rockfall_sweeps.winner import write_settings

    table = None if as_json else TrialTable()
    given: dict[str, dict[str, Any]] = {
        "ray": {"address": address, "gpus": gpus},
        "slurm": {"partition": partition},
    }
    try:
        study = sweep(
            model,
            source,
            config=settings,
            source_options=options,
            on=on,
            place_options=given.get(on, {}),
            tell=table or _print,
            **how,
        )
    finally:
        if table:
            table.close()
    if study.best is None:
        raise RockfallError(
            f"no trial of {study.folder.name} has finished: `rockfall show {study.folder.name}`"
        )
    written = [f"wrote {write_settings(study)}"] if write_default else []
    page = SweepPage(study.folder)
    if as_json:
        _print("finished", page.to_json())
        return
    say(*page.lines(), *written, f"next: {page.next}")


def _print(kind: str, data: dict[str, Any]) -> None:
    """An event as a line of JSON."""
    say(json.dumps({**data, "event": kind}))
