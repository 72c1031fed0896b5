"""`fires`: which units are dead, and the histograms of what is on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.sources.dataset import Dataset
from rockfall.sources.opening import open_source
from rockfall_boltzmann.activity import Fires, check, dead_units, evaluate, pictures
from tests.boltzmann.machines import vectors


class Lamps:
    """Its activities are its inputs."""

    def activity(self, inputs: Tensor) -> Tensor:
        return inputs


def lamps() -> Dataset:
    """2,000 × 5: never on, on once, on for 0.3 %, half on, on but for once."""
    values = torch.zeros(2000, 5)
    values[7, 1] = 1
    values[:6, 2] = 1
    values[:, 3] = 0.5
    values[:, 4] = 1
    values[7, 4] = 0
    return vectors(values)


def test_dead_is_what_hardly_ever_changes() -> None:
    assert dead_units(lamps().test.inputs) == 3
    assert dead_units(torch.full((10, 2), 0.5)) == 0
    assert dead_units(torch.tensor([[0.0, 1.0, 0.002]])) == 2


def test_the_figure() -> None:
    data = lamps()
    found = evaluate(Lamps(), data)["active units"]
    shares = data.test.inputs.mean(1)
    assert found["value"] == pytest.approx(shares.mean().item())
    assert found["error"] == pytest.approx((shares.double().std() / 2000**0.5).item())
    assert (found["dead"], found["note"]) == (3, "3 of 5 dead")
    assert found["count"] == 2000
    assert evaluate(Lamps(), data, limit=10)["active units"]["count"] == 10


def test_check_finds_what_is_wrong() -> None:
    class Loud(Lamps):
        def activity(self, inputs: Tensor) -> Tensor:
            return inputs + 0.1

    class Noisy(Lamps):
        def activity(self, inputs: Tensor) -> Tensor:
            return torch.rand(len(inputs), 3)

    class Flat(Lamps):
        def activity(self, inputs: Tensor) -> Tensor:
            return inputs[0]

    assert isinstance(Lamps(), Fires)
    check(Lamps(), lamps())
    for wrong, said in ((Loud(), "between 0 and 1"), (Noisy(), "deterministic"), (Flat(), "shape")):
        with pytest.raises(AssertionError, match=said):
            check(wrong, lamps())


def test_a_trained_machine_shows_its_activity(tmp_path: Path) -> None:
    run = rockfall.train("rbm", hidden=20, epochs=1, out=tmp_path, listeners=[])
    assert run.result is not None
    found = run.result["figures"]["active units"]
    assert 0 < found["value"] < 1
    assert (run.directory.pictures / "activity.png").is_file()
    data = open_source("digits")
    assert isinstance(data, Dataset)
    model: Fires = run.model  # type: ignore[assignment]
    on = model.activity(data.test.inputs)
    assert on.shape == (len(data.test), 20)
    assert found["value"] == pytest.approx(on.mean().item(), abs=1e-6)
    drawn = pictures(model, data)["activity"]
    assert drawn.width > 1.5 * drawn.height, "two panels side by side"
