"""A run in memory fits as one on the disk does, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.kit.devices import computing
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall.testing.comparing import difference


@pytest.mark.long
@pytest.mark.parametrize("name", ["mlp", "vae", "rbm"])
def test_it_fits_as_a_recorded_run_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = rockfall.train(
        name, "digits", preset="tiny", seed=3, threads=1, out=tmp_path / "runs", listeners=[]
    )
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    kind: Any = registry().models.find(name).spec.load()
    source: Any = rockfall.open_source("digits")
    seed_everything(3)
    model = kind(kind.Config(**kind.presets["tiny"]), source.info)
    run = rockfall.Run.unrecorded(model, source.info, seed=3, device="cpu", threads=1)
    with computing(run.record.threads, run.record.matmul_precision):
        model.fit(source, run)
    assert not difference(recorded.model.state_dict(), model.state_dict())
    without = [[{**line, "seconds": 0} for line in each.metrics] for each in (recorded, run)]
    assert without[0] == without[1]
    assert sorted(tmp_path.rglob("*")) == before


class Monitored(torch.nn.Linear):
    monitor = "score"

    class Config(rockfall.Config):
        pass

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.config = self.Config()

    def fit(self, source: Any, run: rockfall.Run) -> None:
        for step, score in zip(run.steps(3), (1.0, 9.0, 2.0), strict=True):
            with torch.no_grad():
                self.weight.fill_(step)
            run.picture("never", lambda: pytest.fail("it draws"))
            run.log(score=score)
        run.load_weights("best")


def test_the_best_weights_are_kept_in_memory() -> None:
    info = rockfall.open_source("digits").info
    model = Monitored()
    run = rockfall.Run.unrecorded(model, info, device="cpu")
    model.fit(None, run)
    assert model.weight.item() == 1
    assert [line["score"] for line in run.metrics] == [1.0, 9.0, 2.0]


def test_it_has_no_directory_and_no_result() -> None:
    run = rockfall.Run.unrecorded(Monitored(), rockfall.open_source("digits").info, device="cpu")
    assert run.result is None
    assert run.name == run.address == "unrecorded"
    with pytest.raises(rockfall.RockfallError, match="in memory alone"):
        _ = run.directory


def test_a_number_that_is_not_finite_ends_it() -> None:
    run = rockfall.Run.unrecorded(Monitored(), rockfall.open_source("digits").info, device="cpu")
    with pytest.raises(rockfall.Diverged, match="loss became nan"):
        run.log(loss=float("nan"))
