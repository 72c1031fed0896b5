"""`rockfall` and `rockfall --help`: what is here, in one screen. Plain text, to be quick."""

from __future__ import annotations

from rockfall.capabilities import has_capability
from rockfall.first_steps import first_command, first_model
from rockfall.kit.console import hang, say
from rockfall.registry import registry

SECTIONS = ("Learn", "Look", "Use", "Extend")


def print_overview() -> None:
    """What is installed, and what to type first."""
    found = registry()
    say("Rockfall: models that learn to play, see and draw.\n")
    for catalogue in (found.models, found.environments, found.datasets, found.pictures):
        hang(f"{catalogue.kind.kind + 's':14}", ", ".join(catalogue.names()) or "none")
    failed = [plugin for plugin in found.plugins if plugin.error]
    if failed:
        say(f"\n{len(failed)} plugin(s) failed to load: `rockfall plugins` says why.")
    say("")
    for label, text in _first_steps():
        hang(f"{label:14}", text)


def _first_steps() -> list[tuple[str, str]]:
    """Labels, and what to type, if a model is installed and if not."""
    last, entry = ("all verbs", "rockfall --help"), first_model()
    if entry is None:
        install = f"{first_command()}   (a plugin, such as those named rockfall-… on PyPI)"
        return [("start with", install), ("or write one", "rockfall new-plugin NAME"), last]
    able = [
        each.spec for each in registry().capabilities if has_capability(entry.spec, each.spec.name)
    ]
    verbs = [spec.verb.replace("RUN", "last") for spec in able if spec.verb.split()[1:] == ["RUN"]]
    following = f"rockfall {verbs[0] if verbs else 'show last'}"
    return [("start with", first_command()), ("then", following), last]


def print_help() -> None:
    """Every verb, by section."""
    say("rockfall VERB …   (`rockfall VERB --help` tells more)")
    commands = registry().commands
    sections: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
    for entry in commands:
        verb = (commands.shown_name(entry), entry.spec.summary)
        sections.setdefault(entry.spec.section, []).append(verb)
    width = max(len(name) for verbs in sections.values() for name, _ in verbs)
    for section, verbs in sections.items():
        if verbs:
            say(f"\n{section}")
        for name, summary in verbs:
            hang(f"  {name:{width}}  ", summary)
    say("\n--version · --traceback shows where an error came from")
