"""Classifiers as scikit-learn estimators: its own checks, pictures of any layout, and pipelines."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from rockfall.estimators import ClassifierEstimator
from rockfall_vision import estimators
from rockfall_vision.estimators import MLP, LeNet5

KINDS = [
    value
    for value in vars(estimators).values()
    if isinstance(value, type)
    and issubclass(value, ClassifierEstimator)
    and hasattr(value, "Model")
]


def small(kind: Any = MLP, **given: Any) -> Any:
    return kind(**{"random_state": 0, "device": "cpu", **given})


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """(400, 8, 8) from 0 to 16, and their labels."""
    data = load_digits()
    return data.images[:400], data.target[:400]


@pytest.mark.long
def test_check_estimator() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(small(), on_skip=None)
    assert {each["check_name"] for each in results if each["status"] != "passed"} <= {
        "check_array_api_input"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_classifier_learns_one_picture_of_each(kind: Any) -> None:
    """Of any labels, by a few epochs; it copies and pickles."""
    pictures = np.zeros((64, 32, 32, 3), np.uint8)
    pictures[32:] = 255
    labels = np.array(["black"] * 32 + ["white"] * 32)
    settings = {"batch_size": 16, "n_iter": 2}
    fitted = small(kind, **settings).fit(pictures, labels)
    assert list(fitted.classes_) == ["black", "white"]
    probabilities = fitted.predict_proba(pictures)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(pictures), probabilities)
    assert clone(fitted).get_params() == fitted.get_params()


def test_it_classifies(digits: Any) -> None:
    pictures, labels = digits
    scores = cross_val_score(small(n_iter=20), pictures, labels, cv=2)
    assert scores.mean() > 0.85


def test_pictures_of_any_layout_are_the_same(digits: Any) -> None:
    pictures, labels = digits
    bytes_of = (pictures * 255 / 16).round().astype(np.uint8)
    layouts = [
        pictures,
        pictures[..., None],
        pictures[:, None],
        pictures.reshape(-1, 64),
        pictures / 16,
        bytes_of,
    ]
    found = [small(n_iter=2).fit(x, labels).predict_proba(x) for x in layouts]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # of joblib, where there are no semaphores
def test_searched_in_two_processes_and_piped(digits: Any) -> None:
    pictures, labels = digits
    pipe = make_pipeline(FunctionTransformer(np.sqrt), small(n_iter=2))
    grid = {"mlp__learning_rate": [1e-2, 1e-6]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(pictures.reshape(-1, 64), labels)
    assert search.best_params_ == {"mlp__learning_rate": 1e-2}


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (np.zeros((4, 8, 8)), ["a"] * 4, "more than one class"),
        (np.zeros((4, 5, 8, 8)), ["a", "b"] * 2, "no array of pictures"),
        (np.full((4, 8, 8), np.nan), ["a", "b"] * 2, "NaN"),
        (np.zeros((4, 8, 8)), [0.5, 1.2, 3.7, 2.2], "continuous"),
        (np.zeros((4, 8, 8)), ["a", "b"], "inconsistent"),
    ],
)
def test_invalid_data(pictures: np.ndarray, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(pictures, labels)


def test_invalid_parameters(digits: Any) -> None:
    with pytest.raises(ValueError, match=r"LeNet5: n_iter: .* learning_rate: "):
        small(LeNet5, n_iter=-1, learning_rate=0).fit(*digits)
