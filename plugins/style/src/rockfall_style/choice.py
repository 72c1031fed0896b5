"""The argument of `--style`: pictures, published and trained styles, and the method they imply."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rockfall import RockfallError, UnknownName, UsageError
from rockfall.plugin import did_you_mean, registry
from rockfall.verbs import RunDirectory, all_runs
from rockfall_style.embedded import EMBEDDED
from rockfall_style.published import digests

GATYS, FAST_STYLE = "gatys", "fast-style"
METHODS = (GATYS, FAST_STYLE)
CAPABILITY = "stylizes"
SUFFIX = ".safetensors"
"""Of the file of a trained style."""
LAST = "last"
"""What always means the newest run."""


@dataclass(frozen=True)
class Style:
    """A style picture or a trained style.

    name: part of the output's file name. location: a path, or a name.
    """

    name: str
    kind: Literal["picture", "folder", "embedded", "published", "run", "file"]
    location: str

    @property
    def method(self) -> str:
        return GATYS if self.kind == "picture" else FAST_STYLE


def resolve_styles(text: str, method: str | None = None) -> tuple[str, list[Style]]:
    """The method, and the styles: one, or several with commas between.

    Each is an existing file or folder, whose path may contain commas, or else the name of a run, an
    embedded or published style, or a registered picture. method: the one that they must be for, if
    any. Raises UsageError for styles of different methods, and UnknownName with a suggestion.
    """
    words = [text] if os.path.exists(os.path.expanduser(text)) else text.split(",")
    styles = [_resolve(word.strip(), method) for word in words]
    methods = {style.method: style for style in styles}
    if len(methods) > 1:
        raise UsageError(
            f"--style {text}: {methods[GATYS].name} is a picture and {methods[FAST_STYLE].name} a "
            "trained style; one at a time"
        )
    (found,) = methods
    if method == GATYS and found != method:
        raise UsageError(
            f"gatys takes its style from a picture, and {styles[0].name} is a trained style"
        )
    if method == FAST_STYLE and found != method:
        location = styles[0].location
        raise UsageError(
            f"fast-style takes a trained style, and {location} is a picture; "
            f"`rockfall train fast-style ./photos style={location}` trains one"
        )
    return found, styles


def names() -> list[str]:
    """All names, beside paths, that `--style` takes."""
    runs = [run.name for run in all_runs() if _stylizes(run)]
    return [*runs, *EMBEDDED, *digests(), *registry().pictures.names()]


def _resolve(word: str, method: str | None) -> Style:
    found = (
        [_from_path(word)] if os.path.exists(os.path.expanduser(word)) else list(_from_name(word))
    )
    if found:
        return next((style for style in found if style.method == method), found[0])
    if not word:
        raise UsageError("--style has an empty name; with commas between: great-wave,starry-night")
    for run in all_runs()[-1:] if word == LAST else all_runs():
        if word in (run.name, LAST):
            _require_stylizes(run)
    hint = did_you_mean(word, names()) or (
        f"; {', '.join(EMBEDDED)} come with Rockfall, {', '.join(digests())} are downloaded"
    )
    raise UnknownName(
        f"no style {word}: no file or folder, no run of a trained style, no embedded or published "
        f"style, no picture by name{hint}"
    )


def _from_path(word: str) -> Style:
    from rockfall.kit import pictures
    from rockfall_style.manifest import MANIFEST

    path = Path(os.path.expanduser(word))
    if path.suffix == SUFFIX and path.is_file():
        return Style(path.stem, "file", str(path))
    if not path.is_dir():
        pictures.sides(path)  # refuses what is no picture, before any training
        return Style(path.stem, "picture", str(path))
    name = path.resolve().name
    if (path / MANIFEST).is_file():
        return Style(name, "folder", str(path))
    run = RunDirectory(path)
    if run.record_file.is_file():
        _require_stylizes(run)
        return Style(name, "run", str(path))
    raise UsageError(f"{path} is no style: it has neither {MANIFEST} nor a run")


def _from_name(word: str) -> Iterator[Style]:
    runs = all_runs()
    for run in runs[-1:] if word == LAST else runs:
        if word in (run.name, LAST) and _stylizes(run):
            yield Style(run.name, "run", str(run.path))
    if word in EMBEDDED:
        yield Style(word, "embedded", word)
    if word in digests():
        yield Style(word, "published", word)
    if registry().pictures.get(word) is not None:
        yield Style(word, "picture", word)
    matches = [run for run in runs if word and run.name.startswith(word) and _stylizes(run)]
    if len(matches) == 1:
        yield Style(matches[0].name, "run", str(matches[0].path))


def _require_stylizes(run: RunDirectory) -> None:
    """Raises UsageError for a run of another model, and RockfallError for a damaged one."""
    from rockfall.verbs import require_capability

    require_capability(run.record().model, CAPABILITY)


def _stylizes(run: RunDirectory) -> bool:
    try:
        entry = registry().models.get(run.record().model)
    except RockfallError:  # a damaged run
        return False
    return entry is not None and CAPABILITY in entry.spec.capabilities
