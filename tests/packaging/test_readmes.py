"""What the READMEs tell people to type is something that can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from rockfall.registry import registry

ROOT = Path(__file__).parents[2]
READMES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("*/*/README.md")),
]
BLOCK = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)\)")


def commands() -> list[tuple[str, str]]:
    """(file, line) of every command; what stands after three spaces is a remark."""
    found = []
    for path in READMES:
        for block in BLOCK.findall(path.read_text("utf-8")):
            for line in block.splitlines():
                typed = re.split(r"\s{3,}|\s+#", line.removeprefix(".venv/bin/"))[0]
                if typed.split()[:1] == ["rockfall"]:
                    found.append((str(path.relative_to(ROOT)), typed))
    return found


@pytest.mark.parametrize(("file", "typed"), commands())
def test_commands_can_be_parsed(
    file: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *words = shlex.split(typed)
    if not words or words[0].startswith("--"):
        return
    monkeypatch.chdir(tmp_path)
    for word in words:
        if word.endswith(".png"):
            Path(word).touch()
    command: click.Command = registry().commands.find(words[0]).spec.load()
    command.make_context(words[0], words[1:])
    if words[0] in ("train", "info") and words[1] not in registry().datasets.names():
        known = registry().models.get(words[1])
        if words[0] == "info":
            known = known or registry().capabilities.get(words[1])
        assert known, f"{file}: {typed}"


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_makefile_is_what_the_readme_says() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text("utf-8")))
    assert said - {"it"} <= targets
