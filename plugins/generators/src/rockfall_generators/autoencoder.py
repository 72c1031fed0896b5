"""An autoencoder: as much of an example as a few numbers can hold.

Rumelhart, Hinton and Williams 1986; Hinton and Salakhutdinov 2006, "Reducing the dimensionality of
data with neural networks". With encoder f and decoder g, over examples x,

    min  E[Σ_i ℓ(x_i, g(f(x))_i)]

ℓ being the squared error, or the cross-entropy of x_i as a probability. Where its latents lie
nobody has said, so a Gaussian of any covariance is fitted to those of the training examples, and
new examples are made of what is drawn from it (Ghosh et al. 2020, "From variational to
deterministic autoencoders", section 4).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall import Batch
from rockfall_generators.coder import AT_ONCE, Coder, CoderConfig


class AutoencoderConfig(CoderConfig):
    loss: Literal["squared-error", "cross-entropy"] = Field(
        "squared-error", description="a number; cross-entropy is for values from 0 to 1"
    )


MNIST: dict[str, Any] = {
    "epochs": 20,  # 11,000 updates, some two minutes
    "lr": 2e-3,
}


class Autoencoder(Coder):
    """Inputs (N, …), uint8 pictures or vectors, → latents (N, latent) → inputs again."""

    Config = AutoencoderConfig
    for_any_values = "loss=squared-error"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": MNIST,
        "fashion-mnist": MNIST,
        "kmnist": MNIST,
        "gaussian-1d": {"latent": 1, "hidden": (32,), "epochs": 10},
        "ring": {"latent": 1, "hidden": (128, 128), "epochs": 60},
        "tiny": {"hidden": (16,), "latent": 4, "epochs": 2, "batch_size": 256},
    }

    def __init__(self, config: AutoencoderConfig, info: rockfall.SourceInfo) -> None:
        super().__init__(config, info, binary=config.loss != "squared-error", numbers=config.latent)
        self.middle: Tensor
        self.spread: Tensor
        self.register_buffer("middle", torch.zeros(config.latent))
        self.register_buffer("spread", torch.eye(config.latent))

    def loss(
        self, values: Tensor, told: Tensor, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        made = self.decoded(self.encoded(values, told), told)
        missed = F.binary_cross_entropy_with_logits if self.binary else F.mse_loss
        return missed(made, values, reduction="sum") / len(values), {}

    def watch(self, batch: Batch) -> dict[str, float | Tensor]:
        loss, _ = self.loss(self.scaling(batch.inputs), self.told(batch.labels), 1.0)
        return {"validation_loss": loss}

    def settle(self, train: Batch) -> None:
        """Mean of the latents, and S = U √Λ with covariance U Λ Uᵀ = S Sᵀ."""
        found = torch.cat([self.encode(part) for part in train.inputs.split(AT_ONCE)]).double()
        self.middle.copy_(found.mean(0))
        centred = found - found.mean(0)
        variances, axes = torch.linalg.eigh(centred.T @ centred / len(found))
        self.spread.copy_(axes * variances.clamp(min=0).sqrt())

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        noise = torch.randn(count, len(self.middle), device=self.middle.device)
        return self.decode(self.middle + noise @ self.spread.T)
