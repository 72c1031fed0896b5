"""The machines as scikit-learn estimators, with the interface of its `BernoulliRBM`.

    Pipeline([("rbm", RBM()), ("lr", LogisticRegression())]).fit(X, y)

An estimator is trained by the `fit` that `rockfall train` calls, in a run that writes nothing to
disk. Its parameters are the settings of the model's `Config`, three of them under scikit-learn's
names; signatures and docstrings are generated from there.
"""

# ruff: noqa: N803, N806 -- X is scikit-learn's name

from __future__ import annotations

import inspect
import textwrap
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

import rockfall
from rockfall import ConfigError, Dataset, Diverged, RockfallError, Split, fork_rng
from rockfall.kit.devices import computing
from rockfall_boltzmann.energy import EnergyConfig, EnergyModel
from rockfall_boltzmann.mu_ssrbm import MuSsrbm
from rockfall_boltzmann.rbm import Rbm, RbmConfig
from rockfall_boltzmann.ssrbm import Ssrbm

Array = NDArray[np.floating[Any]]

PARAMETER_NAMES = {"hidden": "n_components", "epochs": "n_iter", "lr": "learning_rate"}
"""Setting → parameter, where scikit-learn has another name for it."""
BATCH_SIZE = 1000
"""Examples in a batch of inference, so that memory stays bounded."""

EXTRA_PARAMETERS: dict[str, tuple[Any, str, str]] = {
    "device": (
        "auto",
        "str",
        "device to train on: cpu, cuda, or auto; the fitted model is on the cpu",
    ),
    "random_state": (
        None,
        "int, RandomState instance or None",
        "seed of all random numbers; None takes one from NumPy's global generator",
    ),
    "verbose": (0, "int", "verbosity; above 0, metrics are printed about every thousand updates"),
}
"""Parameter → default, type and description, of those that are not settings of a model."""

ATTRIBUTES = """
Attributes
----------
machine_ : torch.nn.Module
    The fitted model, with all its capabilities in Rockfall.
components_ : ndarray of shape (n_weights, n_features)
    Weights of each hidden unit; of a spike-and-slab RBM, of each slab.
intercept_hidden_ : ndarray of shape (n_components,)
    Biases of the hidden units; of a spike-and-slab RBM, of the spikes.
n_features_in_ : int
    Number of features seen during fit.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Their names, if all are strings.
"""


class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The base class; a subclass names the model, and its parameters are the settings of `Config`.

    X is an array-like (N, D) of finite numbers, not sparse. Methods raise ValueError for any other,
    and NotFittedError before `fit`; `fit` raises ValueError also for invalid parameters, and if
    training diverges.
    """

    Model: ClassVar[Any]
    Config: ClassVar[type[EnergyConfig]]
    machine_: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__init__ = _make_init(cls.Config)  # type: ignore[method-assign]
        parameters = _parameters_section(cls.Config)
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{parameters}{ATTRIBUTES}"

    def fit(self, X: Any, y: object = None) -> Self:
        """Train on X (N, D), N at least 2; y is ignored."""
        X = validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2)
        config = self._config(X)
        split = Split(torch.tensor(X, dtype=torch.float32), torch.full((len(X),), -1))
        parts = dict.fromkeys(("train", "validation", "test"), split)
        self.random_state_ = check_random_state(self.random_state)
        try:
            machine = self._fitted(config, Dataset("X", parts, kinds=("vectors",)))
        except Diverged:
            raise ValueError(
                f"{type(self).__name__}: training diverged, the weights grew without bound; a "
                "smaller learning_rate often helps"
            ) from None
        except RockfallError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from None
        self.machine_ = machine.to("cpu", getattr(torch, X.dtype.name))
        self._n_features_out = self.transform(X[:1]).shape[1]
        return self

    def transform(self, X: Any) -> Array:
        """X (N, D) → features (N, F), of the dtype of X."""
        return self._apply(EnergyModel.encode, X)

    def score_samples(self, X: Any) -> Array:
        """X (N, D) → −F (N,): log-likelihoods up to the constant log Z of this machine."""
        return self._apply(EnergyModel.score, X)

    def gibbs(self, X: Any) -> Array:
        """X (N, D) → (N, D): one sweep of block Gibbs sampling, at each call another."""
        check_is_fitted(self)
        with fork_rng(self._seed()):
            return self._apply(_gibbs_step, X)

    @property
    def components_(self) -> Array:
        return np.asarray(self.machine_.filters())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _config(self, X: Array) -> EnergyConfig:
        """The model's settings. Raises ValueError that names every invalid parameter."""
        fields = self.Config.model_fields
        values = {
            name: _to_python(getattr(self, PARAMETER_NAMES.get(name, name))) for name in fields
        }
        try:
            return self.Config.build(type(self).__name__, values)
        except ConfigError as error:
            parts = (problem.partition(":") for problem in error.problems)
            message = "; ".join(
                PARAMETER_NAMES.get(name, name) + colon + why for name, colon, why in parts
            )
            raise ValueError(f"{type(self).__name__}: {message}") from None

    def _fitted(self, config: EnergyConfig, data: Dataset) -> EnergyModel:
        seed = self._seed()
        with fork_rng(seed):
            machine: EnergyModel = self.Model(config, data.info)
            run = FitRun.unrecorded(machine, data.info, seed=seed, device=self.device)
            run.verbose = type(self).__name__ if self.verbose else ""
            machine.to(run.device)
            with computing(run.record.threads, run.record.matmul_precision):
                machine.fit(data.to(run.device), run)
        return machine

    def _apply(self, method: Callable[[EnergyModel, Tensor], Tensor], X: Any) -> Array:
        """A method of the fitted machine, applied to X in batches."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        dtype = self.machine_.chains.dtype
        with torch.no_grad():
            outputs = [
                method(self.machine_, torch.tensor(X[start : start + BATCH_SIZE], dtype=dtype))
                for start in range(0, len(X), BATCH_SIZE)
            ]
        return np.asarray(torch.cat(outputs)).astype(X.dtype, copy=False)

    def _seed(self) -> int:
        return int(self.random_state_.randint(2**31))


class FitRun(rockfall.Run):
    """A run in memory that speaks as scikit-learn does: in printed lines and Python's warnings."""

    verbose = ""
    """Whose name a line of metrics begins with, an epoch each; empty prints none."""

    def log(self, **metrics: float | Tensor) -> None:
        super().log(**metrics)
        if self.verbose:
            epoch = self.metrics[-1]["epoch"]
            values = ", ".join(f"{name} = {float(v):.4g}" for name, v in metrics.items())
            print(f"[{self.verbose}] Iteration {epoch + 1}, {values}, time = {self.seconds:.2f}s")

    def warn(self, message: str) -> None:
        warnings.warn(message, stacklevel=2)


def _gibbs_step(machine: EnergyModel, inputs: Tensor) -> Tensor:
    v, _ = machine.gibbs_step(machine.inputs(inputs))
    return machine.inputs.inverse(v)


def _to_python(value: Any) -> Any:
    """NumPy's scalars, of which parameter grids often are, as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _make_init(config: type[EnergyConfig]) -> Callable[..., None]:
    """An `__init__` with a parameter for each setting, all but the first keyword-only."""
    defaults = {
        PARAMETER_NAMES.get(name, name): field.default
        for name, field in config.model_fields.items()
    }
    defaults |= {name: default for name, (default, _, _) in EXTRA_PARAMETERS.items()}
    positional, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [
            inspect.Parameter("self", positional),
            *(
                inspect.Parameter(name, keyword if number else positional, default=default)
                for number, (name, default) in enumerate(defaults.items())
            ),
        ]
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        del bound.arguments["self"]
        vars(self).update(bound.arguments)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def _parameters_section(config: type[EnergyConfig]) -> str:
    """The section "Parameters" of a docstring, in numpydoc's format."""
    rows = {
        PARAMETER_NAMES.get(setting.name, setting.name): (
            f"{setting.type}{', ' * bool(setting.bounds)}{setting.bounds}",
            repr(config.model_fields[setting.name].default),
            setting.why,
        )
        for setting in config.described()
    }
    rows |= {
        name: (kind, repr(value), why) for name, (value, kind, why) in EXTRA_PARAMETERS.items()
    }
    lines = ["Parameters", "----------"]
    for name, (kind, default, why) in rows.items():
        lines.append(f"{name} : {kind}, default={default}")
        lines += textwrap.wrap(f"{why}.", 96, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(lines) + "\n"


class RBMConfig(RbmConfig):
    visible: Literal["auto", "bernoulli", "gaussian"] = Field(  # type: ignore[assignment]
        "auto",
        description="type of the visible units; bernoulli: binary, data from 0 to 1 as "
        "probabilities; gaussian: real with variance 1, any data, standardised; auto: bernoulli if "
        "all training data is from 0 to 1, else gaussian",
    )


class RBM(Estimator):
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

    def _config(self, X: Array) -> EnergyConfig:
        config = super()._config(X)
        visible = self.visible
        if visible == "auto":
            visible = "bernoulli" if X.min() >= 0 and X.max() <= 1 else "gaussian"
        return config.model_copy(update={"visible": visible})


class SSRBM(Estimator):
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
