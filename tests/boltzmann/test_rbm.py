"""The RBM against its definition: sums over all states, grids, scikit-learn."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import BernoulliRBM

import rockfall
from rockfall.errors import Diverged, UsageError
from rockfall.kit import checkpoint
from rockfall_boltzmann.rbm import Rbm
from tests.boltzmann.machines import Loops, assert_moments, binary, moments, rbm, vectors

SHAPES = [(2, 3), (4, 2), (1, 1), (3, 4)]


# The machine ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_binary_units_by_all_states(shape: tuple[int, int], seed: int) -> None:
    model = rbm(*shape, seed=seed)
    v, h, weights = Loops(model).joint()
    with torch.no_grad():
        free = model.free_energy(torch.tensor(v)).numpy()
        on = model.hidden_probabilities(torch.tensor(v)).numpy()
        means = model.visible_mean(torch.tensor(h)).numpy()
    np.testing.assert_allclose(free, -np.log(weights.sum(1)), atol=1e-10)
    np.testing.assert_allclose(on, weights @ h / weights.sum(1)[:, None], atol=1e-10)
    np.testing.assert_allclose(means, weights.T @ v / weights.sum(0)[:, None], atol=1e-10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2)])
def test_gaussian_units_by_a_grid(shape: tuple[int, int]) -> None:
    model = rbm(*shape, seed=3, visible="gaussian")
    v, h, weights = Loops(model).joint()
    asked = v[:: max(1, len(v) // 50)]
    with torch.no_grad():
        free = model.free_energy(torch.tensor(asked)).numpy()
        on = model.hidden_probabilities(torch.tensor(asked)).numpy()
        means = model.visible_mean(torch.tensor(h)).numpy()
    cell = Loops(model).visible()[1]
    rows = weights[:: max(1, len(v) // 50)]
    np.testing.assert_allclose(free, -np.log(rows.sum(1) / cell), atol=1e-9)
    np.testing.assert_allclose(on, rows @ h / rows.sum(1)[:, None], atol=1e-9)
    np.testing.assert_allclose(means, weights.T @ v / weights.sum(0)[:, None], atol=1e-9)
    variances = weights.T @ v**2 / weights.sum(0)[:, None] - means**2
    np.testing.assert_allclose(variances, 1, atol=1e-9)


def theirs(model: Rbm) -> BernoulliRBM:
    """scikit-learn's, with the same weights."""
    other = BernoulliRBM(n_components=len(model.hidden_bias), random_state=0)
    other.fit(np.zeros((2, model.num_visible)))
    other.components_ = model.weight.detach().numpy().T
    other.intercept_visible_ = model.visible_bias.detach().numpy()
    other.intercept_hidden_ = model.hidden_bias.detach().numpy()
    return other


def test_free_energy_and_features_are_scikit_learns() -> None:
    model = rbm(7, 5)
    v = binary(20, 7)
    with torch.no_grad():
        free, features = model.free_energy(v), model.features(v)
    np.testing.assert_allclose(free, theirs(model)._free_energy(v.numpy()))
    np.testing.assert_allclose(features, theirs(model).transform(v.numpy()))


def test_score_is_minus_the_free_energy_of_the_pictures() -> None:
    pictures = (binary(6, 1, 2, 2) * 255).byte()
    model = rbm(4, 3, info=vectors(pictures).info).float()
    v = pictures.flatten(1) / 255
    torch.testing.assert_close(model.score(pictures), -model.free_energy(v))


def test_pseudo_likelihood_is_right_on_average() -> None:
    """Against the sum over all i of log P(v_i | the others), and against scikit-learn's."""
    model = rbm(4, 3, seed=1)
    v = binary(1, 4)
    with torch.no_grad():
        free = model.free_energy(v).item()
        exact = 0.0
        for i in range(4):
            flipped = v.clone()
            flipped[0, i] = 1 - flipped[0, i]
            other = model.free_energy(flipped).item()
            exact += math.log(math.exp(-free) / (math.exp(-free) + math.exp(-other)))
        torch.manual_seed(0)
        many = v.repeat(20_000, 1)
        mine = model.pseudo_likelihood(many)
    error = (mine.std() / len(mine) ** 0.5).item()
    assert mine.mean().item() == pytest.approx(exact, abs=4 * error)
    assert theirs(model).score_samples(many.numpy()).mean() == pytest.approx(exact, abs=4 * error)
    assert error < 0.02 * abs(exact)


@pytest.mark.long
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_gibbs_steps_converge_to_the_distribution(visible: str) -> None:
    model = rbm(2, 3, seed=5, visible=visible)
    torch.manual_seed(0)
    with torch.no_grad():
        v = torch.ones(40_000, 2, dtype=torch.float64)
        for _ in range(40):
            v, mean = model.gibbs_step(v)
    assert_moments(v, model)
    torch.testing.assert_close(mean.mean(0), moments(model)[0], atol=0.03, rtol=0)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_at_a_temperature_it_is_the_machine_of_divided_energies(visible: str) -> None:
    """Of Gaussian units, whose own energy is v² / 2, that of v / √T."""
    temperature = 2.5
    root = temperature**0.5 if visible == "gaussian" else 1.0
    model = rbm(4, 3, seed=5, visible=visible)
    other = rbm(4, 3, seed=5, visible=visible)
    other.theta.data /= temperature
    other.theta.data[:-1] *= root
    v = binary(500, 4)
    with torch.no_grad():
        torch.manual_seed(0)
        drawn, mean = model.gibbs_step(v, temperature)
        torch.manual_seed(0)
        wanted, wanted_mean = other.gibbs_step(v / root)
    torch.testing.assert_close(drawn, wanted * root)
    torch.testing.assert_close(mean, wanted_mean * root)


def test_a_clamped_chain_samples_the_rest_given_what_is_clamped() -> None:
    model = rbm(4, 3, seed=2)
    given = torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=torch.float64).expand(20_000, -1)
    clamped = torch.tensor([True, True, False, False]).expand_as(given)
    torch.manual_seed(0)
    *_, means = itertools.islice(model.resample(given, clamped), 30)
    v, _, weights = Loops(model).joint()
    chosen = (v[:, 0] == 1) & (v[:, 1] == 0)
    density = weights.sum(1)[chosen] / weights.sum(1)[chosen].sum()
    assert torch.equal(means[:, :2], given[:, :2])
    np.testing.assert_allclose(means.mean(0)[2:], (density @ v[chosen])[2:], atol=0.02)


def test_what_never_occurred_is_not_impossible() -> None:
    model = rbm(3, 2)
    torch.manual_seed(0)
    v = torch.tensor([[0.0, 1.0, 0.25]] * 100, dtype=torch.float64)
    with torch.no_grad():
        model.init_from_data(v)
    chances = model.visible_bias.sigmoid()
    torch.testing.assert_close(chances, torch.tensor([1 / 102, 101 / 102, 0.25]).double())
    assert torch.equal(model.base_bias, model.visible_bias)


# Runs -------------------------------------------------------------------------------------------


def train(out: Any, *source: str, **given: Any) -> rockfall.Run:
    given = {"hidden": 16, "epochs": 1, **given}
    return rockfall.train("rbm", *source, out=out, listeners=[], **given)


@pytest.mark.parametrize("given", [{}, {"visible": "gaussian"}, {"method": "cd", "momentum": 0.9}])
def test_divergence_keeps_the_last_good_weights(tmp_path: Any, given: dict[str, Any]) -> None:
    with pytest.raises(Diverged, match="smaller lr") as caught:
        train(tmp_path, lr=1e30, name="wild", **given)
    assert str(tmp_path) in str(caught.value)
    saved = checkpoint.read(tmp_path / "wild" / "checkpoint" / "last.safetensors")
    for name, tensor in saved["model"].items():
        assert tensor.isfinite().all(), name
        assert (tensor.abs() < 1e3).all(), name
    model: Any = rockfall.open_run("wild", out=tmp_path).model
    assert model.encode(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).isfinite().all()


def test_too_many_weights() -> None:
    info = vectors(torch.rand(5, 1000)).info
    with pytest.raises(ValueError, match=r"600,000,000 weights .* fewer hidden units"):
        rbm(1000, 600_000, info=info)


def test_too_large_a_batch() -> None:
    info = vectors(torch.rand(5, 10)).info
    with pytest.raises(ValueError, match=r"600,000,000 units .* smaller batch_size"):
        rbm(10, 20, info=info, batch_size=20_000_000)


@pytest.mark.long
def test_refusals_come_before_any_training(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=r"values from 0 to 1.* visible=gaussian"):
        train(tmp_path, "gaussian-1d")
    assert not any(tmp_path.iterdir())
    train(tmp_path, "gaussian-1d", visible="gaussian")
