"""The linear probe: how well logistic regression tells classes apart by some features.

Alain and Bengio 2017, "Understanding Intermediate Layers Using Linear Classifier Probes", but for
features that were learned without labels.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import torch
from torch import Tensor

from rockfall import Batch, RockfallError
from rockfall.kit.progress import counted

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Of which C is chosen, the inverse of the L2 penalty's weight. Raw photographs need the first,
the features of a small RBM on digits the last.
"""
MAX_ITERATIONS = 100
"""Iterations of L-BFGS for each strength. Each fit starts where the one before ended, so few would
take more, and they hardly gain by it.
"""
BATCH = 1000
"""Examples standardised and classified at a time, for features may be many."""


def probe(train: Batch, validation: Batch, test: Batch) -> Tensor:
    """(N,) 1.0 where logistic regression on the inputs is right about the N test examples.

    Each batch's inputs are (N, …) numbers of any type, its labels (N,). The inputs are standardised
    by the training examples' means and standard deviations. Of the `STRENGTHS`, the one with the
    best accuracy on the validation examples is taken, for one that suits some features does not
    suit others. Raises RockfallError for inputs that are not finite.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    inputs, labels = _numbers(train.inputs), train.labels.cpu().numpy()
    scaler = StandardScaler(copy=False)
    inputs = scaler.fit_transform(inputs)

    def correct(model: LogisticRegression, examples: Batch) -> Tensor:
        parts = (scaler.transform(_numbers(part)) for part in examples.inputs.split(BATCH))
        predicted = torch.cat([torch.from_numpy(model.predict(part)) for part in parts])
        return (predicted == examples.labels.cpu()).float()

    model = LogisticRegression(max_iter=MAX_ITERATIONS, warm_start=True)
    fits = []
    for strength in counted(STRENGTHS, len(STRENGTHS), "fitting linear probes"):
        # As many threads as torch has: on a busy machine, small products are far slower by two.
        with warnings.catch_warnings(), threadpool_limits(torch.get_num_threads(), "blas"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(C=strength).fit(inputs, labels)
        fits.append(copy.deepcopy(model))
    return correct(max(fits, key=lambda fit: correct(fit, validation).mean().item()), test)


def _numbers(inputs: Tensor) -> np.ndarray:
    """(N, …) → (N, D) float32 of its own."""
    numbers = inputs.flatten(1).to("cpu", torch.float32, copy=True).numpy()
    if not np.isfinite(numbers).all():
        raise RockfallError("the features are not finite, so that no probe can be fitted to them")
    return numbers
