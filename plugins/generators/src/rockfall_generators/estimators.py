"""Models of vectors as scikit-learn estimators: a VAE, a rectified flow, and Real NVP.

    Pipeline([("vae", VAE()), ("lr", LogisticRegression())]).fit(X, y)

An estimator is trained by the `fit` that `rockfall train` calls, in a run that writes nothing to
disk, and its parameters are the settings of the model's `Config`. `transform` gives latents,
`inverse_transform` what they are decoded to; `score_samples` and `sample` are of the density.
"""

# ruff: noqa: N803, N806 -- X is scikit-learn's name

from __future__ import annotations

from typing import Any, ClassVar

import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from rockfall.estimators import Array, DensityEstimator, FeatureEstimator
from rockfall_generators.flow import Flow as FlowModel
from rockfall_generators.flow_density import log_density
from rockfall_generators.realnvp import RealNvp
from rockfall_generators.vae import Vae

ATTRIBUTES = """
Attributes
----------
machine_ : torch.nn.Module
    The fitted model, with all its capabilities in Rockfall.
n_epochs_ : int
    Epochs it was trained for.
n_features_in_ : int
    Number of features seen during fit.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Their names, if all are strings.
"""


class LatentEstimator(FeatureEstimator, DensityEstimator):
    """The base class: latents by `transform`, and back by `inverse_transform`."""

    NAMES: ClassVar[dict[str, str]] = {"epochs": "n_iter", "lr": "learning_rate"}
    ATTRIBUTES = ATTRIBUTES

    def inverse_transform(self, X: Any) -> Array:
        """Latents X (N, F) → examples (N, D). Raises ValueError for other than F numbers each."""
        check_is_fitted(self)
        X = check_array(X, dtype=("float64", "float32"))
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"{type(self).__name__}: a latent has {self._n_features_out} numbers, not "
                f"{X.shape[1]}"
            )
        with self._precisely(), torch.no_grad():
            examples: Tensor = self.machine_.decode(torch.tensor(X, dtype=self._dtype))
        found: Array = examples.numpy().astype(X.dtype, copy=False)
        return found

    @staticmethod
    def _features(machine: Any, inputs: Tensor) -> Tensor:
        latents: Tensor = machine.latents(inputs, torch.full((len(inputs),), -1))
        return latents

    def _config(self, X: Array) -> Any:
        config: Any = super()._config(X)
        return config.model_copy(update={"batch_size": min(config.batch_size, len(X))})


class VAE(LatentEstimator):
    """Variational autoencoder (VAE); `transform` returns the means of q(z | x).

    `score_samples` is the ELBO, which the log-density is at least.
    """

    Model = Vae
    Config = Vae.Config
    NAMES: ClassVar[dict[str, str]] = {"latent": "n_components", **LatentEstimator.NAMES}


class Flow(LatentEstimator):
    """Rectified flow; `transform` returns the noise that is transported to an example.

    `score_samples` is the log-density, by the change of variables along the path.
    """

    Model = FlowModel
    Config = FlowModel.Config

    def score_samples(self, X: Any) -> Array:
        """X (N, D) → log-densities (N,), nats."""
        return self._apply(log_density, X)


class RealNVP(LatentEstimator):
    """Real NVP; `transform` returns the noise of an example, `score_samples` its log-density.

    Of two features or more, since an example is split in two parts.
    """

    Model = RealNvp
    Config = RealNvp.Config
    MIN_FEATURES = 2
