"""Generators as scikit-learn estimators: its own checks, densities, and latents and back."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from rockfall_generators.estimators import VAE, Flow, RealNVP
from rockfall_generators.flow_density import log_density

SETTINGS: dict[Any, dict[str, Any]] = {
    VAE: {"n_components": 2, "hidden": (16,)},
    Flow: {"hidden": 16, "blocks": 1, "steps": 4},
    RealNVP: {"couplings": 2, "hidden": 8},
}


def small(kind: Any, **given: Any) -> Any:
    common = {"n_iter": 2, "random_state": 0, "device": "cpu"}
    return kind(**{**common, **SETTINGS[kind], **given})


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """(1000, 2) of a correlated Gaussian."""
    generator = np.random.default_rng(0)
    spread = np.array([[1.0, 0.0], [1.5, 0.5]])
    drawn: np.ndarray = generator.normal(size=(1000, 2)) @ spread.T + (3.0, -1.0)
    return drawn


@pytest.mark.long
@pytest.mark.parametrize("kind", SETTINGS)
def test_check_estimator(kind: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(small(kind), on_skip=None)
    assert {each["check_name"] for each in results if each["status"] != "passed"} <= {
        "check_array_api_input"
    }


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.filterwarnings("ignore:X .*feature names")  # they pass arrays after frames
def test_pandas(kind: Any) -> None:
    for check in ("check_set_output_transform_pandas", "check_dataframe_column_names_consistency"):
        getattr(estimator_checks, check)(kind.__name__, small(kind))


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.filterwarnings("ignore:posterior collapse")  # of two epochs
def test_latents_and_back(kind: Any, points: np.ndarray) -> None:
    fitted = small(kind, **({"steps": 64} if kind is Flow else {})).fit(points)
    latents = fitted.transform(points)
    back = fitted.inverse_transform(latents)
    assert back.shape == points.shape
    if kind is not VAE:
        np.testing.assert_allclose(back, points, atol=0.02)
    with pytest.raises(ValueError, match="a latent has 2 numbers, not 3"):
        fitted.inverse_transform(np.zeros((1, 3)))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(points), latents)
    np.testing.assert_array_equal(fitted.sample(5, 1), again.sample(5, 1))


@pytest.mark.long
@pytest.mark.parametrize("kind", [Flow, RealNVP])
def test_densities_are_those_of_the_data(kind: Any, points: np.ndarray) -> None:
    """They integrate to 1 over the plane, and come near to those of the Gaussian."""
    settings: dict[str, Any] = {"n_iter": 60}
    if kind is Flow:
        settings |= {"hidden": 64, "steps": 16, "times": "uniform", "ema": 0.9}
    else:
        settings |= {"couplings": 4, "hidden": 32}
    fitted = small(kind, **settings).fit(points)
    side = np.linspace(-10, 14, 121)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    total = np.exp(fitted.score_samples(grid)).sum() * (side[1] - side[0]) ** 2
    assert total == pytest.approx(1, abs=0.05)
    true = stats.multivariate_normal(points.mean(0), np.cov(points.T)).logpdf(points)
    assert fitted.score_samples(points).mean() == pytest.approx(true.mean(), abs=0.15)
    assert np.abs(fitted.sample(2000, 0).mean(0) - points.mean(0)).max() < 0.3


def test_the_density_is_that_of_the_steps(points: np.ndarray) -> None:
    """With many steps, the determinant of the whole map from an example to its noise."""
    fitted = small(Flow, steps=200).fit(points)
    flow = fitted.machine_
    x = torch.tensor(points[:3])

    def noise(inputs: torch.Tensor) -> torch.Tensor:
        values = flow.values(inputs)
        for step in range(200):
            times = values.new_full((len(values),), 1 - step / 200)
            midpoint = values - flow.trained(values, times) / 400
            values = values - flow.trained(midpoint, times - 1 / 400) / 200
        return values

    for row in x:
        jacobian = torch.autograd.functional.jacobian(lambda v: noise(v[None])[0], row)
        expected = stats.norm.logpdf(noise(row[None])[0].detach()).sum()
        expected += float(jacobian.slogdet().logabsdet)
        assert float(log_density(flow, row[None])) == pytest.approx(expected, abs=0.02)


@pytest.mark.long
def test_a_bound_is_below(points: np.ndarray) -> None:
    fitted = small(VAE, n_iter=60, hidden=(32,)).fit(points)
    true = stats.multivariate_normal(points.mean(0), np.cov(points.T)).logpdf(points).mean()
    assert true - 0.6 < fitted.score(points) < true + 0.05


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # of joblib, where there are no semaphores
def test_searched_in_two_processes_and_piped(points: np.ndarray) -> None:
    labels = (points[:, 1] > points[:, 0] - 4).astype(int)
    pipe = Pipeline([("vae", small(VAE)), ("lr", LogisticRegression())])
    grid = {"vae__n_components": [1, 2]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2, error_score="raise").fit(points, labels)
    assert 0 <= search.best_score_ <= 1
    alone = GridSearchCV(small(RealNVP), {"n_iter": [1, 30]}, cv=2, n_jobs=2).fit(points)
    assert alone.best_params_ == {"n_iter": 30}
