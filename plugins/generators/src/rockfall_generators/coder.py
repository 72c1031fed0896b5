"""What every autoencoder here shares: an encoder, a decoder, and the one training loop.

An encoder makes latents of an example, and a decoder makes the example of them again. What a
subclass calls its loss is all that differs.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

import rockfall
from rockfall import Batch, Dataset, eval_mode, fork_rng
from rockfall.kit.schedules import Schedule, lr_factor
from rockfall_generators.conditions import Conditions, joined, told
from rockfall_generators.networks import check_weights, conv_down, conv_up, mlp
from rockfall_generators.scaling import Scaling, check_batch

AT_ONCE = 1000
"""Examples made at a time, which keeps what lies in memory small."""
LARGE = 10_000_000
"""Multiplications of an update's products from which on bf16 pays for the conversions."""
WATCHED = 1000
"""Most examples that the figures after an epoch are taken from."""


class CoderConfig(rockfall.Config):
    latent: int = Field(16, ge=1, le=10_000, description="numbers that an example is put into")
    network: Literal["mlp", "conv"] = Field("mlp", description="conv is for pictures")
    hidden: tuple[PositiveInt, ...] = Field(
        (512,), description="units of the encoder's layers, with mlp; the decoder has them reversed"
    )
    channels: int = Field(
        16,
        ge=1,
        description="feature maps at half the size, with conv; twice as many at half of that",
    )
    epochs: int = Field(300, ge=1, description="passes over the data; 3,900 updates on digits")
    batch_size: int = Field(100, ge=1, description="examples an update")
    lr: float = Field(4e-3, gt=0, description="Adam's step size at the beginning; digits bear much")
    schedule: Schedule = Field("cosine", description="how lr falls to 0, which averages the noise")


class Coder(nn.Module):
    """Encoder: values and conditions → `numbers` an example, the first of them its latents; and a
    decoder: latents and conditions → values, or their logits where they are probabilities.

    Raises ValueError for a batch larger than the data, for pictures of a size that convolutions
    can't make, for more weights than fit a memory, and for vectors that are no probabilities where
    they ought to be.
    """

    Config: ClassVar[type[CoderConfig]] = CoderConfig
    threads: ClassVar[int] = 1  # the networks are too small for a second thread to pay
    precision: ClassVar[str] = "bf16"
    spherical: ClassVar[bool] = False  # blends may come as near to the middle as they like
    conditional: ClassVar[bool] = False
    """Whether both sides are told the class."""

    def __init__(
        self, config: Any, info: rockfall.SourceInfo, *, binary: bool, numbers: int
    ) -> None:
        """binary: whether values are probabilities, and the decoder's output their logits."""
        super().__init__()
        check_batch(config.batch_size, info)
        self.config = config
        self.binary = binary
        self.scaling = Scaling(info, low=0.0)
        if binary and not self.scaling.pictures:
            self._take_as_they_are(info)
        self.conditions = Conditions(info) if self.conditional else None
        self.classes = self.conditions.count if self.conditions else 0
        with torch.device("meta"):  # takes no memory
            check_weights(self.build_encoder(numbers), self.build_decoder())
        self.encoder = self.build_encoder(numbers)
        self.decoder = self.build_decoder()

    def build_encoder(self, numbers: int) -> nn.Sequential:
        """Values and conditions as `encoded` joins them → (N, numbers)."""
        config, shape = self.config, self.scaling.shape
        if config.network == "conv":
            shape = (shape[0] + self.classes, *shape[1:])
            return conv_down(shape, config.channels, numbers)
        return mlp((self.scaling.count + self.classes, *config.hidden, numbers))

    def build_decoder(self) -> nn.Sequential:
        """Latents and conditions (N, latent + K) → (N, …)."""
        config, shape = self.config, self.scaling.shape
        inputs = config.latent + self.classes
        if config.network == "conv":
            return conv_up(inputs, shape, config.channels)
        layers = mlp((inputs, *reversed(config.hidden), self.scaling.count))
        return nn.Sequential(*layers, nn.Unflatten(1, shape))

    def _take_as_they_are(self, info: rockfall.SourceInfo) -> None:
        low, high = min(info.statistics["min"]), max(info.statistics["max"])
        if low < 0 or high > 1:
            raise ValueError(
                f"probabilities are from 0 to 1, and the values of {info.name} reach from "
                f"{low:.4g} to {high:.4g}: {self.for_any_values} takes them"
            )
        self.scaling.middle.zero_()
        self.scaling.reach.fill_(1.0)

    # What a subclass supplies ---------------------------------------------------------------

    for_any_values: ClassVar[str]
    """The setting with which values may be any numbers."""

    def loss(
        self, values: Tensor, told: Tensor, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What an update lowers, and the terms of it that are logged; a mean over examples.

        values (N, …) as `shown` gives them, conditions (N, K), progress from 0 to 1.
        """
        raise NotImplementedError

    def shown(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values (N, …) that an update is made with."""
        values: Tensor = self.scaling(inputs)
        return values

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""
        raise NotImplementedError

    def watch(self, batch: Batch) -> dict[str, float | Tensor]:
        """What is logged of validation examples after every epoch."""
        raise NotImplementedError

    def settle(self, train: Batch) -> None:
        """Set what follows from training examples, besides what is learned by the loss."""

    def beware(self, run: rockfall.Run, watched: dict[str, float | Tensor]) -> None:
        """Warn of what goes wrong, by what was last watched, in the second half of a training."""

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        if self.conditions is not None:
            self.conditions.fit(data.train.labels)
        optimizer = torch.optim.Adam(self.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        steps = config.epochs * math.ceil(len(data.train) / config.batch_size)
        products = config.batch_size * sum(p.numel() for p in self.parameters())
        precision = run.autocast if products >= LARGE else contextlib.nullcontext
        for epoch in run.epochs(config.epochs):
            self.train()
            for batch in epoch.batches(data.train, config.batch_size):
                progress = run.step / steps
                for group in optimizer.param_groups:
                    group["lr"] = config.lr * lr_factor(progress, config.schedule)
                values, told = self.shown(batch.inputs), self.told(batch.labels)
                with precision():
                    loss, terms = self.loss(values, told, progress)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss, **terms)
            with fork_rng(seed=0), eval_mode(self):  # the same noise each time
                self.settle(data.train.evenly_spaced(WATCHED))
                watched = self.watch(data.validation.evenly_spaced(WATCHED))
            run.log(**watched)
            if 2 * (epoch.index + 1) >= config.epochs:
                self.beware(run, watched)
        with eval_mode(self):
            self.settle(data.train[:])

    def told(self, labels: Tensor) -> Tensor:
        """Labels (N,) → conditions (N, K), K being 0 where nothing is told."""
        return told(self.conditions, labels, self.scaling.middle)

    def recognised(self, values: Tensor) -> Tensor:
        """Values (N, …) of unknown classes → conditions (N, K)."""
        return self.scaling.middle.new_empty(len(values), 0)

    def encoded(self, values: Tensor, told: Tensor) -> Tensor:
        """Values (N, …) and conditions (N, K) → what the encoder says of them (N, numbers)."""
        said: Tensor = self.encoder(self._joined(values, told))
        return said.float()

    def _joined(self, values: Tensor, told: Tensor) -> Tensor:
        return joined(values if self.config.network == "conv" else values.flatten(1), told)

    def decoded(self, latents: Tensor, told: Tensor) -> Tensor:
        """Latents (N, latent) and conditions (N, K) → values or their logits (N, …)."""
        said: Tensor = self.decoder(torch.cat((latents, told), 1))
        return said.float()

    # What it can do -------------------------------------------------------------------------

    def decode(self, latents: Tensor) -> Tensor:
        """Latents and conditions (N, latent + K) → examples (N, …) of the source's type."""
        with eval_mode(self):
            made = torch.cat([self.decoder(part) for part in latents.split(AT_ONCE)])
            return self.scaling.back(made.sigmoid() if self.binary else made)

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → latents and conditions (N, latent + K)."""
        return self._latents(inputs, self.told(labels))

    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → latents (N, latent)."""
        found = self._latents(inputs, self.recognised(self.scaling(inputs)))
        return found[:, : self.config.latent]

    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → the same shape and type."""
        return self.decode(self._latents(inputs, self.recognised(self.scaling(inputs))))

    def _latents(self, inputs: Tensor, told: Tensor) -> Tensor:
        with eval_mode(self):
            found = self.encoded(self.scaling(inputs), told)[:, : self.config.latent]
            return torch.cat((found, told), 1)

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """What the encoder's layers make of inputs (N, …), (N, C', H', W') or (N, D), in order."""
        values = self.scaling(inputs)
        found: dict[str, Tensor] = {}
        with eval_mode(self):
            said = self._joined(values, self.recognised(values))
            for layer in self.encoder:
                said = layer(said)
                if isinstance(layer, nn.ReLU | nn.LeakyReLU):
                    found[f"layer {len(found) + 1}"] = said
            found["latents"] = said[:, : self.config.latent]
        return found

    def filters(self) -> Tensor:
        """The encoder's first weights as pictures (F, C, H, W), or as vectors (F, D)."""
        weights: Tensor = next(self.encoder.parameters()).detach()
        if weights.ndim == 2:
            return weights[:, : self.scaling.count].reshape(-1, *self.scaling.shape)
        return weights[:, : self.scaling.shape[0]]
