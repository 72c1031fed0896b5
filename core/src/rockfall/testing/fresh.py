"""Processes in which nothing was imported yet but torch and the core, as after a kill.

An import that draws moves the random generators once a process, and never again in one that has
done it. One server waits with torch imported, and forks for each run that is to go on.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

__all__ = ["resume_afresh"]


def resume_afresh(
    run: Path, *, server: int = 0, environ: Mapping[str, str] | None = None, inside: str = ""
) -> bool:
    """Resume a run in a process of its own, with this one's environment variables, working
    directory and path of imports.

    server: which of several, each of which does one after the other. environ: more variables.
    inside: a context manager, `package.module:name`, that is open meanwhile.

    False where that can't be: no process can be forked here, or none but this one knows the model,
    which was registered by hand. Raises AssertionError with what the other process failed of.
    """
    if not hasattr(os, "fork"):
        return False
    variables = {**os.environ, **(environ or {})}
    asked = {"run": str(run), "cwd": os.getcwd(), "path": sys.path, "environ": variables}
    answer = _server(server).ask({**asked, "inside": inside})
    assert not answer["failed"], f"in a process of its own: {answer['failed']}"
    return bool(answer["known"])


class _Server:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # no pool of threads that a fork would lose
            text=True,
        )
        atexit.register(self._close)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        asking, answering = self._process.stdin, self._process.stdout
        assert asking is not None
        assert answering is not None
        asking.write(json.dumps(request) + "\n")
        asking.flush()
        answer: dict[str, Any] = json.loads(answering.readline())
        return answer

    def _close(self) -> None:
        self._process.communicate()


@functools.cache
def _server(number: int) -> _Server:
    return _Server()


def serve() -> None:
    """Resume what is asked for on standard input, a line of JSON each, in a fork each."""
    import rockfall.training  # noqa: F401

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plugin prints is no answer
    for line in sys.stdin:
        reading, writing = os.pipe()
        if not (child := os.fork()):
            with os.fdopen(writing, "w") as file:
                json.dump(_answer(json.loads(line)), file)
            sys.stderr.flush()
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as file:
            answer = file.read()
        _, status = os.waitpid(child, 0)
        died = {"known": True, "failed": f"it died with status {status}"}
        answers.write((answer or json.dumps(died)) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    sys.path[:] = request["path"]
    try:
        with _context(request["inside"]):
            return {"known": _resume(Path(request["run"])), "failed": ""}
    except BaseException as error:
        return {"known": True, "failed": " ".join(f"{type(error).__name__}: {error}".split())}


def _context(target: str) -> contextlib.AbstractContextManager[object]:
    if not target:
        return contextlib.nullcontext()
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name)()
    return cast(contextlib.AbstractContextManager[object], found)


def _resume(run: Path) -> bool:
    from rockfall.registry import registry
    from rockfall.run.directory import RunDirectory
    from rockfall.testing.complaints import undisturbed
    from rockfall.training import resume

    if registry().models.get(RunDirectory(run).record().model) is None:
        return False
    with undisturbed():
        resume(run, listeners=[])
    return True
