"""`rockfall plugins [NAME]`: what is installed, what failed to load, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from rockfall.errors import UnknownName, did_you_mean
from rockfall.kit.console import hang, print_json, say
from rockfall.registry import Plugin, canonical, registry
from rockfall.verbs.options import as_json


@click.command("plugins")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List the installed plugins; with NAME, all about one, and where it failed."""
    if name is None:
        _print_all(as_json)
    else:
        _print_one(_find(name), as_json)


def _print_all(as_json: bool) -> None:
    plugins, shared = registry().plugins, _shared_names()
    if as_json:
        print_json({"plugins": [_data(p) for p in plugins], "shared_names": shared})
        return
    titles = [f"{plugin.distribution} {plugin.version} {plugin.entry_point}" for plugin in plugins]
    width = max(map(len, titles))
    for title, plugin in zip(titles, plugins, strict=True):
        hang(f"{title:{width}}  ", f"{plugin.status}: {_outcome(plugin)}")
    for name in shared:
        say(
            "",
            f"{name['kind']} {name['name']} is in several plugins; say {' or '.join(name['use'])}",
        )
    failed = [plugin for plugin in plugins if plugin.error]
    if failed:
        following = f"`rockfall plugins {failed[0].distribution}` shows where it failed"
    else:
        following = "`rockfall install NAME` adds one, `rockfall new-plugin NAME` writes one"
    say("", following)


def _print_one(plugins: list[Plugin], as_json: bool) -> None:
    if as_json:
        print_json([_data(plugin) for plugin in plugins])
        return
    for plugin in plugins:
        say(
            f"{plugin.distribution} {plugin.version}, {plugin.status}: "
            f"entry point {plugin.entry_point} = {plugin.module}"
        )
        if plugin.error:
            say(plugin.traceback.rstrip())
        elif plugin.skipped:
            say(plugin.skipped)
        for kind, thing, summary in _registered(plugin):
            hang(f"  {kind} {thing}  ", summary)
    failed = any(plugin.error for plugin in plugins)
    name = plugins[0].distribution
    say("", f"next: pip install --upgrade {name}" if failed else "next: rockfall list")


def _find(name: str) -> list[Plugin]:
    """The entry points of a distribution, by its name, with or without `rockfall-`."""
    for wanted in (canonical(name), f"rockfall-{canonical(name)}"):
        if found := [p for p in registry().plugins if canonical(p.distribution) == wanted]:
            return found
    known = [plugin.distribution for plugin in registry().plugins]
    known += [distribution.removeprefix("rockfall-") for distribution in known]
    hint = did_you_mean(name, known) or "; `rockfall plugins` lists them"
    raise UnknownName(f"no plugin named {name} is installed{hint}")


def _data(plugin: Plugin) -> dict[str, Any]:
    return {**asdict(plugin), "status": plugin.status}


def _outcome(plugin: Plugin) -> str:
    if plugin.error or plugin.skipped:
        return plugin.error or plugin.skipped
    counts = Counter(thing.rpartition(" ")[0] for thing in plugin.provides)
    several = {kind: kind[:-1] + "ies" if kind.endswith("y") else f"{kind}s" for kind in counts}
    parts = [f"{n} {kind if n == 1 else several[kind]}" for kind, n in counts.items()]
    return ", ".join(parts) or "follows runs"


def _registered(plugin: Plugin) -> list[tuple[str, str, str]]:
    return [
        (entry.spec.kind, entry.spec.name, entry.spec.summary)
        for catalogue in registry().catalogues
        for entry in catalogue
        if entry.owner == plugin.distribution
        and f"{entry.spec.kind} {entry.spec.name}" in plugin.provides
    ]


def _shared_names() -> list[dict[str, Any]]:
    """The names that more than one distribution registered; only full names find those."""
    shared: dict[tuple[str, str], list[str]] = {}
    for catalogue in registry().catalogues:
        for entry in catalogue:
            if len(catalogue.owners(entry.spec.name)) > 1:
                shared.setdefault((entry.spec.kind, entry.spec.name), []).append(entry.full_name)
    return [{"kind": k, "name": n, "use": names} for (k, n), names in shared.items()]
