"""Installed distributions that are broken in any way break nothing else, and are named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rockfall.kit import distributions
from rockfall.kit.distributions import installed
from tests.core.sites import Site, model

METADATA = "Metadata-Version: 2.1\nName: rockfall-bad\nVersion: 1.0\n"
Break = Callable[[Path], object]


def text(file: str, content: str | bytes) -> Break:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda info: (info / file).write_bytes(data)


def instead(file: str, make: Callable[[Path], object]) -> Break:
    """Something else at the place of a file."""

    def do(info: Path) -> None:
        (info / file).unlink(missing_ok=True)
        make(info / file)

    return do


POINTS = "entry_points.txt"
BROKEN: dict[str, Break] = {
    "entry points are not UTF-8": text(POINTS, b"[rockfall]\nbad = \xff\xfe\n"),
    "entry points are no INI": text(POINTS, "[other]\nno equals sign\n"),
    "entry points are huge": text(POINTS, b"#" * (distributions.MOST_BYTES + 1)),
    "entry points are a folder": instead(POINTS, Path.mkdir),
    "entry points are a pipe": instead(POINTS, os.mkfifo),
    "entry points lead round in a circle": instead(POINTS, lambda path: path.symlink_to(path)),
    "metadata is not UTF-8": text("METADATA", b"Name: rockfall-bad\xff\n"),
    "metadata is a folder": instead("METADATA", Path.mkdir),
    "metadata is a pipe": instead("METADATA", os.mkfifo),
    "metadata is missing": instead("METADATA", lambda path: None),
    "metadata is huge": text("METADATA", b"#" * (distributions.MOST_BYTES + 1)),
}
HARMLESS: dict[str, Break] = {
    "metadata has no name": text("METADATA", "Version: 1\n"),
    "metadata is no header": text("METADATA", "\n\nName of it\x00\n: : :\n"),
    "a broken RECORD": text("RECORD", b"\xff\xff,,\n"),
    "entry points have no section": text(POINTS, "bad = rockfall_bad\n"),
    "no entry points": instead(POINTS, lambda path: None),
}


def laid(site: Path, breaks: Break, folder: str = "rockfall_bad-1.0.dist-info") -> Path:
    info = site / folder
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / POINTS).write_text("[rockfall]\nbad = fake_bad\n")
    breaks(info)
    return info


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_distribution_is_named_with_its_path(case: str, path: Path) -> None:
    others = installed("rockfall")
    info = laid(path, BROKEN[case])
    found = installed("rockfall")
    (bad,) = (each for each in found if each.broken)
    assert (bad.name, bad.version, bad.path) == ("rockfall-bad", "1.0", str(info))
    assert bad.broken.startswith("its metadata can't be read: ")
    assert "\n" not in bad.broken
    assert [each for each in found if not each.broken] == others


@pytest.mark.parametrize("case", HARMLESS)
def test_what_is_not_needed_may_be_broken(case: str, path: Path) -> None:
    laid(path, HARMLESS[case])
    assert not [each.broken for each in installed("rockfall") if each.broken]


def test_one_that_is_there_twice_is_told(path: Path) -> None:
    for version in ("1.0", "2.0"):
        laid(path, lambda info: None, f"rockfall_bad-{version}.dist-info")
    found = [each for each in installed("rockfall", thoroughly=True) if each.name == "rockfall-bad"]
    assert len([each for each in found if each.entries]) == 1
    assert [each.broken[:19] for each in found if each.broken] == ["it is installed twi"]
    assert len([each for each in installed("rockfall") if each.name == "rockfall-bad"]) == 1


@pytest.mark.parametrize(
    "name", ["-1.0.dist-info", ".dist-info", "\x1b]0;x.dist-info", "a b.egg-info"]
)
def test_folders_with_bad_names(name: str, path: Path) -> None:
    laid(path, BROKEN["entry points are not UTF-8"], name)
    assert [each.path for each in installed("rockfall") if each.broken] == [str(path / name)]


@pytest.mark.long
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    file=st.sampled_from([POINTS, "METADATA", "RECORD", "WHEEL", "top_level.txt"]),
    content=st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: f"[rockfall]{text}".encode("utf-8", "replace")),
)
def test_whatever_a_file_holds_the_others_are_found(file: str, content: bytes, path: Path) -> None:
    info = path / "rockfall_bad-1.0.dist-info"
    if not info.exists():
        laid(path, lambda info: None)
    (info / file).write_bytes(content)
    found = installed("rockfall")
    names = [each.name for each in found if not each.broken]
    assert {"rockfall-core", "rockfall-vision"} <= set(names)
    assert all(each.path == str(info) for each in found if each.broken)
    for each in found:
        assert "\n" not in each.broken


@pytest.mark.long
def test_every_verb_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path)
    info = laid(tmp_path, BROKEN["entry points are not UTF-8"])
    other = laid(tmp_path, BROKEN["metadata is not UTF-8"], "unrelated-3.0.dist-info")
    (other / POINTS).unlink()
    site.registering("rockfall-good", model("good-thing"))
    for words in (["--help"], ["list", "models"], ["info", "classifies"], ["--version"]):
        done = site.run(*words)
        assert done.returncode == 0, done.stderr
    assert "good-thing" in site.run("list", "models").stdout
    shown = site.run("plugins").stdout
    for each in (info, other):
        assert str(each) in shown
    listed = json.loads(site.run("plugins", "--json").stdout)["plugins"]
    bad = [plugin for plugin in listed if plugin["status"] == "failed"]
    assert {plugin["distribution"] for plugin in bad} == {"rockfall-bad", "unrelated"}
    assert str(info) in site.run("plugins", "bad").stdout
    unknown = site.run("info", "lenat")
    assert "a plugin failed to load" in unknown.stderr
