"""A pytest plugin that keeps each test's outcome when it is known, so that a cut loses none.

`python -m tests.device` loads it, and names the folder and the part in the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.device.results import Results

FOLDER, PART = "ROCKFALL_DEVICE_RESULTS", "ROCKFALL_DEVICE_PART"
MESSAGE = 500
"""Characters of a failure."""


def pytest_runtest_logreport(report: Any) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ or FOLDER not in os.environ:
        return  # its controller keeps it
    if report.when != "call" and report.outcome == "passed":
        return
    outcome = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
    Results(Path(os.environ[FOLDER])).add(
        "test",
        part=os.environ[PART],
        name=report.nodeid,
        outcome=outcome,
        seconds=round(report.duration, 2),
        message=_message(report) if outcome == "failed" else "",
    )


def _message(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    said = crash.message if crash else str(report.longrepr)
    return " ".join(said.split())[:MESSAGE]
