"""A capability as `rockfall info` describes it: what a model needs in order to have it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from rockfall.capabilities import models_with
from rockfall.catalogue import Entry
from rockfall.kit.console import hang, say
from rockfall.registry import registry
from rockfall.specs import CapabilitySpec, load_target


def capability_info(entry: Entry[CapabilitySpec]) -> dict[str, Any]:
    """Its spec, the members of its protocol, and what its targets say of themselves."""
    return {
        **asdict(entry.spec),
        "distribution": entry.owner,
        "members": _members(entry.spec.load()),
        "measures": _documentation(entry.spec.evaluate),
        "conformance": _documentation(entry.spec.check),
        "ready": list(entry.spec.load(entry.spec.ready)()) if entry.spec.ready else [],
        "models": [registry().models.shown_name(each) for each in models_with(entry.spec.name)],
    }


def print_capability(data: dict[str, Any]) -> None:
    say(f"{data['name']}: {data['summary']}  (from {data['distribution']})", "", "A model has", "")
    for member in data["members"]:
        say(f"  {member['signature']}", textwrap.indent(member["documentation"], "      "), "")
    needed = f", after a source of the kind {data['verb_needs']}" if data["verb_needs"] else ""
    drawn = {"after training": data["pictures"], "while it learns": data["snapshots"]}
    rows = {
        "verb": data["verb"] and f"rockfall {data['verb']}{needed}",
        "measures": data["measures"],
        "derives": ", ".join(f"{key} ({what})" for key, what in data["derived"].items()),
        "pictures": " and ".join(when for when, target in drawn.items() if target),
        "conformance": data["conformance"],
        "models": ", ".join(data["models"]) or "none that is installed",
        "ready": ", ".join(data["ready"]),
    }
    for label, text in rows.items():
        if text:
            hang(f"{label:12}  ", text)
    name = f"{data['distribution']}:{data['name']}"
    say("", f'next: register.model(…, capabilities=("{name}",)) in your plugin')


def _members(protocol: type) -> list[dict[str, str]]:
    """Methods and attributes of a protocol, as its source has them, with their docstrings."""
    found = {}
    for base in reversed(protocol.__mro__):
        if base.__module__ in ("builtins", "typing"):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for node, after in pairwise([*tree.body, ast.Pass()]):
            match node, after:
                case ast.FunctionDef(name=name), _ if not name.startswith("_"):
                    arguments = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
                    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
                    signature = f"{name}({arguments}){result}"
                    found[name] = signature, ast.get_docstring(node) or ""
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                    found[name] = f"{name}: {ast.unparse(node.annotation)}", inspect.cleandoc(text)
                case ast.AnnAssign(target=ast.Name(id=name)), _:
                    found[name] = f"{name}: {ast.unparse(node.annotation)}", ""
    return [
        {"name": name, "signature": signature, "documentation": text}
        for name, (signature, text) in found.items()
    ]


def _documentation(target: str) -> str:
    return " ".join((inspect.getdoc(load_target(target)) or "").split()) if target else ""
