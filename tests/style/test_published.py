"""The published styles: names, addresses and digests; downloaded once, or as laid."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from unittest import mock

import pytest

from rockfall.errors import RockfallError, Unavailable
from rockfall.kit.downloads import Remote, only_what_is_here
from rockfall_style import published
from rockfall_style.manifest import MANIFEST, read_style
from rockfall_style.published import digests, remotes, style_folder
from tests.style.test_manifest import lay

STYLES = ("la_muse", "rain_princess", "scream", "udnie", "wave", "wreck")
NAMES = [f"Variable_{number}" if number else "Variable" for number in range(48)]


def test_six_are_known_each_with_a_digest_a_variable() -> None:
    assert tuple(digests()) == STYLES
    every = [digest for style in STYLES for digest in digests()[style]]
    assert len(every) == len(set(every)) == 6 * 48
    for style in STYLES:
        files = remotes(style)
        assert [file.name for file in files] == NAMES
        for file in files:
            (url,) = file.urls
            assert url.startswith("https://raw.githubusercontent.com/reiinakano/fast-style-")
            assert url.endswith(f"/src/ckpts/{style}/{file.name}")


@pytest.mark.parametrize("style", STYLES)
def test_the_digests_are_those_of_the_files(style: str) -> None:
    folder = Path(os.environ.get("ROCKFALL_DATA", ""), published.FOLDER, style)
    if not folder.is_dir():
        pytest.skip(f"ROCKFALL_DATA has no {published.FOLDER}/{style}")
    for remote in remotes(style):
        content = (folder / remote.name).read_bytes()
        assert remote.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    read_style(folder)


def test_downloaded_once_and_complete_with_its_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKFALL_DATA", str(tmp_path / "data"))
    lay(tmp_path / "there")
    asked: list[str] = []

    def fetch(remote: Remote, folder: Path) -> Path:
        assert not (folder / MANIFEST).exists(), "a manifest means that all is there"
        asked.append(remote.name)
        if len(asked) == 30:
            raise Unavailable("the line broke")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / remote.name
        path.write_bytes((tmp_path / "there" / remote.name).read_bytes())
        return path

    with mock.patch.object(published, "fetch", fetch):
        with pytest.raises(Unavailable):
            style_folder("wave")
        assert not (tmp_path / "data/weights/fast-style/wave" / MANIFEST).exists()
        folder = style_folder("wave")
        assert folder == tmp_path / "data/weights/fast-style/wave"
        assert asked[30:] == NAMES
        read_style(folder)
        assert style_folder("wave") == folder
    assert len(asked) == 30 + 48


def test_what_was_laid_is_checked_for_its_structure_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKFALL_DATA", str(tmp_path))
    laid = tmp_path / "weights" / "fast-style" / "wave"
    laid.parent.mkdir(parents=True)
    lay(laid)
    with only_what_is_here():
        read_style(style_folder("wave"))
        (laid / "Variable_9").unlink()
        with pytest.raises(RockfallError, match="Variable_9"):
            read_style(style_folder("wave"))
        with pytest.raises(Unavailable, match="scream/Variable is not on this machine"):
            style_folder("scream")
