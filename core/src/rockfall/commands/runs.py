"""`rockfall runs`: what was trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rockfall.errors import RockfallError
from rockfall.first_steps import first_command
from rockfall.kit.console import print_json, print_table, say
from rockfall.run.directory import RunDirectory, all_runs, runs_folder
from rockfall.verbs.folders import folder_pages
from rockfall.verbs.options import as_json


@click.command("runs")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="where runs are")
@as_json
def command(out: Path | None, as_json: bool) -> None:
    """List the runs, oldest first."""
    found = [_data(run) for run in all_runs(out)]
    found += [{"run": name, "seed": None, **page.row()} for name, page in folder_pages(out)]
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"no runs in {out or runs_folder()}/ yet: `{first_command()}`")
        return
    headers = ("run", "model", "source", "seed", "status", "figures")
    print_table(headers, [[_cell(run[header]) for header in headers] for run in found])
    say("", "`rockfall show RUN` for one, `rockfall compare RUN RUN` for several")


def _data(directory: RunDirectory) -> dict[str, Any]:
    try:
        record, result = directory.record(), directory.result()
    except RockfallError as error:
        unknown = dict.fromkeys(("model", "source", "seed", "created"))
        return {"run": directory.name, **unknown, "status": f"damaged: {error}", "figures": {}}
    return {
        "run": directory.name,
        "path": str(directory.path),
        "model": record.model.rpartition(":")[2],
        "source": record.source,
        "seed": record.seed,
        "created": record.created,
        "status": directory.status,
        "figures": {k: v["value"] for k, v in (result or {}).get("figures", {}).items()},
    }


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {number:.4g}" for name, number in value.items())
    return "" if value is None else str(value)
