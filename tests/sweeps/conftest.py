"""No test of a sweep's decisions needs its journal to outlast a power cut."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
