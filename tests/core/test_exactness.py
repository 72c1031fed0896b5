"""The same figures whatever moved the generators before: an import does so once a process."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rockfall
from rockfall import building, completing, training
from rockfall.errors import Interrupted
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.run.run import Run
from rockfall.testing import check_model
from rockfall.testing.comparing import difference
from rockfall.testing.rehearsal import outcome
from tests.core.conftest import Toy
from tests.core.sites import REGISTER, Site, model
from tests.core.test_cli_train import ROCKFALL

CODE = """
import random
import fake_moving
import numpy as np
import pydantic
import torch
import rockfall

class Drawer(torch.nn.Module):
    class Config(rockfall.Config):
        steps: int = pydantic.Field(3, description="steps of the fit")

    presets = {"tiny": {"steps": 4}}

    def __init__(self, config, info):
        super().__init__()
        self.config = config
        self.weight = torch.nn.Parameter(torch.rand(2))

    def fit(self, source, run):
        with torch.no_grad():
            self.weight += source.train.inputs[0, :2]
        for step in run.steps(self.config.steps):
            with torch.no_grad():
                self.weight += torch.rand(2)
            run.log(python=random.random(), numpy=float(np.random.rand()), sum=self.weight.sum())

class Late(Drawer):
    def fit(self, source, run):
        import fake_moving_late
        super().fit(source, run)

def noisy():
    drawn = torch.rand(40, 3) + random.random() + float(np.random.rand())
    half = rockfall.Split(drawn, torch.full((40,), -1))
    splits = dict.fromkeys(("train", "validation", "test"), half)
    return rockfall.Dataset("noisy", splits, kinds=("vectors",))
"""
MOVING = "import random, numpy, torch\nrandom.seed(5), numpy.random.seed(5), torch.manual_seed(5)\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that draw from every generator, and a source that does, and moves them."""
    path = tmp_path_factory.mktemp("site")
    fields: dict[str, Any] = {"learns_from": ("vectors",), "default_source": "noisy"}
    calls = (
        model("drawer", target="fake_draws:Drawer", capabilities=(), **fields),
        model("late", target="fake_draws:Late", capabilities=(), **fields),
        "register.dataset(name='noisy', summary='noise', target='fake_draws:noisy', "
        "kinds=('vectors',))",
    )
    Site(path).add("draws", CODE + REGISTER + "".join(f"    {call}\n" for call in calls))
    for name in ("fake_moving", "fake_moving_late"):
        (path / f"{name}.py").write_text(MOVING)
    return path


@pytest.fixture
def installed(site: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        importlib.invalidate_caches()
        registry.cache_clear()
        yield
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]
    registry.cache_clear()


@pytest.mark.slow
def test_typed_in_any_way_and_killed_before_a_checkpoint(site: Path, tmp_path: Path) -> None:
    """In processes of their own, with listeners that import other things."""

    def typed(*words: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
        subprocess.run([*ROCKFALL, *words], cwd=tmp_path, env=environment, check=True)

    def metrics(name: str) -> list[dict[str, float]]:
        text = (tmp_path / "runs" / name / "metrics.jsonl").read_text()
        return [{**json.loads(line), "seconds": 0} for line in text.splitlines()]

    typed("train", "drawer", "--name", "plain")
    typed("train", "drawer", "--name", "piped", "--json")
    record = (tmp_path / "runs" / "plain" / "run.json").read_bytes()
    for name, words in (("killed", ()), ("killed-piped", ("--json",))):
        (tmp_path / "runs" / name / "checkpoint").mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_bytes(record)
        typed("resume", name, *words)
        assert metrics(name) == metrics("plain") == metrics("piped")
    assert len(metrics("plain")) == 3


def called() -> list[Any]:
    """What training a model calls of other modules, and may be the first to import something."""
    kept = {"seed_everything", "set_random_state", "fork_rng", "dataclass", "replace"}
    kept |= {"build_model", "of_a_file"}  # what the generators start from; no call but a context
    return [
        pytest.param(module, name, id=f"{module.__name__}.{name}")
        for module in (building, completing, training)
        for name, value in vars(module).items()
        if callable(value)
        and not isinstance(value, type)
        and str(getattr(value, "__module__", "")).startswith("rockfall")
        and value.__module__ != module.__name__
        and name not in kept
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "name"),
    [*called(), (training, "RunDirectory.create"), (completing, "RunDirectory.lock")],
)
def test_whatever_is_called_may_move_the_generators(
    module: Any, name: str, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = rockfall.train("drawer", out=tmp_path, listeners=[])
    holder, _, attribute = name.rpartition(".")
    where: Any = getattr(module, holder) if holder else module
    real = getattr(where, attribute)

    @functools.wraps(real)
    def moving(*given: Any, **named: Any) -> Any:
        done = real(*given, **named)
        seed_everything(77)
        return done

    monkeypatch.setattr(where, attribute, moving)
    trained = rockfall.train("drawer", out=tmp_path, listeners=[])
    with contextlib.suppress(FileNotFoundError):
        trained.directory.result_file.unlink()
    trained.directory.checkpoint("last").unlink()
    assert not difference(outcome(expected.directory), outcome(again(trained.directory)))


def again(directory: RunDirectory) -> RunDirectory:
    return rockfall.resume(directory.path, listeners=[lambda event: seed_everything(78)]).directory


def test_a_source_draws_the_same_whenever_it_is_opened(installed: None) -> None:
    inputs = []
    for seed in range(3):
        seed_everything(seed)
        source: Any = rockfall.open_source("noisy")
        inputs.append(source.train.inputs)
    assert not difference(inputs[0], inputs[1])
    assert not difference(inputs[0], inputs[2])


@pytest.mark.long
def test_the_kit_finds_what_is_imported_late(installed: None) -> None:
    check_model("drawer")
    importlib.import_module("fake_moving_late")  # here it moves nothing any more
    with pytest.raises(AssertionError, match="resumed in another process, it differs in"):
        check_model("late")


# Signals ---------------------------------------------------------------------------------------

Start = Callable[..., Run]
STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", STOPS)
def test_any_signal_saves_and_says_how_to_go_on(start: Start, number: signal.Signals) -> None:
    def fit(model: Toy, run: Run) -> None:
        for step in run.steps(9):
            if step == 4:
                signal.raise_signal(number)

    before = [signal.getsignal(each) for each in STOPS]
    run = start(fit)
    with pytest.raises(Interrupted, match=r"step 5; .*resume .*toy-1`"), run.interruptible():
        run.model.fit(None, run)
    assert start(fit, again=run).step == 5
    assert [signal.getsignal(each) for each in STOPS] == before


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_after_the_last_step_is_heard(start: Start, number: signal.Signals) -> None:
    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(2):
            pass
        run.finish()
        signal.raise_signal(number)

    run = start(fit)
    with pytest.raises(Interrupted, match="resume"), run.interruptible():
        run.model.fit(None, run)
    assert start(fit, again=run).finished


def test_a_second_closed_terminal_saves_all_the_same(start: Start) -> None:
    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(2):
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)

    run = start(fit)
    with pytest.raises(Interrupted, match="step 1"), run.interruptible():
        run.model.fit(None, run)


def test_under_nohup_a_closed_terminal_stops_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(model: Toy, run: Run) -> None:
        for _ in run.steps(2):
            signal.raise_signal(signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = start(fit)
        with run.interruptible():
            run.model.fit(None, run)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run.step == 2


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("moment", ["evaluate_model", "write_pictures"])
def test_a_signal_while_it_is_measured_or_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, moment: str
) -> None:
    real = getattr(completing, moment)

    def told(*given: Any, **named: Any) -> Any:
        signal.raise_signal(number)
        return real(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(completing, moment, told)
        with pytest.raises(Interrupted, match="stopped"):
            rockfall.train("mlp", preset="tiny", out=tmp_path, listeners=[])
    resumed = rockfall.resume("mlp-digits-1", out=tmp_path, listeners=[])
    assert resumed.result is not None
    assert all((resumed.directory.pictures / each).exists() for each in resumed.result["pictures"])
    assert resumed.result["pictures"]
