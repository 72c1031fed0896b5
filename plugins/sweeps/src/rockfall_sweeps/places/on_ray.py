"""Trials as tasks of a Ray cluster: Optuna decides, Ray places.

A trial's task trains its run or goes on with it, so that Ray can begin it again anywhere when a
node is lost. The nodes share the folder of the sweep, or else the runs travel by a URL, see
`rockfall_sweeps.travel`.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from typing import Any

from rockfall import RockfallError, UsageError
from rockfall_sweeps.places.place import Said
from rockfall_sweeps.trial import INTERRUPT, Job, carry_out, failure

PATIENCE = 20.0
"""Seconds in which a trial that is told to stop may write its checkpoint."""
RETRIES = 3
"""Times that Ray begins a task again whose node or process was lost; then the driver does."""
LOOK = 0.1
"""Seconds between two looks at what was said."""


class OnRay:
    """jobs: tasks at once, which wait in Ray until there is room. address: of the cluster, `auto`
    for the one that this machine belongs to. gpus: of each task, fractions too.
    """

    def __init__(self, jobs: int, *, address: str = "", gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError:
            raise UsageError("Ray is not here: pip install 'rockfall-sweeps[ray]'") from None
        self._ray, self.jobs, self._gpus = ray, jobs, gpus
        if not ray.is_initialized():
            try:
                _knock(address)  # Ray itself would wait for minutes
                quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
                ray.init(address=address or "auto", **quiet)
            except (OSError, RuntimeError, ValueError) as error:
                where = f"at {address}" if address else "here"
                reason = " ".join(str(error).split())[:150]
                raise UsageError(
                    f"no Ray cluster {where}: start one with `ray start --head`, or take "
                    f"--on local ({reason})"
                ) from None
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._post: Any = ray.remote(Post).options(num_cpus=0, scheduling_strategy=here).remote()
        self._tasks: dict[str, Any] = {}

    def start(self, job: Job) -> None:
        task = self._ray.remote(work).options(
            num_cpus=job.threads, num_gpus=self._gpus, max_retries=RETRIES, name=job.name
        )
        self._ray.get(self._post.answer.remote(job.name, ""))
        self._tasks[job.name] = task.remote(job.to_json(), self._post)

    def heard(self, seconds: float) -> list[Said]:
        deadline = time.monotonic() + seconds
        while True:
            tasks = list(self._tasks.values())
            done, _ = (
                self._ray.wait(tasks, num_returns=len(tasks), timeout=LOOK) if tasks else ([], 0)
            )
            said = [Said(*each) for each in self._ray.get(self._post.take.remote())]
            for name in [name for name, task in self._tasks.items() if task in done]:
                said += self._ended(name, said)
            if said or time.monotonic() >= deadline:
                return said

    def _done(self, tasks: list[Any]) -> list[Any]:
        """Those that end within a moment."""
        done: list[Any] = self._ray.wait(tasks, num_returns=len(tasks), timeout=LOOK)[0]
        return done

    def _ended(self, name: str, said: list[Said]) -> list[Said]:
        task = self._tasks.pop(name)
        try:
            told = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            return [Said(name, {"event": "gone", "message": why(error)})]
        return [] if told else [Said(name, {"event": "gone", "message": "it said nothing"})]

    def stop(self, run: str, reason: str) -> None:
        if run in self._tasks:
            self._ray.get(self._post.answer.remote(run, reason))

    def close(self) -> None:
        for name in self._tasks:
            self._ray.get(self._post.answer.remote(name, INTERRUPT))
        if self._tasks:
            tasks = list(self._tasks.values())
            _, left = self._ray.wait(tasks, num_returns=len(tasks), timeout=PATIENCE)
            for task in left:
                self._ray.cancel(task, force=True)
        self._tasks.clear()
        self._ray.kill(self._post)


def _knock(address: str) -> None:
    """Raise OSError if nobody answers at `host:port`; any other address is Ray's to judge."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


class Post:
    """An actor beside the driver: what trials say, and what each is told."""

    def __init__(self) -> None:
        self._said: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, str] = {}

    def tell(self, name: str, event: dict[str, Any]) -> str:
        self._said.append((name, event))
        return self._answers.get(name, "")

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        said, self._said = self._said, []
        return said

    def answer(self, name: str, word: str) -> None:
        self._answers[name] = word


def work(job: str, post: Any) -> bool:
    """What runs on a node."""
    import ray

    asked = Job(**json.loads(job))

    def tell(data: dict[str, Any]) -> str:
        word: str = ray.get(post.tell.remote(asked.name, data))
        return word

    try:
        carry_out(asked, tell)
    except ray.exceptions.RayError:  # whoever began it is gone
        raise
    except BaseException as error:
        tell(failure(error))
    return True


def why(error: BaseException) -> str:
    """What became of a task, in a line. Raises RockfallError if no task could do better."""
    words = " ".join(str(error).split())
    if "No module named 'rockfall" in words or "ModuleNotFoundError" in words:
        raise RockfallError(
            "a node of the Ray cluster lacks rockfall-sweeps, or something that it needs: install "
            f"the same on every node ({words[-200:]})"
        )
    return f"its node or process was lost ({type(error).__name__})"
