"""The table of contents: one verb, and the folders that it leaves among the runs."""

import sys
from typing import Any

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.command(
        name="sweep",
        summary="find good settings of a model: many runs, and which is the best",
        target="rockfall_sweeps.command:command",
        section="Learn",
    )
    register.folder(
        name="sweep",
        summary="the runs of a sweep, and what they say of each setting",
        target="rockfall_sweeps.page:SweepPage",
        marker="sweep.json",
    )


@hookimpl
def rockfall_run_started(run: Any) -> None:
    """Whoever carries out a trial in this process gets its run, which it may have to stop."""
    if trial := sys.modules.get("rockfall_sweeps.trial"):
        trial.run_started(run)
