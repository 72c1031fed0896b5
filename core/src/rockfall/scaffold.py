"""Writing a new plugin from a template, which is itself a plugin: `rockfall-hello`.

There is a template for each kind of thing that a plugin may begin with.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path

from rockfall.errors import RockfallError, UsageError
from rockfall.registry import canonical, registry

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {
    "classifier": "rockfall train {}",
    "generator": "rockfall train {}",
    "painter": "rockfall train {}",
    "agent": "rockfall train {}",
    "dataset": "rockfall show {}",
    "environment": "rockfall play random {}",
    "command": "rockfall {} --help",
}
"""The templates, and what to type first when such a plugin is installed."""
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def render(name: str, kind: str = "classifier") -> dict[Path, str]:
    """The files of `rockfall-NAME`, by their paths inside it.

    A template is called `hello`; NAME takes its place in each form that Python and packaging ask
    for.
    """
    template = TEMPLATES / kind
    snake = name.replace("-", "_")
    forms = {
        "rockfall_hello.hello": f"rockfall_{snake}.{snake}",
        "rockfall_hello": f"rockfall_{snake}",
        "hello.py": f"{snake}.py",
        "Hello": "".join(part.capitalize() for part in name.split("-")),
        "hello": name,
    }
    pattern = re.compile("|".join(map(re.escape, forms)))  # the longer ones first

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: forms[match[0]], text)

    return {
        Path(renamed(path.relative_to(template).as_posix())): renamed(path.read_text("utf-8"))
        for path in sorted(template.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write_plugin(name: str, into: Path, kind: str = "classifier") -> Path:
    """Write `rockfall-NAME` into a folder, whole or not at all, over nothing; returns its path.

    Raises UsageError for a name that can't be or is taken, RockfallError if the disk refuses.
    """
    check_name(name)
    folder = into / f"rockfall-{name}"
    if folder.exists():
        raise UsageError(f"{folder} is there already, and nothing is written over")
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=into))
        for path, text in render(name, kind).items():
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        temporary.chmod(0o755)  # a temporary folder is for its owner alone
        os.rename(temporary, folder)
    except OSError as error:
        raise RockfallError(f"can't write {folder}: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check_name(name: str) -> None:
    """Raise UsageError for a name that no plugin can have, or that something installed has."""
    bare = name.removeprefix("rockfall-")
    if not NAME.fullmatch(name) or bare != name:
        say = f"; say {bare}" if bare != name else ""
        raise UsageError(f"plugin name {name!r}: use lower-case letters, digits and dashes{say}")
    if keyword.iskeyword(name):
        raise UsageError(f"{name} is a word of Python's: choose another name")
    if name == "plugin":
        raise UsageError(f"{name} is the name of a file in every plugin: choose another name")
    for plugin in registry().plugins:
        if canonical(plugin.distribution) == f"rockfall-{name}":
            raise UsageError(f"{plugin.distribution} is installed: choose another name")
    for catalogue in registry().catalogues:
        if owners := catalogue.owners(name):
            kind = catalogue.kind.kind
            raise UsageError(f"the {kind} {name} is in {owners[0]}: choose another name")
