"""The autoencoder: it compresses examples into few numbers and reconstructs them.

Rumelhart, Hinton and Williams 1986, "Learning internal representations by error propagation";
Hinton and Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks". Encoder f
and decoder g minimise the reconstruction error of examples x,

    min  E[Σᵢ ℓ(xᵢ, g(f(x))ᵢ)]

where ℓ is the squared error, or the cross-entropy with xᵢ as a probability. The loss does not say
how latents are distributed, so a Gaussian with full covariance is fitted to those of the training
examples, and samples are decoded from it (Ghosh et al. 2020, "From Variational to Deterministic
Autoencoders", section 4).

It differs from Hinton and Salakhutdinov: there is no layer-wise pre-training by RBMs; units are
rectified, one hidden layer a side by default; Adam learns the weights. It differs from Ghosh et
al.: neither latents nor decoder are regularised.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall import Batch
from rockfall_generators.encoder_decoder import CHUNK, EncoderDecoder, EncoderDecoderConfig


class AutoencoderConfig(EncoderDecoderConfig):
    loss: Literal["squared-error", "cross-entropy"] = Field(
        "squared-error",
        description="reconstruction loss of a number; cross-entropy is for values from 0 to 1",
    )


MNIST: dict[str, Any] = {
    "epochs": 20,  # 11,000 updates, some two minutes
    "lr": 2e-3,
}


class Autoencoder(EncoderDecoder):
    """Inputs (N, …), uint8 pictures or vectors, → latents (N, latent) → reconstructions (N, …)."""

    Config = AutoencoderConfig
    setting_for_any_values = "loss=squared-error"
    tuned_by: ClassVar[str] = "-validation_loss"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "gaussian-1d": {"latent": 1, "hidden": (32,), "epochs": 10},
        "ring": {"latent": 1, "hidden": (128, 128), "epochs": 60},
        "tiny": {"hidden": (16,), "latent": 4, "epochs": 2, "batch_size": 256},
    }

    def __init__(self, config: AutoencoderConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(
            config, info, binary=config.loss != "squared-error", encoder_outputs=config.latent
        )
        self.middle: Tensor  # the names that the buffers have in checkpoints
        self.spread: Tensor
        self.register_buffer("middle", torch.zeros(config.latent))
        self.register_buffer("spread", torch.eye(config.latent))

    @property
    def prior_mean(self) -> Tensor:
        """Mean (latent,) of the Gaussian that latents are sampled from."""
        return self.middle

    @property
    def prior_factor(self) -> Tensor:
        """S (latent, latent), whose S Sᵀ is the covariance of that Gaussian."""
        return self.spread

    def loss(
        self, values: Tensor, conditions: Tensor, beta: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        latents = self.encoder_output(values, conditions)
        reconstruction = self.decoder_output(latents, conditions)
        error = F.binary_cross_entropy_with_logits if self.binary else F.mse_loss
        return error(reconstruction, values, reduction="sum") / len(values), {}

    def validation_metrics(self, batch: Batch) -> dict[str, float | Tensor]:
        values, conditions = self.scaling(batch.inputs), self.conditions(batch.labels)
        loss, _ = self.loss(values, conditions, values.new_zeros(()))
        return {"validation_loss": loss}

    def fit_prior(self, train: Batch) -> None:
        """Mean of the latents, and S = U √Λ of their covariance U Λ Uᵀ = S Sᵀ."""
        latents = torch.cat([self.encode(part) for part in train.inputs.split(CHUNK)]).double()
        self.prior_mean.copy_(latents.mean(0))
        centred = latents - latents.mean(0)
        variances, axes = torch.linalg.eigh(centred.T @ centred / len(latents))
        self.prior_factor.copy_(axes * variances.clamp(min=0).sqrt())

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.sample_latents(count))

    def sample_latents(self, count: int) -> Tensor:
        """(count, latent) of the Gaussian that is fitted to those of the training examples."""
        noise = torch.randn(count, len(self.prior_mean), device=self.prior_mean.device)
        return self.prior_mean + noise @ self.prior_factor.T
