"""The base class of every estimator: parameters, training, and methods applied in batches."""

# ruff: noqa: N803, N806 -- X is scikit-learn's name

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from rockfall.config import Config as Settings
from rockfall.errors import Diverged, RockfallError
from rockfall.estimators.memory_run import MemoryRun
from rockfall.estimators.parameters import NAMES, make_init, parameters_section, settings_of
from rockfall.kit.devices import computing
from rockfall.kit.randomness import fork_rng
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.info import SourceInfo

Array = NDArray[Any]

BATCH_SIZE = 1000
"""Examples in a batch of inference, so that memory stays bounded."""
DTYPES = (np.float64, np.float32)
NO_LABEL = -1


class Estimator(BaseEstimator):  # type: ignore[misc]
    """The base class; a subclass names the model, and its parameters are the settings of `Config`.

    X is an array-like or a sparse matrix (N, D) of finite numbers. Methods raise ValueError for any
    other, and NotFittedError before `fit`; `fit` raises ValueError also for invalid parameters, and
    if training diverges.

    Its attribute `machine_` is the fitted model with all its capabilities, on the CPU and of the
    precision of X. Training itself is in float32.
    """

    Model: ClassVar[Any]
    Config: ClassVar[type[Settings]]
    NAMES: ClassVar[dict[str, str]] = NAMES
    """Setting → parameter, where it has another name."""
    MIN_FEATURES: ClassVar[int] = 1
    PRINTED: ClassVar[tuple[str, ...]] = ()
    """The metrics that `verbose` prints, where they are logged; else all are."""
    ATTRIBUTES: ClassVar[str] = ""
    """What a docstring says of its attributes, after the parameters."""
    machine_: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "Config"):  # a base class of others
            return
        if "__init__" not in vars(cls):
            cls.__init__ = make_init(cls.Config, cls.NAMES)  # type: ignore[method-assign]
        about = inspect.cleandoc(vars(cls).get("__doc__") or "")
        cls.__doc__ = f"{about}\n\n{parameters_section(cls.Config, cls.NAMES)}{cls.ATTRIBUTES}"

    # Training -------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on X (N, D); y is ignored."""
        X = self._validated(X, reset=True)
        data = self._dataset(X, None)
        self._begin()
        return self._train(self._config(X), data, X.dtype)

    def _begin(self) -> None:
        """Forget what was fitted."""
        self.random_state_ = check_random_state(self.random_state)
        self.seed_ = int(self.random_state_.randint(2**31))
        self.n_epochs_ = 0
        self._saved: dict[str, Any] | None = None

    def _train(self, config: Settings, data: Dataset, dtype: Any) -> Self:
        """From where it is to the end that the settings say."""
        name = type(self).__name__
        try:
            self._learn(config, data)
        except Diverged:
            raise ValueError(
                f"{name}: training diverged, the weights grew without bound; a smaller "
                f"{self.NAMES.get('lr', 'lr')} often helps"
            ) from None
        except RockfallError as error:
            raise ValueError(f"{name}: {error}") from None
        self.machine_ = self.machine_.to("cpu", getattr(torch, np.dtype(dtype).name)).eval()
        self.n_epochs_ = int(getattr(config, "epochs", 1))
        self._fitted(data)
        return self

    def _learn(self, config: Settings, data: Dataset) -> None:
        seed = self.seed_ if self._saved is None else None  # then the generators go on, too
        with fork_rng(seed):
            machine = self._build(config, data.info)
            run = MemoryRun.unrecorded(machine, data.info, seed=self.seed_, device=self.device)
            run.verbose = type(self).__name__ if self.verbose else ""
            run.printed = self.PRINTED
            machine.to(run.device)
            if self._saved is not None:
                run.go_on(self._saved, single(self.machine_.state_dict()))
            with computing(run.record.threads, run.record.matmul_precision):
                machine.fit(data.to(run.device), run)
            self._saved = on_cpu(run.checkpoint_state())
        del self._saved["model"]  # which is that of `machine_`
        self.machine_ = machine

    def _build(self, config: Settings, info: SourceInfo) -> Any:
        """The model before it is trained."""
        return self.Model(config, info)

    def _config(self, X: Array) -> Settings:
        """The model's settings. Raises ValueError that names every invalid parameter."""
        return settings_of(self, self.Config, self.NAMES)

    def _fitted(self, data: Dataset) -> None:
        """What is to be known after each fit."""

    # Data -----------------------------------------------------------------------------------

    def _validated(self, X: Any, *, reset: bool) -> Array:
        """X (N, D) as an array of floats; a sparse one is made dense."""
        least = self.MIN_FEATURES
        return dense(
            validate_data(
                self, X, accept_sparse="csr", dtype=DTYPES, ensure_min_features=least, reset=reset
            )
        )

    def _inputs(self, X: Array) -> Tensor:
        """X → inputs of the model (N, …), of float32 for vectors."""
        return as_tensor(X, torch.float32)

    def _dataset(self, X: Array, labels: Tensor | None, classes: tuple[str, ...] = ()) -> Dataset:
        """X as what the model learns from; validation is on the same, which changes no weight."""
        inputs = self._inputs(X)
        if labels is None:
            labels = torch.full((len(inputs),), NO_LABEL)
        split = Split(inputs, labels)
        kind = "pictures" if inputs.dtype == torch.uint8 else "vectors"
        kinds = (f"labelled-{kind}", kind) if classes else (kind,)
        parts = dict.fromkeys(("train", "validation", "test"), split)
        return Dataset("X", parts, kinds=kinds, classes=classes)

    def _apply(self, method: Callable[[Any, Tensor], Tensor], X: Any) -> Array:
        """A method of the fitted machine, applied to X in batches."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=DTYPES, reset=False)
        outputs = []
        with self._precisely(), torch.no_grad():
            for start in range(0, X.shape[0], BATCH_SIZE):
                part = dense(X[start : start + BATCH_SIZE])
                outputs.append(method(self.machine_, as_tensor(part, self._dtype)))
        return np.asarray(torch.cat(outputs)).astype(X.dtype, copy=False)

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = next(self.machine_.parameters()).dtype
        return dtype

    @contextlib.contextmanager
    def _precisely(self) -> Iterator[None]:
        """Inside, what the machine draws is of its own precision."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(self._dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    def _seed(self) -> int:
        return int(self.random_state_.randint(2**31))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def dense(X: Any) -> Array:
    """X as an array, if it is a sparse matrix."""
    found: Array = X.toarray() if hasattr(X, "toarray") else X
    return found


def as_tensor(X: Array, dtype: torch.dtype) -> Tensor:
    """A copy, also of what is reversed or has other strides that torch does not take."""
    return torch.tensor(np.ascontiguousarray(X), dtype=dtype)


def single(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in float32, which is what they were learned in: nothing is rounded."""
    return {name: t.float() if t.is_floating_point() else t for name, t in state.items()}


def on_cpu(state: Any) -> Any:
    """Nested dicts, lists and tensors, each a copy on the CPU that nothing changes any more."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: on_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map(on_cpu, state))
    return state
