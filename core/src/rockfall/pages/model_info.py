"""A model as `rockfall info` describes it: settings, presets, capabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rockfall.catalogue import Entry
from rockfall.config import to_text
from rockfall.errors import PluginError
from rockfall.kit.console import print_table, say
from rockfall.kit.remembered import remembered
from rockfall.specs import ModelSpec


def model_info(entry: Entry[ModelSpec]) -> dict[str, Any]:
    """`settings`, each as `Setting._asdict()`, and `presets` are remembered, for to import a model
    is to import torch.
    """

    def described() -> tuple[dict[str, Any], tuple[type, ...]]:
        kind = entry.spec.load()
        if not hasattr(kind, "Config"):
            raise PluginError(f"{entry.spec.whose} has no Config, which every model has")
        presets = getattr(kind, "presets", {})
        found = {
            "settings": [setting._asdict() for setting in kind.Config.described()],
            "presets": {
                name: {key: to_text(value) for key, value in values.items()}
                for name, values in presets.items()
            },
        }
        return found, (kind, kind.Config)

    return {
        **asdict(entry.spec),
        "distribution": entry.owner,
        **remembered(entry.spec.target, described),
    }


def print_model(data: dict[str, Any]) -> None:
    say(
        f"{data['name']}: {data['summary']}  (from {data['distribution']})",
        f"learns from {' or '.join(data['learns_from'])}; by default {data['default_source']}",
        f"computes on {', '.join(data['devices'])}",
        f"capabilities: {', '.join(data['capabilities']) or 'none'}",
    )
    if data["reference"]:
        say(f"after {data['reference']}")
    say("")
    print_settings("setting", data["settings"])
    if data["presets"]:
        rows = [
            (name, " ".join(f"{k}={v}" for k, v in values.items()) or "the defaults")
            for name, values in data["presets"].items()
        ]
        say("")
        print_table(("preset", "settings"), rows)
        say("", "A preset named like the source is used by default.")
    say("", f"rockfall train {data['name']} {data['default_source']} key=value …")


def print_settings(title: str, described: Iterable[dict[str, Any]]) -> None:
    """A table of settings, each as `Setting._asdict()`."""
    rows = [
        (s["name"], s["default"], f"{s['type']} {s['bounds']}".strip(), s["why"]) for s in described
    ]
    print_table((title, "default", "type", "description"), rows)
