"""Capability `fires`: dead units, and histograms of activities."""

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


class IdentityUnits:
    """Its activities are its inputs."""

    def activity(self, inputs: Tensor) -> Tensor:
        return inputs


def identity_data() -> Dataset:
    """2,000 × 5: never on, on once, on for 0.3 %, half on, on but for once."""
    values = torch.zeros(2000, 5)
    values[7, 1] = 1
    values[:6, 2] = 1
    values[:, 3] = 0.5
    values[:, 4] = 1
    values[7, 4] = 0
    return vectors(values)


def test_dead_units_hardly_ever_change() -> None:
    assert dead_units(identity_data().test.inputs) == 3
    assert dead_units(torch.full((10, 2), 0.5)) == 0
    assert dead_units(torch.tensor([[0.0, 1.0, 0.002]])) == 2


def test_evaluate() -> None:
    data = identity_data()
    found = evaluate(IdentityUnits(), data)["active units"]
    shares = data.test.inputs.mean(1)
    assert found["value"] == pytest.approx(shares.mean().item())
    assert found["error"] == pytest.approx((shares.double().std() / 2000**0.5).item())
    assert (found["dead"], found["note"]) == (3, "3 of 5 dead")
    assert found["count"] == 2000
    assert evaluate(IdentityUnits(), data, limit=10)["active units"]["count"] == 10


def test_check_finds_what_is_wrong() -> None:
    class OutOfRange(IdentityUnits):
        def activity(self, inputs: Tensor) -> Tensor:
            return inputs + 0.1

    class Random(IdentityUnits):
        def activity(self, inputs: Tensor) -> Tensor:
            return torch.rand(len(inputs), 3)

    class WrongShape(IdentityUnits):
        def activity(self, inputs: Tensor) -> Tensor:
            return inputs[0]

    assert isinstance(IdentityUnits(), Fires)
    check(IdentityUnits(), identity_data())
    for wrong, message in (
        (OutOfRange(), "between 0 and 1"),
        (Random(), "deterministic"),
        (WrongShape(), "shape"),
    ):
        with pytest.raises(AssertionError, match=message):
            check(wrong, identity_data())


@pytest.mark.long
def test_a_run_leaves_its_activity(tmp_path: Path) -> None:
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
    picture = pictures(model, data)["activity"]
    assert picture.width > 1.5 * picture.height, "two panels side by side"
