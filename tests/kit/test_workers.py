"""Workers do what one process does, only at once; and go with whoever made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch

import rockfall
from rockfall.errors import RockfallError, UsageError
from rockfall.kit.environments import BatchedEnvironment, play_episodes
from rockfall.kit.environments.workers import WorkersBatch
from rockfall.sources.environment import Environment
from tests.kit import slow_rooms

ROOM = f"{slow_rooms.__name__}:RockfallRoom-v0"
pytestmark = pytest.mark.long


def opened(name: str = ROOM, **options: Any) -> Environment:
    source = rockfall.open_source(name, options)
    assert isinstance(source, Environment)
    return source


def played(batch: BatchedEnvironment, steps: int, seed: int = 0) -> list[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(steps):
        step = batch.step(torch.randint(3, (batch.num_envs,), generator=generator))
        assert batch.ended_rows is not None
        found.append([part.clone() for part in (*step, batch.ended_rows)])
    return found


def same(one: Any, other: Any) -> bool:
    return all(
        left.dtype == right.dtype and torch.equal(left, right)
        for first, second in zip(one, other, strict=True)
        for left, right in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("workers", [2, 3, 9])
def test_their_number_changes_no_figure(workers: int) -> None:
    """Nor what a checkpoint holds, in which a run may go on with another number of them."""
    alone, together = opened().batch(5, seed=3), opened(workers=workers).batch(5, seed=3)
    assert isinstance(together, WorkersBatch)
    assert torch.equal(alone.observation, together.observation)
    one, other = played(alone, 40), played(together, 40)
    assert same(one, other)
    assert any(len(row[-1]) for row in one) and not all(len(row[-1]) for row in one)
    state = together.state_dict()
    assert repr(alone.state_dict()) == repr(state)
    further = played(together, 20, seed=1)
    together.close()
    for count in (1, 2):
        again = opened(workers=count).batch(5, seed=99)
        again.load_state_dict(state)
        assert torch.equal(again.observation, one[-1][0])
        assert same(played(again, 20, seed=1), further)
        again.close()


def test_they_have_the_wrappers_and_the_options() -> None:
    options = {"training_wrappers": "ClipReward(-1, 1)", "wrappers": "FrameStackObservation(2)"}
    alone, together = (opened(workers=n, **options) for n in (1, 2))
    for training in (True, False):
        batches = [s if training else s.for_evaluation() for s in (alone, together)]
        one, other = (played(source.batch(3, seed=0), 20) for source in batches)
        assert same(one, other)
        assert (max(row[1].max() for row in one) <= 1) == training


def test_evaluations_are_the_same() -> None:
    random = opened().baseline
    one, other = (
        play_episodes(source, lambda batch: random("random", batch), 10)
        for source in (opened(), opened(workers=2))
    )
    assert all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


def test_pictures_and_named_forms_are_those_of_one_process() -> None:
    source = opened("falling-rocks-8x8", workers=2)
    assert type(source.batch(2, seed=0, form="vector")).__name__ == "VectorBatch"
    assert type(source.batch(2, seed=0, render_mode="ansi")).__name__ == "VectorBatch"
    assert type(source.in_one_process().batch(2, seed=0)).__name__ == "VectorBatch"
    with_workers = source.batch(3, seed=0)
    assert isinstance(with_workers, WorkersBatch)
    with pytest.raises(UsageError, match="draw nothing"):
        with_workers.render()
    with_workers.close()


def test_an_error_of_an_environment_is_told_as_in_one_process() -> None:
    for workers in (1, 2):
        batch = opened(fails="raises", workers=workers).batch(4, seed=0)
        with pytest.raises(RockfallError, match=r"Room.*step.. fails: KeyError: 'wheel'"):
            played(batch, 200)
        batch.close()


def test_a_worker_that_is_gone_is_told() -> None:
    batch = opened(fails="ends", workers=2).batch(4, seed=0)
    with pytest.raises(RockfallError, match=r"a worker of .*Room-v0 ended"):
        played(batch, 200)
    batch.close()
    killed = opened(workers=2).batch(4, seed=0)
    assert isinstance(killed, WorkersBatch)
    os.kill(killed._workers[0][0].pid, signal.SIGKILL)
    with pytest.raises(RockfallError, match="was it killed"):
        played(killed, 2)
    killed.close()


def test_what_can_not_be_sent_is_refused() -> None:
    lock = threading.Lock()
    gymnasium.register("RockfallHeld-v0", entry_point=lambda: slow_rooms.Room() if lock else None)
    with pytest.raises(UsageError, match=r"can't be sent to workers .*: leave source"):
        opened("RockfallHeld-v0", workers=2).batch(2, seed=0)
    gymnasium.registry.pop("RockfallHeld-v0")


def test_an_environment_that_nobody_can_import_is_sent_whole() -> None:
    class Local(slow_rooms.Room):
        def __init__(self) -> None:
            super().__init__()

    gymnasium.register("RockfallLocal-v0", entry_point=Local)
    batch = opened("RockfallLocal-v0", workers=2).batch(3, seed=0)
    assert same(played(batch, 20), played(opened("RockfallLocal-v0").batch(3, seed=0), 20))
    batch.close()


def test_they_end_with_the_one_that_made_them(tmp_path: Path) -> None:
    code = (
        "import rockfall, time, sys\n"
        f"batch = rockfall.open_source({ROOM!r}, {{'workers': 2}}).batch(4, seed=0)\n"
        "print(*(process.pid for process, _ in batch._workers), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        workers = [int(word) for word in made.stdout.readline().split()]
        assert len(workers) == 2 and all(map(runs, workers))
        os.kill(workers[0], signal.SIGINT)  # as Ctrl-C sends it to all; theirs is not to decide
        made.kill()
    ends = time.monotonic() + 10
    while any(map(runs, workers)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(map(runs, workers))


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_training_with_workers_is_that_of_one_process(tmp_path: Path) -> None:
    def trained(name: str, workers: int, **options: Any) -> rockfall.Run:
        return rockfall.train(
            "pqn",
            ROOM,
            source_options={"workers": workers, "evaluation_episodes": 4},
            config={"steps": 640, "envs": 4, "rollout_steps": 16, "hidden": (8,)},
            name=name,
            out=tmp_path,
            listeners=[],
            **options,
        )

    alone, together = trained("alone", 1), trained("together", 2)

    def lines(run: rockfall.Run) -> Any:
        return [{k: v for k, v in line.items() if "second" not in k} for line in run.metrics]

    assert lines(alone) == lines(together)
    assert alone.result is not None and together.result is not None
    assert alone.result["figures"] == together.result["figures"]
    checkpoint = [(run.directory.checkpoint("last")).stat().st_size for run in (alone, together)]
    assert abs(checkpoint[0] - checkpoint[1]) < 100
