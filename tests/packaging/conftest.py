"""Wheels are built once a process, and thrown away at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.packaging import wheels


@pytest.fixture(scope="session", autouse=True)
def _discard_wheels() -> Iterator[None]:
    yield
    wheels.discard()
