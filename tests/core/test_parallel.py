"""One run in several processes, here threads: what they agree on, and what is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rockfall.errors import CheckpointError, Diverged, Interrupted, RockfallError, UsageError
from rockfall.kit import checkpoint, places
from rockfall.kit.places import Place
from rockfall.kit.randomness import seed_of
from rockfall.parallel import ParallelRun, require_parallel
from rockfall.run.directory import RunDirectory
from rockfall.run.ranks import own_part
from rockfall.run.run import Run
from rockfall.sources.dataset import Split
from tests.core.conftest import Toy, record
from tests.kit.worlds import Threads, together

Fit = Callable[[Toy, ParallelRun], None]

INTERRUPTED = "stopped at step"


def run_together(
    tmp_path: Path, fit: Fit, size: int = 2, *, again: bool = False, monitor: str = "", **named: Any
) -> list[ParallelRun]:
    """What each has after `fit`; again: from the checkpoint of the run before."""
    folder = tmp_path / "together-1"
    directory = RunDirectory(folder)
    if not again:
        directory = RunDirectory.create(tmp_path, "", "together", record(devices=size))
    lock = threading.Lock()

    def act(there: Threads) -> ParallelRun:
        with lock:  # weights come from the one generator of the process
            model = Toy(fit, monitor)  # type: ignore[arg-type]
        mine = None if there.rank else directory
        run = ParallelRun(there, mine, record(devices=size), model, **named)
        if again:
            run.resume()
        with run.interruptible():
            model.fit(None, run)
            run.finish()
        return run

    return together(size, act)


def learn(model: Toy, run: ParallelRun, batch: Any) -> None:
    model.zero_grad()
    (model(batch.inputs) - batch.labels[:, None]).square().mean().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.05 * parameter.grad)


SPLIT = Split(torch.arange(22.0).reshape(11, 2) / 10, torch.arange(11) / 10)


def test_all_learn_from_parts_of_the_same_batches_and_end_with_the_same(tmp_path: Path) -> None:
    seen: dict[int, list[float]] = {0: [], 1: []}

    def fit(model: Toy, run: ParallelRun) -> None:
        for epoch in run.epochs(2):
            for batch in epoch.batches(SPLIT, 4):
                seen[run.world.rank] += batch.labels.tolist()
                learn(model, run, batch)
                run.log(value=float(run.world.rank), **{f"of_{run.world.rank}": 1.0}, same=3)

    first, second = run_together(tmp_path, fit)
    assert torch.equal(first.model.weight, second.model.weight)
    # Batches of 4, 4 and 3, of which the last is too small to be divided.
    assert first.examples == second.examples == 22
    assert len(seen[0]) == len(seen[1]) == 2 * (2 + 2 + 3)
    everything = {round(10 * label) for rank in seen.values() for label in rank}
    assert everything == set(range(11))
    lines = first.metrics
    assert [line["value"] for line in lines] == [0.5] * 6
    assert all(line["of_0"] == line["of_1"] == 1.0 for line in lines)
    assert all(line["same"] == 3 and isinstance(line["same"], int) for line in lines)
    assert second.metrics == []


def test_metrics_are_weighted_by_the_parts(tmp_path: Path) -> None:
    def fit(model: Toy, run: ParallelRun) -> None:
        for epoch in run.epochs(1):
            for batch in epoch.batches(SPLIT, 11):
                run.log(mean=batch.labels.mean(), count=len(batch.labels))

    (line,) = run_together(tmp_path, fit)[0].metrics
    assert line["mean"] == pytest.approx(0.5)
    assert line["count"] == pytest.approx((5 * 5 + 6 * 6) / 11)


def test_weights_that_fit_draws_are_those_of_rank_0(tmp_path: Path) -> None:
    def fit(model: Toy, run: ParallelRun) -> None:
        with torch.no_grad():
            model.weight.fill_(float(run.world.rank + 1))
        for _ in run.steps(1):
            assert (model.weight == 1).all()

    run_together(tmp_path, fit)


def test_one_that_is_asked_to_stop_stops_all_at_one_step(tmp_path: Path) -> None:
    stopped: list[str] = []

    def fit(model: Toy, run: ParallelRun) -> None:
        run.state["rank"] = run.world.rank
        try:
            for step in run.steps(100_000):
                run.log(step_of=step)
                if step == 7 and run.world.rank:
                    run.interrupt.requested = True
        except Interrupted as error:
            stopped.append(str(error).partition(";")[0])
            raise

    with pytest.raises(Interrupted):
        run_together(tmp_path, fit)
    assert len(stopped) == 2
    assert len(set(stopped)) == 1
    assert stopped[0].startswith(INTERRUPTED)
    saved = checkpoint.read(RunDirectory(tmp_path / "together-1").checkpoint("last"))
    assert saved["state"] == {"rank": 0}
    assert [each["state"] for each in saved["ranks"]] == [{"rank": 1}]
    assert f"{INTERRUPTED} {saved['step']}" == stopped[0]
    rest: list[tuple[int, Any]] = []

    def go_on(model: Toy, run: ParallelRun) -> None:
        for step in run.steps(saved["step"] + 3):
            rest.append((step, run.state["rank"]))

    run_together(tmp_path, go_on, again=True)
    steps = range(saved["step"], saved["step"] + 3)
    assert sorted(rest) == sorted((step, rank) for step in steps for rank in (0, 1))


def test_what_each_keeps_of_its_own_is_given_back_and_the_rest_stands_once(tmp_path: Path) -> None:
    class Kept:
        def __init__(self, value: int) -> None:
            self.value = value

        def state_dict(self) -> dict[str, int]:
            return {"value": self.value}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.value = state["value"]

    found: dict[int, int] = {}

    def fit(model: Toy, run: ParallelRun) -> None:
        own, common = Kept(10 * run.world.rank), Kept(5)
        run.keep(own=own, common=common)
        for _ in run.steps(3):
            own.value += 1
        found[run.world.rank] = own.value

    run_together(tmp_path, fit)
    path = RunDirectory(tmp_path / "together-1").checkpoint("last")
    saved = checkpoint.read(path)
    assert saved["kept"] == {"own": {"value": 3}, "common": {"value": 5}}
    assert [each["kept"] for each in saved["ranks"]] == [{"own": {"value": 13}}]
    checkpoint.write(path, {**saved, "finished": False})

    def go_on(model: Toy, run: ParallelRun) -> None:
        fit(model, run)
        for _ in run.steps(1):
            found[run.world.rank] += 100

    found.clear()
    checkpoint.write(path, {**saved, "position": {"indices": [[0, 2]], "endings": [[]]}})
    run_together(tmp_path, go_on, again=True)
    assert found == {0: 104, 1: 114}


def test_random_numbers_differ_by_rank_and_those_of_rank_0_are_of_one_alone() -> None:
    def of(rank: int) -> torch.Tensor:
        torch.manual_seed(0)
        world = Threads(rank, 3, threading.Barrier(3), [])
        found: torch.Tensor = ParallelRun(world, None, record(), model).generators["torch"]
        return found

    model = Toy(lambda *_: None)
    torch.manual_seed(0)
    alone = Run(None, record(), model).generators["torch"]
    assert torch.equal(of(0), alone)
    assert torch.equal(of(1), of(1))
    assert len({str(of(rank).tolist()) for rank in range(3)}) == 3


def test_a_number_that_is_none_on_one_ends_all_and_nothing_is_saved(tmp_path: Path) -> None:
    def fit(model: Toy, run: ParallelRun) -> None:
        for step in run.steps(100):
            run.world.average_([model.weight.data])
            run.log(loss=float("nan") if run.world.rank and step == 3 else 1.0)

    with pytest.raises(Diverged, match="loss became nan at step 3"):
        run_together(tmp_path, fit)
    assert not RunDirectory(tmp_path / "together-1").has_checkpoint("last")


def test_a_full_disk_on_rank_0_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, state: Any) -> None:
        raise RockfallError(f"can't write {path}: No space left on device")

    monkeypatch.setattr(checkpoint, "write", full)

    def fit(model: Toy, run: ParallelRun) -> None:
        for _ in run.steps(10):
            pass

    with pytest.raises(RockfallError, match="No space left"):
        run_together(tmp_path, fit, checkpoint_every=0.0)


def test_the_best_is_agreed_and_loaded_by_all(tmp_path: Path) -> None:
    found: list[float] = []

    def fit(model: Toy, run: ParallelRun) -> None:
        for step in run.steps(4):
            with torch.no_grad():
                model.weight.fill_(float(step))
            run.log(good=float(-abs(step - 2)) + run.world.rank)
        run.load_weights("best")
        found.append(model.weight[0, 0].item())

    first, _ = run_together(tmp_path, fit, monitor="good")
    assert found == [2.0, 2.0]
    assert [line["good"] for line in first.metrics] == [-1.5, -0.5, 0.5, -0.5]


class Told(Run):
    def __init__(self, **info: Any) -> None:
        self.warnings: list[str] = []
        about = {"name": "digits", "kinds": [], "shape": [2], "dtype": "float32", **info}
        super().__init__(None, record(info=about), Toy(lambda *_: None))

    def warn(self, message: str) -> None:
        self.warnings.append(message)


SAVED: dict[str, Any] = {
    "random": "first",
    "state": {"a": 1},
    "kept": {"env": 1, "optimizer": 2},
    "position": {"indices": [[0, 1]], "endings": ["first"]},
    "step": 5,
    "ranks": [{"random": "second", "state": {"a": 2}, "endings": ["second"], "kept": {}}],
}


def test_a_checkpoint_by_rank_and_by_another_number_of_devices() -> None:
    run = Told()
    assert own_part(SAVED, 0, 2, run) is SAVED
    second = own_part(SAVED, 1, 2, run)
    assert (second["random"], second["state"]) == ("second", {"a": 2})
    assert second["position"] == {"indices": [[0, 1]], "endings": ["second"]}
    assert second["kept"] == SAVED["kept"]
    assert run.warnings == []
    assert own_part(SAVED, 0, 1, run) is SAVED
    assert run.warnings == [
        "unrecorded learned on 2 devices, not on 1 device: its figures will be alike, but not bit "
        "for bit"
    ]
    third = own_part(SAVED, 2, 3, run)
    assert isinstance(third["random"], dict)
    old = {name: value for name, value in SAVED.items() if name != "ranks"}
    assert own_part(old, 0, 1, Told()) is old


def test_environments_are_not_divided_anew() -> None:
    held = {**SAVED["ranks"][0], "kept": {"player": 1}}
    with pytest.raises(CheckpointError, match=r"on 2 devices, not on 3 devices: .* player"):
        own_part({**SAVED, "ranks": [held]}, 0, 3, Told())
    alone = {**SAVED, "ranks": []}
    with pytest.raises(
        CheckpointError, match=r"on 1 device, not on 2 devices: .* its environments"
    ):
        own_part(alone, 0, 2, Told(action_space={}))


def test_a_model_that_does_not_declare_it_is_refused_with_the_reason() -> None:
    model = Toy(lambda *_: None)
    with pytest.raises(UsageError, match="toy learns on one device alone: it does not declare par"):
        require_parallel(model, "toy")
    model.parallel = "it has chains of its own"  # type: ignore[assignment]
    with pytest.raises(UsageError, match="toy learns on one device alone: it has chains"):
        require_parallel(model, "toy")
    model.parallel = "batches"  # type: ignore[assignment]
    require_parallel(model, "toy")


VARIABLES = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "TORCHELASTIC_RESTART_COUNT",
    "TORCHELASTIC_MAX_RESTARTS",
    "SLURM_RESTART_COUNT",
)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def put(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))

    return put


def test_it_finds_its_rank(environ: Callable[..., None]) -> None:
    assert Place.find() == Place.find(1) == Place(0, 1, 0)
    with pytest.raises(UsageError, match="devices=3, and this is one of 1 processes"):
        Place.find(3)
    environ(SLURM_STEP_NUM_TASKS=4, SLURM_PROCID=3, SLURM_LOCALID=1)
    assert Place.find() == Place()  # a trial of a sweep is one process of a job of many
    assert Place.find(4) == Place(3, 4, 1)
    environ(RANK=1, WORLD_SIZE=2, LOCAL_RANK=1)
    assert Place.find() == Place.find(2) == Place(1, 2, 1)
    with pytest.raises(UsageError, match="devices=3, and this is one of 2"):
        Place.find(3)
    environ(RANK=2)
    with pytest.raises(UsageError, match="rank 2 of 2"):
        Place.find()


def test_a_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(3, 4, 1)
    assert place.device("cpu") == "cpu"
    assert place.device("cuda:0") == place.device("cuda") == "cuda:1"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert place.device("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert place.device("auto") == "cuda:1"
    assert Place().device("auto") == "auto"


def test_what_may_be_restarted_has_a_name(environ: Callable[..., None]) -> None:
    environ(TORCHELASTIC_MAX_RESTARTS=3)
    Place(0, 1).check_name("")
    Place(0, 2).check_name("mine")
    with pytest.raises(UsageError, match="--name"):
        Place(0, 2).check_name("")
    assert not Place(0, 2).restarted
    environ(TORCHELASTIC_RESTART_COUNT=1)
    assert Place(0, 2).restarted
    assert not Place(0, 1).restarted


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("one", "one"), ("a1,a2", "a1"), ("node[03-05,9],b", "node03"), ("gpu-[7,9]", "gpu-7")],
)
def test_the_first_of_slurms_nodes(nodes: str, first: str) -> None:
    assert places._first_host(nodes) == first


def test_seeds_differ_by_every_word() -> None:
    seeds = {seed_of(*words) for words in ((0, 1), (1, 0), (0, 2), (0, 1, 5))}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
