"""What `rockfall stylize` is given: pictures, films and folders of them, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rockfall import RockfallError, UsageError
from rockfall.kit.files import writing
from rockfall.kit.pictures import SUFFIXES
from rockfall.verbs import check_new_file
from rockfall_style.films import ANIMATED, VIDEO, WRITTEN, count_frames, is_video
from rockfall_style.picture_names import require_picture


@dataclass(frozen=True)
class Subject:
    """A picture or a film. text: a path, or the name of a registered picture."""

    text: str
    film: bool = False

    @property
    def stem(self) -> str:
        return Path(self.text).stem

    @property
    def suffix(self) -> str:
        """Of the file that is made of it, if nobody says."""
        if not self.film:
            return SUFFIXES[0]
        own = Path(self.text).suffix.lower()
        return own if own in WRITTEN else ".mp4" if own in VIDEO else ANIMATED[0]


@dataclass(frozen=True)
class Given:
    """subjects: in order. left_out: the files of folders that are neither pictures nor films.
    folder: the name of the folder, if one was given and nothing else.
    """

    subjects: list[Subject]
    left_out: list[str]
    folder: str = ""

    @property
    def several(self) -> bool:
        return len(self.subjects) > 1 or bool(self.folder)


def split_words(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words that name pictures, and those that are `key=value` settings. Raises UsageError if
    none names a picture.
    """
    settings = [word for word in words if "=" in word and not os.path.exists(word)]
    named = [word for word in words if word not in settings]
    if not named:
        raise UsageError("name a picture, a film or a folder of such")
    return named, tuple(settings)


def find_subjects(words: Sequence[str]) -> Given:
    """Raises UnknownName for what is neither a file nor a folder nor a picture's name, and
    UsageError for a file that is no picture, and a folder without any.
    """
    found, left_out = [], []
    for word in words:
        path = Path(word).expanduser()
        if not path.is_dir():
            require_picture(word)
            found.append(_subject(path if path.is_file() else Path(word), word))
            continue
        inside = []
        for file in sorted(path.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                try:
                    inside.append(_subject(file, str(file)))
                except RockfallError:
                    left_out.append(file.name)
        if not inside:
            raise UsageError(
                f"{word} has no pictures: only what lies in the folder itself is taken"
            )
        found += inside
    alone = Path(words[0]).expanduser() if len(words) == 1 else None
    return Given(found, left_out, alone.resolve().name if alone and alone.is_dir() else "")


def _subject(path: Path, text: str) -> Subject:
    if not path.is_file():
        return Subject(text)  # a registered picture
    return Subject(text, film=is_video(path) or count_frames(path) != 1)


def destinations(
    given: Given, style: str, out: Path | IO[bytes] | None
) -> Sequence[Path | IO[bytes]]:
    """Where each goes: `NAME-STYLE.png` here or in the folder `out`, or the file `out`; of a folder
    `FOLDER-STYLE`, unless it is said. A folder is made.

    Raises UsageError for a name that two would have, and for a file that holds none of its kind.
    """
    first = given.subjects[0]
    if out is not None and not isinstance(out, Path):
        if given.several or first.film:
            raise UsageError("--out -: standard output takes one picture, and no film")
        return [out]
    if out is not None:
        out = out.expanduser()
    if not given.several and (out is None or not out.is_dir()):
        return [_checked(first, out or Path(f"{first.stem}-{style}{first.suffix}"))]
    if out is not None and out.suffix and not out.is_dir():
        count = len(given.subjects)
        raise UsageError(f"--out {out} is one file, and there are {count} pictures: name a folder")
    folder = out or Path(f"{given.folder}-{style}" if given.folder else "")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    taken: dict[Path, Subject] = {}
    for subject in given.subjects:
        path = _checked(subject, folder / f"{subject.stem}-{style}{subject.suffix}")
        if path in taken:
            raise UsageError(
                f"{taken[path].text} and {subject.text} would both be written to {path}: "
                "stylize them one at a time"
            )
        taken[path] = subject
    return list(taken)


def _checked(subject: Subject, path: Path) -> Path:
    if subject.film:
        own = subject.suffix
        others = (each for each in WRITTEN if each != own)
        return check_new_file(path, (own, *others))
    return check_new_file(path, SUFFIXES)
