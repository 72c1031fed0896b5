"""Estimators that classify pictures."""

# ruff: noqa: N803, N806 -- X is scikit-learn's name

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from rockfall.config import Config as Settings
from rockfall.estimators.estimator import BATCH_SIZE, DTYPES, Array, Estimator, dense


class ClassifierEstimator(ClassifierMixin, Estimator):  # type: ignore[misc]
    """An estimator that classifies pictures: by `classify` of a model that classifies.

    X is (N, H, W), (N, H, W, C) or (N, C, H, W) with C of 1 or 3; or (N, D), of which each row is a
    square picture if D is a square, and else one of a single row. Bytes are taken as they are;
    other numbers are scaled, so that the least of the training data is 0 and the largest 255, and
    rounded.
    """

    _one_label = "the classifier has to be trained on more than one class; y has one class"

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]
        """Train on pictures X and labels y (N,), of any type."""
        X, y = self._validated_with(X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__}: {self._one_label}")
        self._begin()
        self.scaled_ = X.dtype != np.uint8
        self.low_, self.high_ = (float(X.min()), float(X.max())) if self.scaled_ else (0.0, 255.0)
        data = self._dataset(X, torch.tensor(labels), tuple(map(str, self.classes_)))
        return self._train(self._config(X), data, np.float32)

    def predict_proba(self, X: Any) -> Array:
        """Pictures X → probabilities (N, K), in the order of `classes_`."""
        check_is_fitted(self)
        inputs = self._inputs(self._checked(X, reset=False))
        outputs = [self.machine_.classify(part) for part in inputs.split(BATCH_SIZE)]
        return np.asarray(torch.cat(outputs).double())

    def predict(self, X: Any) -> Array:
        """Pictures X → the most probable label of each (N,)."""
        found = self.predict_proba(X).argmax(1)
        labels: Array = self.classes_[found]
        return labels

    def _validated_with(self, X: Any, y: Any) -> tuple[Array, Array]:
        given = np.asarray(X) if not hasattr(X, "columns") else X
        dtype = np.uint8 if getattr(given, "dtype", None) == np.uint8 else DTYPES
        X, y = validate_data(self, X, y, dtype=dtype, allow_nd=True, accept_sparse="csr")
        return dense(X), y

    def _checked(self, X: Any, *, reset: bool) -> Array:
        dtype = DTYPES if self.scaled_ else np.uint8
        return dense(
            validate_data(self, X, dtype=dtype, allow_nd=True, accept_sparse="csr", reset=reset)
        )

    def _inputs(self, X: Array) -> Tensor:
        """X → pictures (N, C, H, W) uint8."""
        if self.scaled_:
            scale = 255 / (self.high_ - self.low_ or 1.0)
            X = ((X - self.low_) * scale).round().clip(0, 255).astype(np.uint8)
        return torch.tensor(pictures_of(X))

    def _config(self, X: Array) -> Settings:
        config = super()._config(X)
        if getattr(config, "batch_size", 0) > len(X):
            config = config.model_copy(update={"batch_size": max(2, len(X))})
        return config

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def pictures_of(X: Array) -> Array:
    """Numbers (N, D), (N, H, W), (N, H, W, C) or (N, C, H, W) → (N, C, H, W). Raises ValueError."""
    if X.ndim == 2:
        side = math.isqrt(X.shape[1])
        shape = (side, side) if side * side == X.shape[1] else (1, X.shape[1])
        return X.reshape(-1, 1, *shape)
    if X.ndim == 3:
        return X[:, None]
    if X.ndim == 4 and X.shape[3] in (1, 3):
        return np.ascontiguousarray(np.moveaxis(X, 3, 1))
    if X.ndim == 4 and X.shape[1] in (1, 3):
        return X
    raise ValueError(
        f"X of shape {X.shape} is no array of pictures: (N, H, W), or (N, H, W, C) with C of 1 or 3"
    )
