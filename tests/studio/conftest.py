"""Handlers without a server or a browser, on a folder of their own; and small trained runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rockfall_studio import asks, views
from rockfall_studio.asks import Answer
from rockfall_studio.studio import Studio
from tests.studio import serving


class Asking:
    """A studio as a page reaches it: by names of asks and plain fields.

    asking("home.runs") → its answer. asking.stream(…) → its answers, which may be None where there
    is nothing new; close it as a tab would.
    """

    def __init__(self, studio: Studio) -> None:
        views.load()
        self.studio = studio

    def __call__(self, name: str, /, attached: bytes = b"", **fields: Any) -> Answer:
        (answer,) = self.stream(name, attached, **fields)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, name: str, /, attached: bytes = b"", **fields: Any) -> Iterator[Answer | None]:
        return asks.answer(self.studio, *asks.read(name, fields, attached))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """On an empty folder of runs, which is `studio.out`."""
    opened = Studio(tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def asking(studio: Studio) -> Asking:
    return Asking(studio)


@pytest.fixture(scope="session")
def shared_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share, for what is looked at and not changed.

    ROCKFALL_STUDIO_RUNS names one that lasts, so that nobody waits for its training twice.
    """
    if kept := os.environ.get("ROCKFALL_STUDIO_RUNS"):
        return Path(kept).resolve()
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "studio-runs"


@pytest.fixture(scope="session")
def trained(shared_runs: Path) -> Callable[[str], Path]:
    """trained("vae") → the run of that name in `shared_runs`: see `serving.TRAINED`."""
    return lambda name: serving.trained(shared_runs, name)


@pytest.fixture
def looking(shared_runs: Path, trained: Callable[[str], Path]) -> Iterator[Callable[..., Asking]]:
    """looking("vae", …) → asks of a studio in which these runs are, and perhaps others."""
    opened = Studio(shared_runs)

    def look(*names: str) -> Asking:
        for name in names:
            trained(name)
        return Asking(opened)

    yield look
    opened.close()
