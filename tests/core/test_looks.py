"""What a run spends on looking at what it learns: 3 % of its time, and no figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rockfall.run import snapshots
from rockfall.run.run import Run
from rockfall.run.snapshots import GRACE, SHARE, Looks

Start = Callable[..., Run]


class Clock:
    """CPU seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def process_time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(snapshots, "time", clock)
    return clock


costs = st.floats(0.001, 5.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 10.0), st.sampled_from("abc"), costs), max_size=60),
)
def test_looks_of_any_cost_take_their_share_and_one_more(
    plan: list[tuple[float, str, float]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(snapshots, "time", clock)
        looks, spent, firsts = Looks(), 0.0, {}
        for work, name, cost in plan:
            clock.now += work
            if looks.affordable(name):
                with looks.taking(name):
                    clock.now += cost
                firsts.setdefault(name, cost)
                spent += cost
            else:
                assert name in firsts
            most = sum(firsts.values()) + max(cost for _, _, cost in plan)
            assert spent <= GRACE + SHARE * clock.now + most + 1e-9


@pytest.mark.parametrize("looking", ["picture", "snapshots"])
@pytest.mark.parametrize("cost", [0.01, 0.3, 4.0])
def test_a_run_takes_what_it_can_afford_and_the_first(
    start: Start, clock: Clock, looking: str, cost: float
) -> None:
    drawn: list[int] = []

    def draw() -> torch.Tensor:
        clock.now += cost
        drawn.append(run.step)
        return torch.zeros(3, 4, 4, dtype=torch.uint8)

    def fit(model: Any, run: Run) -> None:
        if looking == "snapshots":
            run.leave_snapshots([lambda: {"look": draw()}])
        for _ in run.steps(400):
            clock.now += 1.0
            if looking == "picture":
                run.picture("look", draw)

    run = start(fit)
    clock.now += 1000.0  # what came before the training pays for nothing
    with run.interruptible():
        run.model.fit(None, run)
    assert drawn[0] == 0
    assert len(drawn) * cost <= GRACE + SHARE * (400 + len(drawn) * cost) + cost
    assert drawn[-1] > 100, "it goes on looking"
    left = {int(path.stem.split("-")[1]) for path in run.directory.pictures.iterdir()}
    assert left == set(drawn)


def test_a_drawing_that_fails_is_paid_for(clock: Clock) -> None:
    looks = Looks()

    def fail() -> None:
        with looks.taking("a"):
            clock.now += 2.0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    clock.now += 10.0
    assert not looks.affordable("a")
    assert looks.affordable("b")
    clock.now += 4.0 / SHARE
    assert looks.affordable("a")


def test_a_look_that_is_not_taken_changes_nothing_either(start: Start, clock: Clock) -> None:
    logged = []
    for cost in (0.0, 1000.0):

        def fit(model: Any, run: Run, cost: float = cost) -> None:
            def draw() -> torch.Tensor:
                clock.now += cost
                return (torch.rand(3, 4, 4) * 255).byte()

            run.leave_snapshots([lambda: {"look": draw()}])
            for _ in run.steps(8):
                run.picture("other", draw)
                run.log(drawn=torch.rand(()))

        torch.manual_seed(3)
        run = start(fit)
        with run.interruptible():
            run.model.fit(None, run)
        logged.append([line["drawn"] for line in run.metrics])
    assert logged[0] == logged[1]
