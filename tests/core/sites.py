"""Folders of made-up distributions, as pip would leave them, to put on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

REGISTER = """
from rockfall.plugin import hookimpl
rockfall_api = 1
@hookimpl
def rockfall_register(register):
"""


class Site:
    """A folder like `site-packages`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, code: str, *, entry: str = "", version: str = "1.2.3") -> str:
        """Lay in a distribution with one module; returns the module's name."""
        module = f"fake_{name.replace('-', '_')}"
        (self.path / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[rockfall]\n{entry or name} = {module}\n")
        return module

    def registering(self, name: str, *calls: str, entry: str = "") -> str:
        """A distribution whose plugin makes these calls on `register`."""
        body = "".join(f"    {call}\n" for call in calls)
        return self.add(name, REGISTER + body, entry=entry)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`rockfall …` in a process that sees this site."""
        code = "from rockfall.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(self.path), "COLUMNS": "200", **environment},
            check=False,
        )


def model(name: str = "thing", **fields: object) -> str:
    """A call that registers a model, valid but for the fields that are given."""
    values: dict[str, object] = {
        "name": name,
        "summary": "a thing",
        "target": "fake:Thing",
        "learns_from": ("pictures",),
        "default_source": "digits",
        **fields,
    }
    return f"register.model(**{values!r})"
