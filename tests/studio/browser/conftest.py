"""A real browser before a real studio.

    def test_a_figure_shows(studio, open_page, trained):
        trained("lenet5")
        page = open_page(studio, "#see/lenet5")
        assert …

Every test of this folder is marked `browser` and `slow`, and skipped where there is no browser:
`apt-get install -y --no-install-recommends chromium fonts-dejavu-core`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rockfall.scaffold import write_plugin
from tests.studio import serving
from tests.studio.serving import Served

CHROMIUM = Path("/usr/bin/chromium")
HERE = Path(__file__).parent
SCREENSHOTS = "ROCKFALL_SCREENSHOTS"
"""The folder for pictures of pages; none are made without it."""
WIDTHS = {1280: 800, 390: 844}
PATIENCE = 20_000
"""Milliseconds that something may take to appear while other tests run beside this one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page_errors() -> list[str]:
    """What the browser complained of. A test that provokes something clears it."""
    return []


@pytest.fixture
def page(browser: Any, page_errors: list[str]) -> Iterator[Any]:
    """An empty page; the test fails at its end if the browser's console had an error, which a
    breach of the content security policy is, too.
    """
    context = browser.new_context(viewport={"width": 1280, "height": WIDTHS[1280]})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    watch(opened, page_errors)
    yield opened
    context.close()
    assert not page_errors, page_errors


def watch(page: Any, errors: list[str]) -> None:
    """Note its errors."""
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))


@pytest.fixture(scope="session")
def studio(shared_runs: Path) -> Iterator[Served]:
    """One for all tests of a worker, for looking: train and change in `own_studio` instead."""
    with serving.serve(shared_runs) as served:
        yield served


@pytest.fixture
def own_studio(tmp_path: Path, trained: Callable[[str], Path]) -> Iterator[Callable[..., Served]]:
    """own_studio("lenet5", …) → a studio in a folder of its own with copies of these runs."""
    with ExitStack() as stack:

        def begin(*names: str, options: tuple[str, ...] = (), port: int = 0) -> Served:
            for name in names:
                shutil.copytree(trained(name), tmp_path / "runs" / name, dirs_exist_ok=True)
            return stack.enter_context(serving.serve(tmp_path / "runs", *options, port=port))

        yield begin


@pytest.fixture
def open_page(page: Any) -> Callable[..., Any]:
    """open_page(studio, "#see/lenet5") → the page, at that view."""

    def at(studio: Served, view: str = "") -> Any:
        page.goto(studio.address + view)
        return page

    return at


@pytest.fixture
def scaffolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """scaffolded("generator") → a folder with a run, `mine`, of what `rockfall new-plugin` writes,
    which has no line about the studio. It is installed for this test alone.
    """

    def at(kind: str) -> Path:
        folder = write_plugin("my-first", tmp_path, kind)
        assert "studio" not in "".join(file.read_text() for file in folder.rglob("*.py"))
        site = tmp_path / "site"
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        offline = ("--no-index", "--no-deps", "--no-build-isolation", "--target", str(site))
        subprocess.run([*pip, *offline, str(folder)], check=True)
        monkeypatch.setenv("PYTHONPATH", str(site))
        runs = tmp_path / "runs"
        words = ("train", "my-first", "--name", "mine", "--out", str(runs), "--json")
        subprocess.run(serving.rockfall(*words), check=True, capture_output=True)
        return runs

    return at


@pytest.fixture
def screenshot() -> Callable[..., None]:
    """screenshot(page, "home") → the whole page at both widths, light and dark, in the folder that
    ROCKFALL_SCREENSHOTS names. The page is left as it was.
    """

    def take(page: Any, name: str) -> None:
        if SCREENSHOTS not in os.environ:
            return
        folder = Path(os.environ[SCREENSHOTS])
        folder.mkdir(parents=True, exist_ok=True)
        before = page.viewport_size
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(200)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        page.emulate_media(color_scheme=None)
        page.set_viewport_size(before)

    return take
