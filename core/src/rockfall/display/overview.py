"""`rockfall` and `rockfall --help`: what is here, in one screen."""

from __future__ import annotations

from rockfall.display.tables import console, print_table, say
from rockfall.registry import registry

SECTIONS = ("Learn", "Look", "Use", "Extend")


def print_overview() -> None:
    """What is installed, and what to type first."""
    found = registry()
    say("Rockfall: models that learn to play, see and draw.", "")
    for catalogue, what in (
        (found.models, "models"),
        (found.environments, "environments"),
        (found.datasets, "datasets"),
    ):
        say(f"{len(catalogue):3} {what}: {', '.join(catalogue.names()) or 'none'}")
    failed = [plugin for plugin in found.plugins if plugin.error]
    if failed:
        say("", f"{len(failed)} plugin(s) failed to load: `rockfall plugins` says why.")
    say(
        "",
        "Start with   rockfall train reinforce",
        "then         rockfall play last",
        "All verbs    rockfall --help",
    )


def print_help() -> None:
    """Every verb, by section."""
    say("Usage: rockfall VERB … (`rockfall VERB --help` for one)", "")
    commands = registry().commands
    named = [commands.shown_name(entry) for entry in commands]
    sections: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
    for name, entry in zip(named, commands, strict=True):
        sections.setdefault(entry.spec.section, []).append((name, entry.spec.summary))
    width = max(map(len, named))
    for section, verbs in sections.items():
        print_table(("", ""), [(f"  {name:{width}}", summary) for name, summary in verbs], section)
    console().print("\n--version · --traceback shows where an error came from", markup=False)
