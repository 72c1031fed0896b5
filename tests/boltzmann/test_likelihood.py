"""`normalises`: probabilities that sum to one, and the figure that is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.sources.dataset import Dataset, Split
from rockfall_boltzmann import ais, likelihood
from rockfall_boltzmann.likelihood import Normalises, check, evaluate
from rockfall_boltzmann.rbm import Rbm
from tests.boltzmann.machines import Loops, rbm, states, vectors


def patterns(count: int = 60, seed: int = 0) -> Dataset:
    """Pictures (N, 1, 2, 2) that are black and white, so that nothing is drawn by chance."""
    generator = torch.Generator().manual_seed(seed)
    values = (torch.rand(count, 1, 2, 2, generator=generator) < 0.3).byte() * 255
    split = Split(values, torch.full((count,), -1))
    splits = {"train": split, "validation": split, "test": Split(values[:20], split.labels[:20])}
    return Dataset("patterns", splits, kinds=("pictures",))


def machine(data: Dataset) -> Rbm:
    return rbm(4, 3, seed=3, info=data.info).float()


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_probabilities_sum_to_one(visible: str) -> None:
    made = rbm(2, 3, seed=6, visible=visible)
    v, cell = Loops(made).visible()
    every = torch.tensor(v)
    with torch.no_grad():
        total = (-made.free_energy(every) - made.log_partition().value).exp().sum() * cell
        alone = made.independent(every).exp().sum() * cell
    assert total.item() == pytest.approx(1, abs=1e-9)
    assert alone.item() == pytest.approx(1, abs=1e-9)


def test_independent_pixels_are_those_of_the_training_data() -> None:
    made = rbm(3, 2)
    v = (torch.rand(500, 3, dtype=torch.float64) < torch.tensor([0.1, 0.5, 0.8])).double()
    with torch.no_grad():
        made.begin(v)
    means = v.mean(0)
    asked = torch.tensor(states(3))
    wanted = (asked * means.log() + (1 - asked) * (1 - means).log()).sum(1)
    torch.testing.assert_close(made.independent(asked), wanted)
    real = rbm(3, 2, visible="gaussian")
    with torch.no_grad():
        real.begin(v)
    normal = torch.distributions.Normal(means, 1.0)
    torch.testing.assert_close(real.independent(asked), normal.log_prob(asked).sum(1))


@pytest.mark.parametrize("limit", [None, 7])
def test_the_figure_is_the_mean_over_the_test_split(limit: int | None) -> None:
    data = patterns()
    made = machine(data)
    with torch.no_grad():
        found = evaluate(made, data, limit=limit)["log-likelihood"]
    every_v, _, weights = Loops(made).joint()
    chances = weights.sum(1) / weights.sum()
    asked = data.test.evenly_spaced(limit).inputs.flatten(1).double() / 255
    said = torch.tensor(
        [chances[(every_v == v.numpy()).all(1).argmax()] for v in asked], dtype=torch.float64
    ).log()
    assert found["value"] == pytest.approx(said.mean().item(), abs=1e-5)
    assert found["error"] == pytest.approx((said.std() / len(said) ** 0.5).item(), abs=1e-5)
    assert found["count"] == len(said) == (limit or 20)
    alone = made.independent(asked).mean().item()
    assert found["baselines"]["independent pixels"]["value"] == pytest.approx(alone)
    assert found["log_partition"] == ais.Partition(ais.exact(made))._asdict()
    assert found["note"] == f"log Z {ais.exact(made):.2f} exact"


def test_vectors_have_no_pixels() -> None:
    data = vectors(torch.rand(20, 3).round())
    with torch.no_grad():
        found = evaluate(rbm(3, 2, info=data.info).float(), data)["log-likelihood"]
    assert list(found["baselines"]) == ["independent inputs"]


def test_log_zs_error_is_part_of_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    made = machine(data)
    with torch.no_grad():
        exact = evaluate(made, data)["log-likelihood"]
        uncertain = ais.Partition(exact["log_partition"]["value"], 0.3, 50, 17.4)
        monkeypatch.setattr(Rbm, "log_partition", lambda self: uncertain)
        found = evaluate(made, data)["log-likelihood"]
    assert found["value"] == exact["value"]
    assert found["error"] == pytest.approx((exact["error"] ** 2 + 0.3**2) ** 0.5)
    assert found["log_partition"]["error"] == 0.3
    assert found["note"].endswith("± 0.3 by annealing, 17 of 50 chains count")


def test_grey_pictures_are_drawn() -> None:
    values = torch.full((4000, 1, 2, 2), 51, dtype=torch.uint8)
    values[::2] = 102
    split = Split(values, torch.full((4000,), -1))
    data = Dataset("grey", dict.fromkeys(("train", "validation", "test"), split), kinds=("p",))
    made = machine(data)
    torch.manual_seed(0)
    drawn = made.drawn(values)
    assert ((drawn == 0) | (drawn == 1)).all()
    assert drawn[::2].mean().item() == pytest.approx(0.4, abs=0.03)
    assert drawn[1::2].mean().item() == pytest.approx(0.2, abs=0.03)


def test_the_same_seed_gives_the_same_figure(tmp_path: Path) -> None:
    run = rockfall.train("rbm", hidden=30, epochs=8, out=tmp_path, listeners=[])
    assert run.result is not None
    found = run.result["figures"]["log-likelihood"]
    assert found["log_partition"]["chains"] == ais.CHAINS
    assert rockfall.evaluate(run)["log-likelihood"] == found
    baseline = found["baselines"]["independent pixels"]["value"]
    assert found["value"] > baseline > -64 * 0.6931


def test_check_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    made = machine(data)
    assert isinstance(made, Normalises)
    with torch.no_grad():
        check(made, data)
        too_low = ais.Partition(ais.exact(made) - 100)
        with monkeypatch.context() as patch:
            patch.setattr(Rbm, "log_partition", lambda self: too_low)
            with pytest.raises(AssertionError, match="above 1"):
                check(made, data)
        with monkeypatch.context() as patch:
            drawn = iter(range(100))
            patch.setattr(Rbm, "log_partition", lambda self: ais.Partition(100.0 + next(drawn)))
            with pytest.raises(AssertionError, match="same seed"):
                check(made, data)
        with monkeypatch.context() as patch:
            wrong: Tensor = torch.zeros(5, 2)
            patch.setattr(Rbm, "independent", lambda self, v: wrong)
            with pytest.raises(AssertionError, match="shape"):
                check(made, data)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    made = machine(data)
    with torch.no_grad():
        whole = evaluate(made, data)
        monkeypatch.setattr(likelihood, "BATCH", 3)
        parts = evaluate(made, data)
    assert parts["log-likelihood"]["value"] == pytest.approx(whole["log-likelihood"]["value"])
