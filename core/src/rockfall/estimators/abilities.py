"""Estimators that transform, and such that score and sample."""

# ruff: noqa: N803 -- X is scikit-learn's name

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from rockfall.estimators.estimator import Array, Estimator
from rockfall.kit.randomness import fork_rng
from rockfall.sources.dataset import Dataset


class FeatureEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):  # type: ignore[misc]
    """An estimator that transforms: by `encode`, of a model that encodes."""

    def transform(self, X: Any) -> Array:
        """X (N, D) → features (N, F), of the dtype of X."""
        return self._apply(self._features, X)

    @staticmethod
    def _features(machine: Any, inputs: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = machine.encode(inputs)
        return features

    def _fitted(self, data: Dataset) -> None:
        super()._fitted(data)
        with self._precisely():
            one = data.train.inputs[:1].to(self._dtype)
            self._n_features_out = self._features(self.machine_, one).shape[1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class DensityEstimator(Estimator):
    """An estimator of a density: by `score` of a model that scores, and `sample` of one that
    samples.
    """

    def score_samples(self, X: Any) -> Array:
        """X (N, D) → log-densities (N,), or what bounds or stands for them, in nats."""
        return self._apply(lambda machine, inputs: machine.score(inputs), X)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples` of X (N, D), by which a search compares; y is ignored."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Samples of the model (n_samples, D). None: at each call others."""
        check_is_fitted(self)
        generator = self.random_state_ if random_state is None else random_state
        seed = int(check_random_state(generator).randint(2**31))
        with fork_rng(seed), self._precisely(), torch.no_grad():
            return np.asarray(self.machine_.sample(n_samples))
