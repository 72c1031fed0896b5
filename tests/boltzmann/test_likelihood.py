"""Capability `normalises`: probabilities that sum to one, and the log-likelihood of a split."""

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
    """Pictures (N, 1, 2, 2) that are black and white, so that nothing is sampled."""
    generator = torch.Generator().manual_seed(seed)
    values = (torch.rand(count, 1, 2, 2, generator=generator) < 0.3).byte() * 255
    split = Split(values, torch.full((count,), -1))
    splits = {"train": split, "validation": split, "test": Split(values[:20], split.labels[:20])}
    return Dataset("patterns", splits, kinds=("pictures",))


def machine(data: Dataset) -> Rbm:
    return rbm(4, 3, seed=3, info=data.info).float()


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_probabilities_sum_to_one(visible: str) -> None:
    model = rbm(2, 3, seed=6, visible=visible)
    v, cell = Loops(model).visible()
    every = torch.tensor(v)
    with torch.no_grad():
        total = (-model.free_energy(every) - model.log_partition().value).exp().sum() * cell
        alone = model.independent_log_likelihood(every).exp().sum() * cell
    assert total.item() == pytest.approx(1, abs=1e-9)
    assert alone.item() == pytest.approx(1, abs=1e-9)


def test_independent_pixels_are_those_of_the_training_data() -> None:
    model = rbm(3, 2)
    v = (torch.rand(500, 3, dtype=torch.float64) < torch.tensor([0.1, 0.5, 0.8])).double()
    with torch.no_grad():
        model.init_from_data(v)
    means = v.mean(0)
    every = torch.tensor(states(3))
    wanted = (every * means.log() + (1 - every) * (1 - means).log()).sum(1)
    torch.testing.assert_close(model.independent_log_likelihood(every), wanted)
    real = rbm(3, 2, visible="gaussian")
    with torch.no_grad():
        real.init_from_data(v)
    normal = torch.distributions.Normal(means, 1.0)
    torch.testing.assert_close(
        real.independent_log_likelihood(every), normal.log_prob(every).sum(1)
    )


@pytest.mark.parametrize("limit", [None, 7])
def test_evaluate_is_the_mean_over_the_test_split(limit: int | None) -> None:
    data = patterns()
    model = machine(data)
    with torch.no_grad():
        found = evaluate(model, data, limit=limit)["log-likelihood"]
    every_v, _, weights = Loops(model).joint()
    chances = weights.sum(1) / weights.sum()
    test_v = data.test.evenly_spaced(limit).inputs.flatten(1).double() / 255
    wanted = torch.tensor(
        [chances[(every_v == v.numpy()).all(1).argmax()] for v in test_v], dtype=torch.float64
    ).log()
    assert found["value"] == pytest.approx(wanted.mean().item(), abs=1e-5)
    assert found["error"] == pytest.approx((wanted.std() / len(wanted) ** 0.5).item(), abs=1e-5)
    assert found["count"] == len(wanted) == (limit or 20)
    alone = model.independent_log_likelihood(test_v).mean().item()
    assert found["baselines"]["independent pixels"]["value"] == pytest.approx(alone)
    assert found["log_partition"] == ais.LogPartition(ais.exact_log_partition(model))._asdict()
    assert found["note"] == f"log Z {ais.exact_log_partition(model):.2f} exact"


def test_vectors_have_no_pixels() -> None:
    data = vectors(torch.rand(20, 3).round())
    with torch.no_grad():
        found = evaluate(rbm(3, 2, info=data.info).float(), data)["log-likelihood"]
    assert list(found["baselines"]) == ["independent inputs"]


def test_the_error_includes_that_of_log_z(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    model = machine(data)
    with torch.no_grad():
        exact = evaluate(model, data)["log-likelihood"]
        uncertain = ais.LogPartition(exact["log_partition"]["value"], 0.3, 50, 17.4)
        monkeypatch.setattr(Rbm, "log_partition", lambda self: uncertain)
        found = evaluate(model, data)["log-likelihood"]
    assert found["value"] == exact["value"]
    assert found["error"] == pytest.approx((exact["error"] ** 2 + 0.3**2) ** 0.5)
    assert found["log_partition"]["error"] == 0.3
    assert found["note"].endswith("± 0.3 by AIS, effective sample size 17 of 50")


def test_grey_pictures_are_binarised_by_sampling() -> None:
    values = torch.full((4000, 1, 2, 2), 51, dtype=torch.uint8)
    values[::2] = 102
    split = Split(values, torch.full((4000,), -1))
    data = Dataset("grey", dict.fromkeys(("train", "validation", "test"), split), kinds=("p",))
    model = machine(data)
    torch.manual_seed(0)
    v = model.visible_states(values)
    assert ((v == 0) | (v == 1)).all()
    assert v[::2].mean().item() == pytest.approx(0.4, abs=0.03)
    assert v[1::2].mean().item() == pytest.approx(0.2, abs=0.03)


@pytest.mark.long
def test_the_same_seed_gives_the_same_likelihood(tmp_path: Path) -> None:
    run = rockfall.train("rbm", hidden=30, epochs=8, out=tmp_path, listeners=[])
    assert run.result is not None
    found = run.result["figures"]["log-likelihood"]
    assert found["log_partition"]["chains"] == ais.CHAINS
    assert rockfall.evaluate(run)["log-likelihood"] == found
    baseline = found["baselines"]["independent pixels"]["value"]
    assert found["value"] > baseline > -64 * 0.6931


def test_check_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    model = machine(data)
    assert isinstance(model, Normalises)
    with torch.no_grad():
        check(model, data)
        too_low = ais.LogPartition(ais.exact_log_partition(model) - 100)
        with monkeypatch.context() as patch:
            patch.setattr(Rbm, "log_partition", lambda self: too_low)
            with pytest.raises(AssertionError, match="above 1"):
                check(model, data)
        with monkeypatch.context() as patch:
            calls = iter(range(100))
            patch.setattr(Rbm, "log_partition", lambda self: ais.LogPartition(100.0 + next(calls)))
            with pytest.raises(AssertionError, match="same seed"):
                check(model, data)
        with monkeypatch.context() as patch:
            wrong: Tensor = torch.zeros(5, 2)
            patch.setattr(Rbm, "independent_log_likelihood", lambda self, v: wrong)
            with pytest.raises(AssertionError, match="shape"):
                check(model, data)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = patterns()
    model = machine(data)
    with torch.no_grad():
        whole = evaluate(model, data)
        monkeypatch.setattr(likelihood, "BATCH_SIZE", 3)
        parts = evaluate(model, data)
    assert parts["log-likelihood"]["value"] == pytest.approx(whole["log-likelihood"]["value"])
