"""`bounds`, against a model whose likelihood is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall_generators import bounds
from rockfall_generators.bounds import (
    check,
    evaluate,
    importance_weighted_bound,
    independent_log_likelihood,
    log_weights,
)
from rockfall_generators.cvae import Cvae
from rockfall_generators.vae import Vae, VaeConfig
from tests.generators.linear_gaussian import LinearGaussian, vectors


def weights(made: LinearGaussian, draws: int) -> Tensor:
    torch.manual_seed(0)
    x = made.model.observe(made.x).double()
    with torch.no_grad():
        return log_weights(made.model, x, made.model.conditions(torch.zeros(len(x))), draws)


def pictures(count: int = 40) -> Dataset:
    """Black and white (N, 1, 2, 2), so that nothing is drawn by chance."""
    generator = torch.Generator().manual_seed(0)
    values = (torch.rand(count, 1, 2, 2, generator=generator) < 0.3).byte() * 255
    split = Split(values, torch.arange(count) % 2)
    splits = {"train": split, "validation": split, "test": Split(values[:20], split.labels[:20])}
    return Dataset("patterns", splits, kinds=("labelled-pictures", "pictures"), classes=("a", "b"))


def small(data: Dataset, kind: type[Vae] = Vae, **given: Any) -> Vae:
    torch.manual_seed(0)
    settings: Any = {"latent": 2, "hidden": (8,), "batch_size": 10, **given}
    return kind(VaeConfig(**settings), data.info)


@pytest.mark.parametrize("numbers", [2_000_000, 12])
def test_with_the_true_posterior_every_weight_is_the_likelihood(
    numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CHUNK", numbers)
    made = LinearGaussian()
    wanted = made.log_evidence()[:, None].expand(-1, 7)
    torch.testing.assert_close(weights(made, 7), wanted, atol=1e-5, rtol=0)


def test_the_bounds_are_in_order_and_close_in() -> None:
    made = LinearGaussian(error=0.8)
    exact, elbo = made.log_evidence().mean().item(), made.elbo().mean().item()
    found = weights(made, 4000)
    means = [importance_weighted_bound(found[:, :k]).mean().item() for k in (5, 50, 4000)]
    assert elbo < means[0] < means[1] < means[2] < exact + 0.02
    assert exact - elbo > 0.5
    assert means[2] == pytest.approx(exact, abs=0.02)


def test_one_draw_is_the_elbo_on_average() -> None:
    made = LinearGaussian(error=0.5)
    found = weights(made, 4000)
    error = (found.std(1) / found.shape[1] ** 0.5).mean().item() / len(found) ** 0.5
    torch.testing.assert_close(importance_weighted_bound(found[:, :1]), found[:, 0])
    assert found.mean().item() == pytest.approx(made.elbo().mean().item(), abs=5 * error)
    assert error < 0.01


def test_averages_are_of_the_weights_not_of_their_logarithms() -> None:
    found = importance_weighted_bound(
        torch.tensor([[math.log(2.0), math.log(4.0)], [-2000.0, -2000.0]])
    )
    torch.testing.assert_close(found, torch.tensor([math.log(3.0), -2000.0]))


@pytest.mark.parametrize("limit", [None, 7])
def test_the_figures_are_means_over_the_test_split(limit: int | None) -> None:
    made = LinearGaussian()
    made.model.float()
    found = evaluate(made.model, made.data, limit=limit)
    said = made.log_evidence()
    if limit:
        said = said[torch.arange(limit) * len(said) // limit]
    for name in ("ELBO", "IWAE bound"):
        assert found[name]["value"] == pytest.approx(said.mean().item(), abs=1e-3)
        assert found[name]["count"] == (limit or 200)
        assert list(found[name]["baselines"]) == ["independent inputs"]
    assert found["IWAE bound"]["draws"] == 500


def test_at_most_so_many_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TEST_EXAMPLES", 5)
    made = LinearGaussian()
    made.model.float()
    assert evaluate(made.model, made.data)["ELBO"]["count"] == 5


def test_pictures_are_binarised_and_classes_given() -> None:
    data = pictures()
    with torch.no_grad():
        plain = evaluate(small(data), data)
        conditional = evaluate(small(data, Cvae), data)
    assert plain["ELBO"]["value"] <= plain["IWAE bound"]["value"] < 0
    assert plain["ELBO"]["note"] == "every pixel binarised once, at random"
    assert conditional["ELBO"]["note"] == "every pixel binarised once, at random, given the class"


def test_independent_pixels_are_those_of_the_training_data() -> None:
    model = small(pictures())
    train = (torch.rand(500, 1, 2, 2) < torch.tensor([0.1, 0.5])).float()
    means = train.mean(0).double()
    asked = model.observe(pictures().test.inputs)
    wanted = torch.distributions.Bernoulli(means).log_prob(asked.double()).flatten(1).sum(1)
    torch.testing.assert_close(independent_log_likelihood(model, train, asked), wanted)
    never = independent_log_likelihood(model, torch.zeros(98, 1, 2, 2), torch.ones(1, 1, 2, 2))
    assert never.item() == pytest.approx(4 * math.log(0.01))


def test_independent_numbers_are_in_their_own_units() -> None:
    made = LinearGaussian()
    x = made.x.double()
    deviations = x.std(0, correction=0)
    wanted = torch.distributions.Normal(x.mean(0), deviations).log_prob(x).sum(1)
    values = made.model.observe(made.x)
    torch.testing.assert_close(
        independent_log_likelihood(made.model, values, values), wanted, atol=1e-4, rtol=0
    )


def test_a_binary_vectors_values_are_its_own() -> None:
    values = (torch.rand(50, 3) < 0.4).float()
    model = small(vectors(values), likelihood="bernoulli")
    assert torch.equal(model.observe(values), values)
    assert model.log_det_scale == 0


def test_check_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures()
    model = small(data)
    with torch.no_grad():
        check(model, data)
        right = model.log_likelihood
        with monkeypatch.context() as patch:
            patch.setattr(model, "log_likelihood", lambda *given: right(*given) + 100)
            with pytest.raises(AssertionError, match="above 1"):
                check(model, data)
        with monkeypatch.context() as patch:
            patch.setattr(model, "log_likelihood", lambda *given: right(*given) * math.nan)
            with pytest.raises(AssertionError, match="finite"):
                check(model, data)
        with monkeypatch.context() as patch:
            calls = iter(range(100))
            patch.setattr(model, "log_likelihood", lambda *given: right(*given) - next(calls))
            with pytest.raises(AssertionError, match="same seed"):
                check(model, data)
