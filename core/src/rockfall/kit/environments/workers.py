"""Plain environments in processes of their own, for those that are slow: all step at once.

Each process loops over its share as `LoopBatch` does, with the same seeds, so that their number
changes no figure, and a run that is resumed may have another.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import gymnasium
import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector.utils import CloudpickleWrapper
from torch import Tensor

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.blame import in_words
from rockfall.kit.environments.batched import Frame, LoopBatch, Step
from rockfall.kit.environments.packages import register_id
from rockfall.kit.environments.uploads import to_device

PATIENCE = 5.0
"""Seconds in which a worker that is asked to end has to."""
CPU = torch.device("cpu")
Make = Callable[[], gymnasium.Env[Any, Any]]


class WorkersBatch:
    """`LoopBatch`es in other processes, as one `BatchedEnvironment`. It draws nothing."""

    native: Any = ()

    def __init__(
        self, make: Make, spec: EnvSpec, num_envs: int, workers: int, device: torch.device
    ) -> None:
        """make: makes a plain environment, once Gymnasium knows `spec`.

        Raises UsageError if it can't be sent to another process, or can't be made there.
        """
        self.num_envs, self.device, self.name = num_envs, device, spec.id
        self.ended_rows: Tensor | None = None
        self.earned: Tensor | None = None
        sent = CloudpickleWrapper(partial(_made, spec, make))
        starting = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else None
        context: Any = multiprocessing.get_context(starting or "spawn")
        if starting:  # else each worker would import torch anew
            context.set_forkserver_preload([__name__])
        parts = np.array_split(np.arange(num_envs), min(workers, num_envs))
        self._parts = [slice(part[0], part[-1] + 1) for part in parts]
        self._workers: list[tuple[Any, Connection]] = []
        try:
            for part in self._parts:
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, sent, part), daemon=True)
                self._start(process)
                theirs.close()
                self._workers.append((process, ours))
            self._answers()
        except BaseException:
            self.close()
            raise

    def reset(self, seed: int | None = None) -> Tensor:
        return self._observe(self._ask("reset", [seed] * len(self._parts)))

    def step(self, actions: Tensor) -> Step:
        chosen = actions.cpu().numpy()
        answers = self._ask("step", [chosen[part] for part in self._parts])
        first, reward, terminated, truncated, final, *own = (
            np.concatenate(column) for column in zip(*answers, strict=True)
        )
        self.earned = to_device(own, self.device)[0] if own else None
        rows = np.flatnonzero(terminated | truncated)
        arrays = [first, reward, terminated, truncated, rows]
        if len(rows):
            last = first.copy()
            last[rows] = final
            arrays.append(last)
        self.observation, *rest = to_device(arrays, self.device)
        rewards, ends, cuts, self.ended_rows, *finals = rest
        seen = finals[0] if finals else self.observation
        return Step(self.observation, rewards, ends, cuts, seen)

    def render(self) -> NoReturn:
        raise UsageError("workers draw nothing: make the batch with a render mode")

    def ended(self) -> list[Frame | None]:
        return [None] * self.num_envs

    def state_dict(self) -> dict[str, Any]:
        """As a `LoopBatch` has it."""
        answers = self._ask("state_dict", [None] * len(self._parts))
        return {"envs": [env for answer in answers for env in answer["envs"]]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        saved = list(state["envs"])
        if len(saved) != self.num_envs:
            raise ValueError(f"the state of {len(saved)} environments, not {self.num_envs}")
        states = [{"envs": saved[part]} for part in self._parts]
        self._observe(self._ask("load_state_dict", states))

    def close(self) -> None:
        for _, connection in self._workers:
            with contextlib.suppress(OSError):
                connection.send(("close", None))
                connection.close()
        for process, _ in self._workers:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()
        self._workers = []

    def _start(self, process: Any) -> None:
        try:
            process.start()
        except Exception as error:  # what an environment holds may refuse to be sent, anyhow
            raise UsageError(
                f"{self.name} can't be sent to workers ({in_words(error)}): leave source.workers"
                " out"
            ) from error

    def _observe(self, observations: list[Any]) -> Tensor:
        self.observation = to_device([np.concatenate(observations)], self.device)[0]
        return self.observation

    def _ask(self, what: str, given: Sequence[Any]) -> list[Any]:
        try:
            for (_, connection), each in zip(self._workers, given, strict=True):
                connection.send((what, each))
        except OSError:
            self._lost()
        return self._answers()

    def _answers(self) -> list[Any]:
        """Of every worker; raises what the first of those raised that did."""
        answers = []
        try:
            for _, connection in self._workers:
                answers.append(connection.recv())
        except (EOFError, OSError):
            self._lost()
        for answer in answers:
            if isinstance(answer, RockfallError):
                raise answer
        return answers

    def _lost(self) -> NoReturn:
        ended = [process.exitcode for process, _ in self._workers if process.exitcode is not None]
        how = f" with exit code {ended[0]}" if ended else ""
        raise RockfallError(f"a worker of {self.name} ended{how}: was it killed, or out of memory?")


def _made(spec: EnvSpec, make: Make) -> gymnasium.Env[Any, Any]:
    if not register_id(spec.id):
        gymnasium.registry[spec.id] = spec
    return make()


def _work(connection: Connection, sent: Make, part: slice) -> None:
    """In a worker: answer until the parent closes the connection, or ends."""
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when it is over
    torch.set_num_threads(1)
    batch: Any = None
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            try:
                if batch is None:
                    envs = [sent() for _ in range(part.stop - part.start)]
                    batch, answer = LoopBatch(envs, CPU, first=part.start), None
                else:
                    what, given = connection.recv()
                    if what == "close":
                        break
                    answer = _answer(batch, what, given)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except RockfallError as error:
                answer = error
            except Exception as error:
                answer = RockfallError(in_words(error))
            connection.send(answer)
            if batch is None:
                break
    if batch is not None:
        batch.close()


def _answer(batch: LoopBatch, what: str, given: Any) -> Any:
    if what == "step":
        step = batch.step(torch.from_numpy(given))
        final = step.final_observation[step.terminated | step.truncated]
        own = [] if batch.earned is None else [batch.earned]
        return [part.numpy() for part in (*step[:4], final, *own)]
    if what == "state_dict":
        return batch.state_dict()
    if what == "reset":
        return batch.reset(given).numpy()
    batch.load_state_dict(given)
    return batch.observation.numpy()
