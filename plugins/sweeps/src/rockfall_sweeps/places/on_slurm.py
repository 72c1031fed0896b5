"""Trials as jobs of Slurm, through submitit. The nodes share the sweep's folder.

What a trial says goes into a file of its own there, and what it is told comes from another, so that
nothing else needs to reach a node.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from pathlib import Path
from typing import Any

from rockfall import UsageError
from rockfall_sweeps.places.place import Said
from rockfall_sweeps.trial import INTERRUPT, Job, carry_out, failure

PATIENCE = 30.0
"""Seconds in which a trial that is told to stop may write its checkpoint."""
LOOK = 0.2
"""Seconds between two looks at what was said."""


class OnSlurm:
    """jobs: at most so many in the queue. cluster: of submitit's, `local` to try it without Slurm.
    hours: that a job may take; one that takes longer is begun again, and goes on.
    """

    def __init__(
        self,
        jobs: int,
        folder: Path,
        *,
        partition: str = "",
        gpus: float = 0.0,
        hours: float = 24.0,
        cluster: str | None = None,
    ) -> None:
        try:
            import submitit
        except ImportError:
            raise UsageError("submitit is not here: pip install 'rockfall-sweeps[slurm]'") from None
        self.jobs = jobs
        self.folder = folder.absolute() / "slurm"
        try:
            self._executor = submitit.AutoExecutor(folder=self.folder, cluster=cluster)
        except RuntimeError as error:
            raise UsageError(f"no Slurm is here: {error}") from None
        if self._executor.cluster == "local" and cluster is None:
            raise UsageError("no Slurm is here, where sbatch is not found: take --on local")
        self._how: dict[str, Any] = {"timeout_min": round(60 * hours)}
        self._how |= {"gpus_per_node": round(gpus)} if gpus else {}
        if partition and self._executor.cluster == "slurm":
            self._how["slurm_partition"] = partition
        self._running: dict[str, _Submitted] = {}

    def start(self, job: Job) -> None:
        self._executor.update_parameters(name=job.name, cpus_per_task=job.threads, **self._how)
        path = self.folder / f"{job.name}-{uuid.uuid4().hex[:8]}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        submitted = self._executor.submit(work, job.to_json(), str(path))
        self._running[job.name] = _Submitted(path, submitted)

    def heard(self, seconds: float) -> list[Said]:
        deadline = time.monotonic() + seconds
        while True:
            found = [said for name in list(self._running) for said in self._look(name)]
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(LOOK)

    def _look(self, name: str) -> list[Said]:
        running = self._running[name]
        done = running.job.done()  # before the last look, so that nothing comes after it
        found = [Said(name, event) for event in running.said()]
        if any(each.event["event"] in ("ended", "failed", "interrupted") for each in found):
            del self._running[name]
        elif done:
            del self._running[name]
            message = f"its job {running.job.job_id} ended as {running.job.state}"
            found.append(Said(name, {"event": "gone", "message": message}))
        return found

    def stop(self, run: str, reason: str) -> None:
        if run in self._running:
            self._running[run].tell(reason)

    def close(self) -> None:
        for running in self._running.values():
            running.tell(INTERRUPT)
            if running.job.state in ("PENDING", "UNKNOWN"):
                running.job.cancel()
        deadline = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < deadline:
            for name in list(self._running):
                self._look(name)
            time.sleep(LOOK)
        for running in self._running.values():
            with contextlib.suppress(Exception):  # it has ended meanwhile
                running.job.cancel()
        self._running.clear()


class _Submitted:
    """A job, what it says and what it is told."""

    def __init__(self, path: Path, job: Any) -> None:
        self.path, self.job = path, job
        self._at = 0

    def said(self) -> list[dict[str, Any]]:
        found = []
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(self._at)
            while (line := file.readline()).endswith(b"\n"):
                self._at += len(line)
                found.append(json.loads(line))
        return found

    def tell(self, word: str) -> None:
        self.path.with_suffix(".told").write_text(word)


def work(job: str, path: str) -> None:
    """What runs on a node."""
    told = Path(path).with_suffix(".told")
    with open(path, "a", encoding="utf-8") as file:

        def tell(data: dict[str, Any]) -> str:
            file.write(json.dumps(data) + "\n")
            file.flush()
            return told.read_text() if told.exists() else ""

        try:
            carry_out(Job(**json.loads(job)), tell)
        except BaseException as error:
            tell(failure(error))
