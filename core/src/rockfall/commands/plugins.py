"""`rockfall plugins [NAME]`: what is installed, what failed to load, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from rockfall.errors import UnknownName, did_you_mean
from rockfall.kit.console import hang, print_json, say
from rockfall.kit.distributions import installed
from rockfall.registry import GROUP, SLOW, Plugin, broken_plugin, canonical, registry
from rockfall.specs import counted_kind
from rockfall.verbs.options import as_json


@click.command("plugins")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List the installed plugins; with NAME, all about one, and where it failed."""
    plugins = _find(name) if name else _all()
    data = [{**asdict(plugin), "status": plugin.status} for plugin in plugins]
    if as_json:
        print_json(data if name else {"plugins": data, "shared_names": _shared_names()})
    elif name:
        _print_one(plugins)
    else:
        _print_all(plugins)


def _print_all(plugins: list[Plugin]) -> None:
    titles = [f"{plugin.distribution} {plugin.version} {plugin.entry_point}" for plugin in plugins]
    width = max(map(len, titles))
    for title, plugin in zip(titles, plugins, strict=True):
        hang(f"{title:{width}}  ", f"{plugin.status}: {_outcome(plugin)}")
    for shared in _shared_names():
        use = " or ".join(shared["use"])
        say("", f"{shared['kind']} {shared['name']} is in several plugins; say {use}")
    if failed := [plugin.distribution for plugin in plugins if plugin.error]:
        say("", f"`rockfall plugins {failed[0]}` shows where it failed")
    else:
        say("", "`rockfall install NAME` adds one, `rockfall new-plugin NAME` writes one")


def _print_one(plugins: list[Plugin]) -> None:
    for plugin in plugins:
        say(
            f"{plugin.distribution} {plugin.version}, {plugin.status}: "
            f"entry point {plugin.entry_point} = {plugin.module}"
        )
        if plugin.error or plugin.skipped:
            say(plugin.traceback.rstrip() or plugin.skipped)
        for catalogue in registry().catalogues:
            for owner, spec in catalogue:
                name = f"{spec.kind} {spec.name}"
                if owner == plugin.distribution and name in plugin.provides:
                    hang(f"  {name}  ", spec.summary)
    failed = any(plugin.error for plugin in plugins)
    upgrade = f"pip install --upgrade {plugins[0].distribution}"
    say("", f"next: {upgrade if failed else 'rockfall list'}")


def _all() -> list[Plugin]:
    """The plugins, and all other distributions that are broken: they may have been some."""
    known = registry().plugins
    also = [broken_plugin(each) for each in installed(GROUP, thoroughly=True) if each.broken]
    return [*known, *(each for each in also if each.module not in {p.module for p in known})]


def _find(name: str) -> list[Plugin]:
    """The entry points of a distribution, by its name, with or without `rockfall-`."""
    for wanted in (canonical(name), f"rockfall-{canonical(name)}"):
        if found := [p for p in _all() if canonical(p.distribution) == wanted]:
            return found
    known = [plugin.distribution for plugin in registry().plugins]
    known += [distribution.removeprefix("rockfall-") for distribution in known]
    hint = did_you_mean(name, known) or "; `rockfall plugins` lists them"
    raise UnknownName(f"no plugin named {name} is installed{hint}")


def _outcome(plugin: Plugin) -> str:
    if plugin.error or plugin.skipped:
        return plugin.error or plugin.skipped
    counts = Counter(provided.rpartition(" ")[0] for provided in plugin.provides)
    outcome = ", ".join(counted_kind(n, kind) for kind, n in counts.items()) or "follows runs"
    slow = []
    if plugin.imported:
        slow.append(f"imports {' and '.join(plugin.imported)}")
    if plugin.imported or plugin.seconds >= SLOW:
        slow.append(f"takes {plugin.seconds:.1f} s to register, for which every command waits")
    return "; ".join((outcome, *slow))


def _shared_names() -> list[dict[str, Any]]:
    """The names that more than one distribution registered; only full names find those."""
    shared: dict[tuple[str, str], list[str]] = {}
    for catalogue in registry().catalogues:
        for entry in catalogue:
            if len(catalogue.owners(entry.spec.name)) > 1:
                shared.setdefault((entry.spec.kind, entry.spec.name), []).append(entry.full_name)
    return [{"kind": k, "name": n, "use": names} for (k, n), names in shared.items()]
