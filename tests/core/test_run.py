"""The run's promise: stopped anywhere, it goes on as if it had never stopped."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import CheckpointError, Diverged, Interrupted, RockfallError
from rockfall.kit import checkpoint
from rockfall.run.directory import RunDirectory
from rockfall.run.position import Position
from rockfall.run.run import Run
from rockfall.sources.dataset import Split
from rockfall.testing import pretend_device
from rockfall.testing.pretend import PretendDevice
from rockfall.testing.rehearsal import StoppedForTest, StoppingRun
from tests.core.conftest import Toy, record

Start = Callable[..., Run]

# A tree of loops: a leaf is a number of steps, a node the loops inside each of its turns.
trees = st.recursive(
    st.integers(0, 3),
    lambda inner: st.tuples(st.integers(0, 3), st.lists(inner, max_size=3)),
    max_leaves=6,
)


def walk(run: Run, tree: Any, path: tuple[int, ...], seen: list[tuple[int, ...]]) -> None:
    """Visit a tree's steps, noting each leaf step and every draw."""
    turns, inner = tree if isinstance(tree, tuple) else (tree, None)
    for index in run.steps(turns):
        if inner:
            for number, child in enumerate(inner):
                walk(run, child, (*path, index, number), seen)
        else:
            seen.append((*path, index))
            run.state["draws"] = [*run.state.get("draws", []), random.random(), np.random.rand()]


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(st.lists(trees, max_size=3), st.data())
def test_any_shape_of_loops_goes_on_at_the_same_step(
    tmp_path_factory: pytest.TempPathFactory, forest: list[Any], data: st.DataObject
) -> None:
    def fit_into(seen: list[tuple[int, ...]]) -> Callable[[Toy, Run], None]:
        def fit(model: Toy, run: Run) -> None:
            for number, tree in enumerate(forest):
                walk(run, tree, (number,), seen)

        return fit

    def make(seen: list[tuple[int, ...]], directory: RunDirectory | None = None, **kw: Any) -> Run:
        random.seed(1)
        np.random.seed(1)
        folder = directory or RunDirectory.create(
            tmp_path_factory.mktemp("runs"), "", "toy", record()
        )
        run = StoppingRun(folder, record(), Toy(fit_into(seen)), checkpoint_every=0, **kw)
        if directory and directory.checkpoint("last").exists():
            run.resume()
        return run

    whole: list[tuple[int, ...]] = []
    straight = make(whole)
    straight.model.fit(None, straight)

    stop = data.draw(st.integers(0, max(len(whole), 1)))
    before: list[tuple[int, ...]] = []
    stopped = make(before, stop_at=stop)
    try:
        stopped.model.fit(None, stopped)
    except StoppedForTest:
        after: list[tuple[int, ...]] = []
        resumed = make(after, stopped.directory)
        resumed.model.fit(None, resumed)
        assert before + after == whole
        assert resumed.state == straight.state
        assert resumed.step == straight.step == len(whole)
    else:
        assert before == whole


def sgd(model: Toy, run: Run) -> None:
    """A method that draws, has an optimizer, and initialises itself where a resume comes by."""
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    run.keep(optimizer=optimizer)
    for step in run.steps(6):
        loss = (model(torch.randn(4, 2)) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss, step_again=step)
    torch.nn.init.zeros_(model.bias)
    later = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    run.keep(later=later)
    split = Split(torch.randn(7, 2), torch.zeros(7))
    for epoch in run.epochs(2):
        for batch in epoch.batches(split, 3):
            loss = model(batch.inputs).square().mean()
            later.zero_grad()
            loss.backward()
            later.step()
            run.log(loss=loss)
        run.log(mean=model.weight.mean())


def outcome(run: Run) -> Any:
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in run.metrics]
    weights = [p.detach().clone() for p in run.model.parameters()]
    return lines, [*weights, torch.tensor(run.examples)], torch.rand(1)


def finish(run: Run) -> Any:
    run.model.fit(None, run)
    run.save("last")
    return outcome(run)


def same(a: Any, b: Any) -> bool:
    return a[0] == b[0] and all(map(torch.equal, a[1], b[1])) and torch.equal(a[2], b[2])


@pytest.mark.long
@pytest.mark.parametrize("every", [0.0, 1e9])
@pytest.mark.parametrize("stop", range(12))
def test_killed_anywhere_it_ends_the_same(start: Start, stop: int, every: float) -> None:
    expected = finish(start(sgd))
    killed = start(sgd, stop_at=stop, checkpoint_every=every)
    with pytest.raises(StoppedForTest):
        killed.model.fit(None, killed)
    torch.manual_seed(99)  # whatever happened since
    if not killed.directory.checkpoint("last").exists():
        resumed = start(sgd)
        resumed.resume()
    else:
        resumed = start(sgd, again=killed)
        torch.manual_seed(99)
    assert same(finish(resumed), expected)


def test_a_kill_after_the_checkpoint_loses_only_lines_after_it(start: Start) -> None:
    run = start(sgd, stop_at=4, checkpoint_every=0)
    with pytest.raises(StoppedForTest):
        run.model.fit(None, run)
    with run.directory.metrics_file.open("a") as file:
        file.write('{"step": 4, "loss": 1}\n{"step": 5, "lo')
    resumed = start(sgd, again=run)
    assert [line["step"] for line in resumed.metrics] == [0, 1, 2, 3]


def test_an_interrupt_saves_and_says_how_to_go_on(start: Start) -> None:
    import signal

    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(100):
            run.state["done"] = step + 1
            if step == 4:
                signal.raise_signal(signal.SIGINT)

    run = start(fit)
    with (
        pytest.raises(Interrupted, match=r"step 5; .*resume .*toy-1`"),
        run.interruptible(),
    ):
        run.model.fit(None, run)
    resumed = start(fit, again=run)
    assert resumed.step == 5
    resumed.model.fit(None, resumed)
    assert resumed.state == {"done": 100}


def test_a_second_interrupt_stops_at_once(start: Start) -> None:
    import signal

    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(2):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    run = start(fit)
    with pytest.raises(KeyboardInterrupt), run.interruptible():
        run.model.fit(None, run)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(float("nan"))])
def test_nan_stops_and_keeps_the_last_checkpoint(start: Start, value: Any) -> None:
    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(9):
            run.log(loss=value if step == 5 else 1.0)

    run = start(fit, checkpoint_every=0)
    with pytest.raises(Diverged, match=r"loss became (nan|inf) at step 5"):
        run.model.fit(None, run)
    assert start(fit, again=run).step == 5
    assert len(run.metrics) == 5


def test_pending_nan_on_another_device_is_found_before_saving(start: Start) -> None:

    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(5):
            value = torch.tensor(float("nan") if step == 3 else float(step), device="cuda")
            run.log(number=value, other=step)
            if step == 2:
                run.save("last")

    run = start(fit)
    with pretend_device():
        run.model.fit(None, run)
        for _ in range(2):  # what was found is not forgotten
            with pytest.raises(Diverged, match="number became nan at step 3"):
                run.save("last")
    resumed = start(fit, again=run)
    assert resumed.step == 2
    assert [line["number"] for line in resumed.metrics] == [0.0, 1.0, 2.0]


def test_metrics_on_a_device_are_those_of_when_they_were_logged(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order and type as on the CPU, read in one transfer, however many there are."""
    monkeypatch.setattr("rockfall.kit.scalars.CAPACITY", 4)

    def fit_on(device: str, pretended: PretendDevice) -> Callable[[Toy, Run], None]:
        def fit(model: Toy, run: Run) -> None:
            held = torch.zeros(1, device=device, requires_grad=True)
            count = torch.tensor(2**24 - 9, device=device)
            for step in run.steps(9):
                with torch.no_grad():
                    held += 0.1
                    count += 1
                many = {f"of {i}": held[0] / (i + 1) for i in range(9)}
                with pretended.refuse_synchronisations():
                    run.log(loss=held, half=held.bfloat16(), number=step, count=count, exact=0.1)
                    run.log(**many, double=held.double().detach().reshape(1, 1))
                with torch.no_grad():
                    held.mul_(3)  # after it was logged

        return fit

    runs = []
    for device in ("cpu", "cuda"):
        with pretend_device() as pretended:
            run = start(fit_on(device, pretended))
            run.model.fit(None, run)
            waited = pretended.synchronisations
            runs.append([{**line, "seconds": 0} for line in run.metrics])
            assert pretended.synchronisations - waited <= 1
    assert len(runs[0]) == 18
    for here, there in zip(*runs, strict=True):
        assert list(here) == list(there)
        assert there == pytest.approx(here)
        assert there["step"] == here["step"]


@pytest.mark.parametrize(("monitor", "best"), [("score", 3), ("-score", 1)])
def test_best_is_kept_by_the_monitored_metric(start: Start, monitor: str, best: int) -> None:
    scores = [5.0, 1.0, 3.0, 9.0, 4.0]

    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(5):
            run.state["at"] = step
            run.log(score=scores[step])

    run = start(fit, monitor=monitor)
    run.model.fit(None, run)
    run.resume("best")
    assert run._checkpoint is not None
    assert run._checkpoint["state"] == {"at": best}


def noise() -> torch.Tensor:
    return (torch.rand(3, 4, 4) * 255).byte()


def test_pictures_change_nothing(start: Start) -> None:
    def fit(drawing: bool) -> Callable[[Toy, Run], None]:
        def inner(model: Toy, run: Run) -> None:
            for _ in run.steps(3):
                if drawing:
                    run.picture("noise", noise)
                run.log(draw=torch.rand(()), python=random.random(), numpy=np.random.rand())

        return inner

    drawn = []
    for drawing in (True, False):
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        run = start(fit(drawing))
        run.model.fit(None, run)
        run.save("last")
        drawn.append([(m["draw"], m["python"], m["numpy"]) for m in run.metrics])
        if drawing:
            names = sorted(path.name for path in run.directory.pictures.iterdir())
            assert names == ["noise-0.png", "noise-1.png", "noise-2.png"]
    assert drawn[0] == drawn[1]


def test_leaving_a_loop_early(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(10):
            if step == 2:
                break
        run.state["after"] = []
        for step in run.steps(3):
            run.state["after"].append(step)

    run = start(fit, checkpoint_every=0, stop_at=4)
    with pytest.raises(StoppedForTest):
        run.model.fit(None, run)
    resumed = start(fit, again=run)
    resumed.model.fit(None, resumed)
    assert resumed.state == {"after": [0, 1, 2]}


def test_a_method_with_fewer_kept_things_is_noticed(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(2):
            pass

    def more(model: Toy, run: Run) -> None:
        run.keep(optimizer=torch.optim.SGD(model.parameters(), lr=1))
        fit(model, run)

    run = start(fit, checkpoint_every=0, stop_at=1)
    with pytest.raises(StoppedForTest):
        run.model.fit(None, run)
    resumed = start(more, again=run)
    with pytest.raises(CheckpointError, match="no saved optimizer"):
        resumed.model.fit(None, resumed)


def test_batches_are_a_fresh_permutation_each_epoch(start: Start) -> None:
    seen: list[list[int]] = []

    def fit(model: Toy, run: Run) -> None:
        split = Split(torch.arange(10), torch.arange(10))
        for epoch in run.epochs(3):
            batches = [b.inputs for b in epoch.batches(split, 4)]
            assert [len(b) for b in batches] == [4, 4, 2]
            seen.append(torch.cat(batches).tolist())
        for epoch in run.epochs(1):
            in_order = [b.inputs for b in epoch.batches(split, 4, shuffle=False)]
            assert torch.equal(torch.cat(in_order), split.inputs)

    run = start(fit)
    run.model.fit(None, run)
    assert all(sorted(order) == list(range(10)) for order in seen)
    assert len({tuple(order) for order in seen}) == 3


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_blocks_are_the_same_batches_in_fewer_turns(start: Start, most: int) -> None:
    split = Split(torch.arange(23), torch.arange(23))
    taken: dict[str, list[torch.Tensor]] = {"batches": [], "blocks": []}
    steps = []

    def fit(model: Toy, run: Run) -> None:
        for epoch in run.epochs(2):
            for batch in epoch.batches(split, 4):
                taken["batches"].append(batch.inputs)

    def fit_blocks(model: Toy, run: Run) -> None:
        for epoch in run.epochs(2):
            for block in epoch.blocks(split, 4, most):
                assert 0 < len(block.inputs) <= 4 * most
                taken["blocks"].append(block.inputs)
                steps.append(run.step)

    first, second = start(fit), start(fit_blocks)
    first.model.fit(None, first)
    second.model.fit(None, second)
    assert torch.equal(torch.cat(taken["batches"]), torch.cat(taken["blocks"]))
    assert len(taken["blocks"]) == 2 * -(-6 // most)
    assert steps == [e + s for e in (0, 6) for s in range(0, 6, most)]
    assert (first.step, first.examples) == (second.step, second.examples) == (12, 46)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(1, 12), st.integers(0, 30))
def test_blocks_go_on_where_they_were_stopped(
    tmp_path_factory: pytest.TempPathFactory, total: int, most: int, stop: int
) -> None:
    seen: list[range] = []

    def fit(model: Toy, run: Run) -> None:
        seen.extend(run.blocks(total, most))

    directory = RunDirectory.create(tmp_path_factory.mktemp("runs"), "", "toy", record())
    run = StoppingRun(directory, record(), Toy(fit), checkpoint_every=0, stop_at=stop)
    with contextlib.suppress(StoppedForTest):
        run.model.fit(None, run)
        assert stop > total or not total
    if directory.checkpoint("last").exists():
        run = Run(directory, record(), Toy(fit))
        run.resume()
    else:
        seen.clear()
        run = Run(directory, record(), Toy(fit))
    run.model.fit(None, run)
    assert [step for block in seen for step in block] == list(range(total))
    assert all(len(block) <= most for block in seen)
    assert run.step == total


def test_examples_are_counted_as_they_are_handed_out(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        split = Split(torch.arange(10), torch.arange(10))
        for epoch in run.epochs(2):
            counts.append([run.examples for _ in epoch.batches(split, 4)])
        for epoch in run.epochs(1):
            for _ in epoch.batches(split, 4):
                break

    counts: list[list[int]] = []
    run = start(fit)
    run.model.fit(None, run)
    assert counts == [[4, 8, 10], [14, 18, 20]]
    assert run.examples == 24


def test_the_clock_runs_in_loops_and_goes_on_when_it_is_resumed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("rockfall.run.run.time.monotonic", lambda: now[0])
    run = start(sgd)
    now[0] += 7  # between being made and being fitted
    with run.interruptible():
        now[0] += 20  # before the first loop
        assert run.seconds == 0
        for _ in run.steps(1):
            now[0] += 3
            assert run.seconds == 3
            run.save("last")
            now[0] += 2  # and these are lost
    now[0] += 50
    assert run.seconds == 5
    resumed = start(sgd, again=run)
    now[0] += 50
    with contextlib.suppress(StoppedForTest), resumed.interruptible():
        for _ in resumed.steps(2):
            now[0] += 4
            raise StoppedForTest
    now[0] += 50
    assert resumed.seconds == 7


def test_a_checkpoint_of_before_examples_were_counted(start: Start) -> None:
    run = start(sgd)
    run.save("last")
    path = run.directory.checkpoint("last")
    old = checkpoint.read(path)
    del old["examples"]
    checkpoint.write(path, old)
    assert start(sgd, again=run).examples == 0


def test_fraction_counts_nested_loops() -> None:
    position = Position()
    outer = position.enter(4)
    outer.index = 1
    inner = position.enter(10)
    inner.index = 5
    assert position.fraction == pytest.approx((1 + 0.5) / 4)
    assert position.record()["indices"] == [[0, 1], [0, 5]]


def test_progress_reaches_listeners(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rockfall.run.run.TICK", 0.0)
    events = []

    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(4):
            run.log(loss=float(step))

    run = start(fit, listeners=[events.append])
    run.model.fit(None, run)
    progress = [e.data for e in events if e.kind == "progress"]
    assert [p["fraction"] for p in progress] == [0.25, 0.5, 0.75, 1.0]
    assert progress[-1]["metrics"] == {"loss": 3.0}


def test_two_processes_cannot_train_one_run(start: Start, tmp_path: Path) -> None:
    import subprocess
    import sys

    run = start(sgd)
    code = (
        "import sys; from pathlib import Path; from rockfall.run.directory import RunDirectory;"
        "d = RunDirectory(Path(sys.argv[1])); print(d.status);\n"
        "try:\n  d.lock().__enter__()\nexcept Exception as e: print(e)"
    )
    with run.directory.lock():
        said = subprocess.run(
            [sys.executable, "-c", code, str(run.directory.path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert said == "running\nrun toy-1 is being trained by another process\n"
    assert run.directory.status == "started"


def test_what_changes_before_an_inner_loop_is_checkpoint_in_it(start: Start) -> None:
    """The outer loop restores, its turn begins again, and the inner loop restores once more."""

    def fit(model: Toy, run: Run) -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        run.keep(optimizer=optimizer)
        run.state["seen"] = []

        def learn() -> None:
            optimizer.zero_grad()
            (model(torch.randn(4, 2)) - 1).square().mean().backward()
            optimizer.step()
            run.state["seen"].append(model.weight.sum().item())

        for _ in run.steps(3):
            learn()
            for _ in run.steps(3):
                learn()

    expected = start(fit)
    expected.model.fit(None, expected)
    killed = start(fit, stop_at=5, checkpoint_every=0)
    with pytest.raises(StoppedForTest):
        killed.model.fit(None, killed)
    resumed = start(fit, again=killed)
    resumed.model.fit(None, resumed)
    assert resumed.state == expected.state


def test_the_last_metric_may_be_the_best(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(3):
            run.log(score=float(step))
        run.state["at"] = "end"
        run.log(score=9.0)

    run = start(fit, monitor="score")
    run.model.fit(None, run)
    run.finish()
    run.resume("best")
    assert run._checkpoint is not None
    assert run._checkpoint["state"] == {"at": "end"}


@pytest.mark.parametrize("damage", ["gone", "cut short"])
def test_lost_lines_are_said_and_harm_no_others(start: Start, damage: str) -> None:
    run = start(sgd, stop_at=4, checkpoint_every=0)
    with pytest.raises(StoppedForTest):
        run.model.fit(None, run)
    file = run.directory.metrics_file
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9])
    events: list[Any] = []
    resumed = start(sgd, again=run, listeners=[events.append])
    assert [e.data["message"] for e in events] == [
        f"{file} has lost lines, so the curves have a gap"
    ]
    finish(resumed)
    whole = start(sgd)
    lost = 4 if damage == "gone" else 1
    expected = [line for line in finish(whole)[0] if not 4 - lost <= line["step"] < 4]
    assert outcome(resumed)[0] == expected


def test_a_checkpoint_of_another_model_changes_nothing(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(5):
            run.log(loss=float(step))

    run = start(fit, checkpoint_every=0)
    run.model.fit(None, run)
    lines = run.metrics
    path = run.directory.checkpoint("last")
    state = checkpoint.read(path)
    checkpoint.write(path, {**state, "model": {"other": torch.zeros(1)}, "metrics_size": 0})
    with pytest.raises(RockfallError, match="does not fit the model"):
        start(fit, again=run)
    assert run.metrics == lines


def test_a_captured_step_goes_on_from_a_checkpoint_of_cuda(start: Start) -> None:
    """There a learning rate is a tensor, and the optimizer capturable, which the CPU has not."""
    losses: list[list[float]] = []

    def fit(model: Toy, run: Run) -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        run.keep(optimizer=optimizer)

        def step(inputs: torch.Tensor) -> torch.Tensor:
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        captured = run.capture(step, optimizer)
        for _ in run.steps(5):
            losses[-1].append(captured(torch.rand(3, 2)).item())
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
        assert not optimizer.param_groups[0]["capturable"]

    losses.append([])
    straight = start(fit)
    straight.model.fit(None, straight)
    losses.append([])
    stopped = start(fit, stop_at=3, checkpoint_every=0)
    with contextlib.suppress(StoppedForTest):
        stopped.model.fit(None, stopped)
    path = stopped.directory.checkpoint("last")
    state = checkpoint.read(path)
    (group,) = state["kept"]["optimizer"]["param_groups"]
    group["lr"], group["capturable"] = torch.tensor(group["lr"]), True
    checkpoint.write(path, state)
    resumed = start(fit, again=stopped)
    resumed.model.fit(None, resumed)
    assert losses[1] == pytest.approx(losses[0])
    assert len(losses[1]) == 5


def test_an_order_is_the_same_on_every_device_and_waits_for_none(start: Start) -> None:
    orders: list[list[torch.Tensor]] = []

    def fit(model: Toy, run: Run) -> None:
        orders.append([run.permutation(size) for size in (5, 9) for _ in run.steps(2)])

    run = start(fit)
    run.model.fit(None, run)
    with pretend_device() as pretended:
        run = start(fit)
        run.device = torch.device("cuda")
        with pretended.refuse_synchronisations():
            run.model.fit(None, run)
        assert all(order.is_cuda for order in orders[1])
        orders[1] = [order.cpu() for order in orders[1]]
    for here, there in zip(*orders, strict=True):
        assert torch.equal(here, there)
