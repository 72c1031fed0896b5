"""What a driver asks of a place where trials run."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from rockfall_sweeps.trial import Job


class Said(NamedTuple):
    """What a trial tells: see `rockfall_sweeps.trial`. A place adds `gone`, with a `message`, of
    one that ended without having told how: it was killed, and can be begun again.
    """

    run: str
    event: dict[str, Any]


class Place(Protocol):
    """jobs: how many trials it carries out at once."""

    jobs: int

    def start(self, job: Job) -> None:
        """Begin one, or go on with it."""

    def heard(self, seconds: float) -> list[Said]:
        """What was said since the last call, waited for so long."""

    def stop(self, run: str, reason: str) -> None:
        """End a trial for good."""

    def close(self) -> None:
        """Stop all that still run, with time for a checkpoint."""
