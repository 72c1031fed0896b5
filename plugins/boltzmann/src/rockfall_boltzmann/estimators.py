"""The machines as scikit-learn estimators, with the interface of its `BernoulliRBM`.

    Pipeline([("rbm", RBM()), ("lr", LogisticRegression())]).fit(X, y)

An estimator is trained by the `fit` that `rockfall train` calls, in a run that writes nothing to
disk. Its parameters are the settings of the model's `Config`, three of them under scikit-learn's
names; signatures and docstrings are generated from there.
"""

# ruff: noqa: N803, N806 -- X is scikit-learn's name

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from rockfall import Dataset, SourceInfo, fork_rng
from rockfall.estimators import Array, DensityEstimator, FeatureEstimator
from rockfall_boltzmann.ais import LogPartition
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel
from rockfall_boltzmann.mu_ssrbm import MuSsrbm
from rockfall_boltzmann.rbm import Rbm, RbmConfig
from rockfall_boltzmann.ssrbm import Ssrbm

HASH_FACTOR = 0x1CE4E5B9BF58476D
"""An odd number without a pattern in its bits."""
Score = Literal["auto", "pseudo_likelihood", "free_energy", "log_likelihood"]

ATTRIBUTES = """
Attributes
----------
machine_ : torch.nn.Module
    The fitted model, with all its capabilities in Rockfall.
components_ : ndarray of shape (n_weights, n_features)
    Weights of each hidden unit; of a spike-and-slab RBM, of each slab.
intercept_hidden_ : ndarray of shape (n_components,)
    Biases of the hidden units; of a spike-and-slab RBM, of the spikes.
h_samples_ : ndarray of shape (batch_size, n_components)
    Hidden units of the Markov chains where training left them.
n_epochs_ : int
    Epochs it was trained for, with those of `partial_fit`.
n_features_in_ : int
    Number of features seen during fit.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Their names, if all are strings.
"""


class BoltzmannEstimator(FeatureEstimator, DensityEstimator):
    """The base class of the machines: features, scores and Gibbs sampling."""

    Config: ClassVar[type[EnergyConfig]]
    ATTRIBUTES = ATTRIBUTES
    PRINTED = ("pseudo_likelihood",)
    _log_partition: LogPartition | None

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """One more epoch, of X (N, D): as many calls are `fit` of as many epochs, to the last bit,
        with a constant learning rate. y is ignored.

        How many calls follow is not known, so the learning rate stays what it is at first, and the
        data of the first call decides how all is prepared. After `fit` it goes on from there.
        """
        first = not hasattr(self, "machine_")
        X = self._validated(X, reset=first)
        if first:
            self._begin()
        config = self._config(X)
        more = {"epochs": self.n_epochs_ + 1, "schedule": "constant"}
        return self._train(config.model_copy(update=more), self._dataset(X, None), X.dtype)

    def score_samples(self, X: Any, kind: Score = "auto") -> Array:
        """X (N, D) → scores (N,) in nats; the higher, the more likely.

        kind:
            pseudo_likelihood: Σ_i log P(v_i | the other units), of binary units, as `BernoulliRBM`
                estimates it: from one unit of each example. Which one depends on the example alone,
                so the same X has the same scores.
            free_energy: −F(v), the log-likelihood up to the constant log Z of this machine.
            log_likelihood: −F(v) − log Z, of a machine without slabs. log Z is exact where a layer
                has at most 20 units, and else estimated, which takes seconds.
            auto: pseudo_likelihood where visible units are binary, else free_energy.
        """
        check_is_fitted(self)
        binary = bool(getattr(self.machine_, "binary", False))
        if kind == "auto":
            kind = "pseudo_likelihood" if binary else "free_energy"
        if kind == "pseudo_likelihood" and binary:
            return self._apply(_pseudo_likelihood, X)
        if kind == "free_energy":
            return self._apply(EnergyModel.score, X)
        if kind == "log_likelihood" and isinstance(self.machine_, Rbm):
            return self._apply(EnergyModel.score, X) - self.log_partition().value
        raise ValueError(f"{type(self).__name__}: this machine has no score {kind}")

    def gibbs(self, X: Any) -> Array:
        """X (N, D) → (N, D): one sweep of block Gibbs sampling, at each call another."""
        check_is_fitted(self)
        with fork_rng(self._seed()):
            return self._apply(_gibbs_step, X)

    def log_partition(self) -> LogPartition:
        """log Z of an RBM, its error, and how it was found; computed once."""
        if self._log_partition is None:
            with fork_rng(self.seed_), self._precisely(), torch.no_grad():
                self._log_partition = self.machine_.log_partition()
        found: LogPartition = self._log_partition
        return found

    @property
    def components_(self) -> Array:
        return np.asarray(self.machine_.filters())

    @property
    def h_samples_(self) -> Array:
        with fork_rng(self.seed_), torch.no_grad():
            on = self.machine_.hidden_probabilities(self.machine_.chains)
            return np.asarray(on.float().bernoulli().to(on.dtype))

    def _build(self, config: Any, info: SourceInfo) -> EnergyModel:
        machine: EnergyModel = self.Model(config, replace(info, sizes={}))  # it may be one example
        machine.inputs.takes_constant = True
        return machine

    def _fitted(self, data: Dataset) -> None:
        super()._fitted(data)
        self._log_partition = None


def _gibbs_step(machine: EnergyModel, inputs: Tensor) -> Tensor:
    v, _ = machine.gibbs_step(machine.inputs(inputs))
    return machine.inputs.inverse(v)


def _pseudo_likelihood(machine: Rbm, inputs: Tensor) -> Tensor:
    v = machine.inputs(inputs)
    return machine.pseudo_likelihood(v, unit_of(v))


def unit_of(v: Tensor) -> Tensor:
    """v (N, D) → a unit (N, 1) of each example, as good as random, by its content alone: a hash of
    whole numbers, which come to the same in any order and beside any other examples.
    """
    features = v.shape[1]
    generator = torch.Generator().manual_seed(features)
    factors = torch.randint(2**62, (features,), generator=generator) | 1
    bits = v.float().contiguous().view(torch.int32).long()
    hashed = ((bits ^ bits >> 16) * factors).sum(1)  # the last bits of 0 and 1 alone are alike
    hashed = (hashed ^ hashed >> 29) * HASH_FACTOR
    return ((hashed ^ hashed >> 32) % features)[:, None]


class RBMConfig(RbmConfig):
    visible: Literal["auto", "bernoulli", "gaussian"] = Field(  # type: ignore[assignment]
        "auto",
        description="type of the visible units; bernoulli: binary, data from 0 to 1 as "
        "probabilities; gaussian: real with variance 1, any data, standardised; auto: bernoulli if "
        "all training data is from 0 to 1, else gaussian",
    )


class RBM(BoltzmannEstimator):
    """Restricted Boltzmann machine (RBM); `transform` returns P(h = 1 | v).

    Beside the attributes below, `intercept_visible_` (n_features,): biases of the visible units.
    """

    Model = Rbm
    Config = RBMConfig

    @property
    def intercept_hidden_(self) -> Array:
        return np.asarray(self.machine_.hidden_bias.detach())

    @property
    def intercept_visible_(self) -> Array:
        return np.asarray(self.machine_.visible_bias.detach())

    def _config(self, X: Array) -> Any:
        config: Any = super()._config(X)
        visible = self.visible
        if visible == "auto" and self._saved is not None:  # it is decided
            visible = self.machine_.config.visible
        elif visible == "auto":
            visible = "bernoulli" if X.min() >= 0 and X.max() <= 1 else "gaussian"
        return config.model_copy(update={"visible": visible})


class SSRBM(BoltzmannEstimator):
    """Spike-and-slab RBM (ssRBM); `transform` returns P(h = 1 | v) and, of every slab, E[h s | v].

    Its precisions are `machine_.lambda_` and `machine_.alpha`.
    """

    Model: ClassVar[Any] = Ssrbm
    Config: ClassVar[type[EnergyConfig]] = Ssrbm.Config

    @property
    def intercept_hidden_(self) -> Array:
        return np.asarray(self.machine_.bias.detach())


class MuSSRBM(SSRBM):
    """µ-ssRBM; `transform` returns P(h = 1 | v) and, of every slab, E[h s | v].

    Its precisions are `machine_.lambda_`, `machine_.alpha` and `machine_.phi`, the slabs' means
    `machine_.mu`.
    """

    Model = MuSsrbm
    Config = MuSsrbm.Config
