"""`rockfall install NAME…`: plugins into this environment, and nothing else changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import click

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.console import hang, print_json, say
from rockfall.packages import NeedsBuild, Package, install, resolve
from rockfall.registry import canonical
from rockfall.verbs.options import as_json


@click.command("install")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--yes", is_flag=True, help="don't ask")
@as_json
def command(names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Install plugins with pip: NAME is `hello` for rockfall-hello, a requirement, path or URL.

    Shows what comes with them and asks first. The installed torch and numpy stay as they are.
    """
    if as_json and not yes:
        raise UsageError("no question can be put in JSON: add --yes to --json")
    try:
        requirements, packages = resolve(names, build=yes)
    except NeedsBuild as needed:
        click.confirm(f"{needed}: run its code to find out what it needs?", abort=True)
        requirements, packages = resolve(names, build=True)
    if packages and not as_json:
        say("pip will install", *(f"  {package}" for package in packages))
    if packages:
        if not yes:
            click.confirm("go on?", default=True, abort=True)
        install(requirements, packages)
    plugins = _plugins_of(packages)
    if as_json:
        print_json({"installed": [vars(package) for package in packages], "plugins": plugins})
    else:
        _report(requirements, packages, plugins)
    if failed := [plugin for plugin in plugins if plugin["error"]]:
        name, error = failed[0]["distribution"], failed[0]["error"]
        raise RockfallError(f"{name} is installed, but does not load: {error}")


def _plugins_of(packages: list[Package]) -> list[dict[str, Any]]:
    """What the new packages registered, as a new process lists it: this one's registry is older."""
    code = "from rockfall.cli import main; main(['plugins', '--json'])"
    environment = {**os.environ, "ROCKFALL_STRICT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise RockfallError(f"installed, but `rockfall plugins` fails: {done.stderr.strip()}")
    new = {canonical(package.name) for package in packages}
    plugins: list[dict[str, Any]] = json.loads(done.stdout)["plugins"]
    return [plugin for plugin in plugins if canonical(plugin["distribution"]) in new]


def _report(
    requirements: list[str], packages: list[Package], plugins: list[dict[str, Any]]
) -> None:
    if not packages:
        say(f"{' and '.join(requirements)}: installed already", "next: rockfall plugins")
        return
    if not plugins:
        say("installed, but none of it is a plugin: nothing has an entry point for rockfall")
    for plugin in plugins:
        hang(f"{plugin['distribution']}  ", ", ".join(plugin["provides"]) or plugin["status"])
    provided = [thing.split() for plugin in plugins for thing in plugin["provides"]]
    models = [name for kind, *_, name in provided if kind == "model"]
    say("  ·  ".join(("next: rockfall list", *(f"rockfall train {name}" for name in models[:1]))))
