"""Text, character by character, of which the next is asked for.

The text is cut in three, in its order: the first eight tenths are learned from, the next is for
validation, the last for the test. An epoch has as many windows as fit beside one another, from
anywhere in the first part. In validation and test two windows overlap by half, and the second half
of each is asked for, so that every character but the very first is told with at least half a window
of text before it.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from rockfall import Batch, Split, UsageError
from rockfall.kit.targets import NO_TARGET
from rockfall.plugin import Seed
from rockfall_sequences.sequences import Sequences, parts_of

NAMES = {"\n": "⏎", " ": "␣", "\t": "⇥"}
"""Of characters that could not be seen."""
UNKNOWN = "�"
"""Stands for whatever occurs in validation or test alone."""
MOST = 20_000_000
"""Characters of a file that are read; in memory each takes 16 bytes."""
SUFFIXES = (".txt", ".md")
MOST_KINDS = 1_000
"""Different characters: each is a number in every step."""

Length = Annotated[int, Field(ge=2, le=4096, description="characters of a window")]


def text(length: Length = 64, seed: Seed = 0) -> Sequences:
    """The Declaration of Independence and the Constitution of the United States, of 1776 and 1787,
    as Debian's package miscfiles has them; brackets and double quotes, too rare to be learned, are
    written otherwise.
    """
    embedded = files("rockfall_sequences") / "declaration_and_constitution.txt"
    return of_text("text", embedded.read_text(encoding="utf-8"), length, seed)


def of_text(name: str, content: str, length: int, seed: int) -> Sequences:
    """Windows (N, length) of the text. Raises UsageError for one that is too short or has too many
    different characters.
    """
    parts = parts_of(name, len(content), "characters", length)
    alphabet = sorted(set(content[parts["train"]]))
    if set(content) - set(alphabet):
        alphabet.append(UNKNOWN)
    if len(alphabet) > MOST_KINDS:
        raise UsageError(
            f"{name} has {len(alphabet):,} different characters, more than {MOST_KINDS:,}"
        )
    numbers = {character: number for number, character in enumerate(alphabet)}
    whole = torch.tensor([numbers.get(c, len(alphabet) - 1) for c in content])
    learned = whole[parts["train"]]

    def draws(count: int, generator: Generator) -> Batch:
        begins = torch.randint(len(learned) - length, (count,), generator=generator)
        windows = learned[begins[:, None] + torch.arange(length + 1)]
        return Batch(windows[:, :-1], windows[:, 1:].clone())

    names = tuple(NAMES.get(character, character) for character in alphabet)
    splits = {
        key: Split(
            *beside(learned, length) if key == "train" else overlapping(whole[place], length)
        )
        for key, place in parts.items()
    }
    streams = {key: whole_of(whole[place]) for key, place in parts.items()}
    return Sequences(
        name,
        splits,
        classes=names,
        symbols=names,
        draws=draws,
        seed=seed,
        is_text=True,
        streams=streams,
    )


def whole_of(symbols: Tensor) -> Split:
    """All of them as one sequence (1, T)."""
    return Split(symbols[None, :-1], symbols[None, 1:])


def beside(symbols: Tensor, length: int) -> Batch:
    """Windows one after the other, every step with a target, without what is left at the end."""
    windows = symbols.unfold(0, length + 1, length)
    return Batch(windows[:, :-1].clone(), windows[:, 1:].clone())


def overlapping(symbols: Tensor, length: int) -> Batch:
    """Windows that overlap by half; of all but the first, the second half alone is asked for."""
    windows = symbols.unfold(0, length + 1, (length + 1) // 2)
    labels = windows[:, 1:].clone()
    labels[1:, : length - (length + 1) // 2] = NO_TARGET
    return Batch(windows[:, :-1].clone(), labels)


def open_text(typed: str, options: dict[str, object]) -> Sequences | None:
    """The path of a text file, `.txt` or `.md`; others are not ours."""
    from rockfall.plugin import open_with

    if not preset_for(typed):
        return None
    path = Path(typed).expanduser()

    def make(length: Length = 64, seed: Seed = 0) -> Sequences:
        return of_text(str(path.resolve()), _read(path), length, seed)

    source = open_with(typed, make, options)
    assert isinstance(source, Sequences)
    return source


def preset_for(typed: str) -> str:
    """`text` for the path of a text file, empty for another."""
    path = Path(typed).expanduser()
    return "text" if path.suffix.lower() in SUFFIXES and path.is_file() else ""


def _read(path: Path) -> str:
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: convert it first") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    if len(content) > MOST:
        raise UsageError(f"{path} has {len(content):,} characters, more than {MOST:,}: cut it")
    return content
