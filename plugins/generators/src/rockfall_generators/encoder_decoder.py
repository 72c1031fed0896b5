"""What every autoencoder here shares: an encoder, a decoder, and the training loop.

The encoder maps an example to its latents, the decoder latents to an example. A subclass supplies
the loss.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

import rockfall
from rockfall import Batch, Dataset, eval_mode, fork_rng
from rockfall.kit.memory import unallocated
from rockfall.kit.modules import multiplications
from rockfall.kit.optimizers import Adam
from rockfall.kit.own_networks import own_network
from rockfall.kit.schedules import Schedule, lr_factor, set_lr
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators.conditions import ClassConditions, NoConditions, concatenate
from rockfall_generators.networks import (
    Network,
    check_parameter_count,
    conv_down,
    conv_up,
    mixed_precision,
    mlp,
)
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches

CHUNK = 1000
"""Examples encoded or decoded at a time, which bounds the memory that it takes."""
VALIDATION_EXAMPLES = 1000
"""Most examples that are evaluated after an epoch."""


class EncoderDecoderConfig(rockfall.Config):
    latent: int = Field(16, ge=1, le=10_000, description="dimension of the latents z")
    network: Literal["mlp", "conv"] = Field(
        "mlp", description="kind of both networks: fully connected, or convolutional for pictures"
    )
    hidden: tuple[PositiveInt, ...] = Field(
        (512,),
        description="units in each hidden layer of the encoder, with mlp; the decoder mirrors it",
    )
    channels: int = Field(
        16,
        ge=1,
        description="feature maps at half the picture's size, with conv; doubled at each halving",
    )
    encoder: str | None = Field(
        None,
        description="your own in place of it: module:Name, of Encoder(shape, outputs) in module.py "
        "beside you, which maps (N, *shape) → (N, outputs)",
    )
    decoder: str | None = Field(
        None,
        description="your own in place of it: module:Name, of Decoder(inputs, shape), which maps "
        "(N, inputs) → (N, *shape)",
    )
    epochs: int = Field(
        300, ge=1, description="passes over the training split; 3,900 updates on digits"
    )
    batch_size: int = Field(100, ge=1, description="mini-batch size")
    lr: float = Field(
        4e-3, gt=0, description="initial learning rate of Adam; digits tolerate a high one"
    )
    schedule: Schedule = Field(
        "cosine", description="learning rate schedule; decay to 0 averages out gradient noise"
    )


class EncoderDecoder(nn.Module):
    """An encoder: values and conditions → `encoder_outputs` numbers (N, …), the first of which are
    the latents; and a decoder: latents and conditions → values, or their logits where these are
    probabilities.

    Raises ValueError for pictures of a size that convolutions
    can't generate, for more parameters than fit into memory, and for vectors that are not
    probabilities where they have to be.
    """

    Config: ClassVar[type[EncoderDecoderConfig]] = EncoderDecoderConfig
    parallel: str = "batches"
    precision: ClassVar[str] = "bf16"
    spherical: ClassVar[bool] = False  # blends of latents may come near to the origin

    def __init__(
        self, config: Any, info: rockfall.SourceInfo, *, binary: bool, encoder_outputs: int
    ) -> None:
        """binary: whether values are probabilities, and the decoder's output their logits."""
        super().__init__()
        config = with_full_batches(config, info)
        self.config = config
        self.binary = binary
        self.scaling = Scaling(info, low=0.0)
        if binary and not self.scaling.pictures:
            self._take_as_probabilities(info)
        self.conditions = self.build_conditions(info)
        if not (config.encoder or config.decoder):
            with unallocated():
                check_parameter_count(self.build_encoder(encoder_outputs), self.build_decoder())
        self.encoder = self.build_encoder(encoder_outputs)
        self.decoder = self.build_decoder()
        check_parameter_count(self.encoder, self.decoder)
        self.multiplications = config.batch_size * (
            multiplications(self.encoder, torch.zeros(1, *self.encoder_shape))
            + multiplications(self.decoder, torch.zeros(1, config.latent + self.conditions.count))
        )

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions | NoConditions:
        """What labels (N,) are for both networks: conditions (N, K), here with K = 0."""
        return NoConditions()

    @property
    def encoder_shape(self) -> tuple[int, ...]:
        """Of one input: values and conditions, (C + K, H, W) or (D + K,)."""
        shape, count = self.scaling.shape, self.conditions.count
        if self.takes_shape:
            return (shape[0] + count, *shape[1:])
        return (self.scaling.numel + count,)

    @property
    def takes_shape(self) -> bool:
        """Whether the encoder takes pictures as they are, and not as vectors."""
        own = self.config.encoder is not None and self.scaling.pictures
        return bool(own or self.config.network == "conv")

    def build_encoder(self, outputs: int) -> nn.Sequential:
        """Values and conditions, as `_encoder_input` joins them → (N, outputs)."""
        config, shape = self.config, self.encoder_shape
        if config.encoder is not None:
            call = "Encoder(shape, outputs)"
            return Network(own_network("encoder", config.encoder, shape, (outputs,), call=call))
        if config.network == "conv":
            return Network(*conv_down(shape, config.channels, outputs))
        return Network(*mlp((*shape, *config.hidden, outputs)))

    def build_decoder(self) -> nn.Sequential:
        """Latents and conditions (N, latent + K) → (N, …)."""
        config, shape = self.config, self.scaling.shape
        inputs = config.latent + self.conditions.count
        if config.decoder is not None:
            call = "Decoder(inputs, shape)"
            return Network(own_network("decoder", config.decoder, (inputs,), shape, call=call))
        if config.network == "conv":
            return Network(*conv_up(inputs, shape, config.channels))
        layers = mlp((inputs, *reversed(config.hidden), self.scaling.numel))
        return Network(*layers, nn.Unflatten(1, shape))

    def _take_as_probabilities(self, info: rockfall.SourceInfo) -> None:
        low, high = min(info.statistics["min"]), max(info.statistics["max"])
        if low < 0 or high > 1:
            raise ValueError(
                f"probabilities are from 0 to 1, and the values of {info.name} reach from "
                f"{low:.4g} to {high:.4g}: {self.setting_for_any_values} takes them"
            )
        self.scaling.offset.zero_()
        self.scaling.scale.fill_(1.0)

    # What a subclass supplies ---------------------------------------------------------------

    setting_for_any_values: ClassVar[str]
    """The setting with which values need not be probabilities."""

    def loss(
        self, values: Tensor, conditions: Tensor, beta: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, a mean over examples, and the terms of it that are logged.

        values (N, …) as `preprocess` gives them, conditions (N, K), beta as `beta` gives it, a
        scalar.
        """
        raise NotImplementedError

    def beta(self, progress: float) -> float:
        """The coefficient β of the latents' term of the loss, at `progress`, 0 … 1, through the
        training; it has none here.
        """
        return 0.0

    def preprocess(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values (N, …) that an update is made with."""
        values: Tensor = self.scaling(inputs)
        return values

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type, drawn from torch's global generator."""
        raise NotImplementedError

    def sample_latents(self, count: int) -> Tensor:
        """Latents and conditions (count, latent + K) that samples are decoded from."""
        raise NotImplementedError

    def validation_metrics(self, batch: Batch) -> dict[str, float | Tensor]:
        """What is logged of validation examples after every epoch."""
        raise NotImplementedError

    def fit_prior(self, train: Batch) -> None:
        """Fit to training examples the distribution of latents that samples are decoded from, where
        the loss does not say what it is.
        """

    def warn_on_collapse(self, run: rockfall.Run, metrics: dict[str, float | Tensor]) -> None:
        """Warn of latents that are not used, by the last validation metrics; called after every
        epoch of the second half of a training.
        """

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        config = self.config
        self.conditions.fit(data.train.labels)
        optimizer = Adam(self.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        steps = config.epochs * math.ceil(len(data.train) / config.batch_size)
        networks = (self.encoder, self.decoder)
        beta = self.scaling.offset.new_zeros(())

        @mixed_precision(run, networks, self.multiplications)
        def step(inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
            values, conditions = self.preprocess(inputs), self.conditions(labels)
            loss, terms = self.loss(values, conditions, beta)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss, **terms}

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            self.train()
            for batch in epoch.batches(data.train, config.batch_size):
                progress = run.step / steps
                set_lr(optimizer, config.lr * lr_factor(progress, config.schedule))
                beta.fill_(self.beta(progress))
                run.log(**captured_step(*batch))
            with fork_rng(seed=0), eval_mode(self):  # the same noise each time
                self.fit_prior(data.train.evenly_spaced(VALIDATION_EXAMPLES))
                validation = data.validation.evenly_spaced(VALIDATION_EXAMPLES)
                metrics = self.validation_metrics(validation)
            run.log(**metrics)
            if 2 * (epoch.index + 1) >= config.epochs:
                self.warn_on_collapse(run, metrics)
        with eval_mode(self):
            self.fit_prior(data.train[:])

    def infer_conditions(self, values: Tensor) -> Tensor:
        """Values (N, …) of unknown classes → conditions (N, K)."""
        return self.scaling.offset.new_empty(len(values), 0)

    def encoder_output(self, values: Tensor, conditions: Tensor) -> Tensor:
        """Values (N, …) and conditions (N, K) → (N, encoder_outputs) float32."""
        output: Tensor = self.encoder(self._encoder_input(values, conditions))
        return output

    def _encoder_input(self, values: Tensor, conditions: Tensor) -> Tensor:
        values = values if self.takes_shape else values.flatten(1)
        return concatenate(values, conditions)

    def decoder_output(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Latents (N, latent) and conditions (N, K) → values or their logits (N, …) float32."""
        output: Tensor = self.decoder(torch.cat((latents, conditions), 1))
        return output

    # What it can do -------------------------------------------------------------------------

    def decode(self, latents: Tensor) -> Tensor:
        """Latents and conditions (N, latent + K) → examples (N, …) of the source's type."""
        with eval_mode(self):
            output = torch.cat([self.decoder(part) for part in latents.split(CHUNK)])
            return self.scaling.inverse(output.sigmoid() if self.binary else output)

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Examples (N, …) of classes (N,) → latents and conditions (N, latent + K)."""
        return self._latents(inputs, self.conditions(labels))

    def encode(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → latents (N, latent)."""
        latents = self._latents(inputs, self.infer_conditions(self.scaling(inputs)))
        return latents[:, : self.config.latent]

    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → the same shape and type."""
        return self.decode(self._latents(inputs, self.infer_conditions(self.scaling(inputs))))

    def _latents(self, inputs: Tensor, conditions: Tensor) -> Tensor:
        with eval_mode(self):
            output = self.encoder_output(self.scaling(inputs), conditions)
            return torch.cat((output[:, : self.config.latent], conditions), 1)

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers of the encoder, and of the decoder up to the reconstruction as
        values (N, …); of a distribution of latents its mean.
        """
        with eval_mode(self):
            conditions = self.infer_conditions(self.scaling(inputs))

        def reconstruct(given: Tensor) -> Tensor:
            encoded = self.encoder_output(self.scaling(given), conditions)
            output = self.decoder_output(encoded[:, : self.config.latent], conditions)
            return output.sigmoid() if self.binary else output

        return trace_layers(self, inputs, reconstruct)

    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """Activations of the encoder's layers for inputs (N, …), (N, C', H', W') or (N, D), in
        order.
        """
        values = self.scaling(inputs)
        activations: dict[str, Tensor] = {}
        with eval_mode(self):
            hidden = self._encoder_input(values, self.infer_conditions(values))
            for layer in self.encoder:
                hidden = layer(hidden)
                if isinstance(layer, nn.ReLU | nn.LeakyReLU):
                    activations[f"layer {len(activations) + 1}"] = hidden
            activations["latents"] = hidden[:, : self.config.latent]
        return activations

    def filters(self) -> Tensor:
        """The encoder's first weights as pictures (F, C, H, W), or as vectors (F, D); of your own
        encoder, the derivatives of its latents at the inputs' middle.
        """
        if self.config.encoder is not None:
            return self._derivatives()
        weights: Tensor = next(self.encoder.parameters()).detach()
        if weights.ndim == 2:
            return weights[:, : self.scaling.numel].reshape(-1, *self.scaling.shape)
        return weights[:, : self.scaling.shape[0]]

    def _derivatives(self) -> Tensor:
        """∂ latents / ∂ values, as (latent, *shape)."""
        middle = self.scaling.offset.new_full((1, *self.scaling.shape), 0.5 * self.scaling.pictures)
        with eval_mode(self):
            conditions = self.infer_conditions(middle)

            def latents(values: Tensor) -> Tensor:
                return self.encoder_output(values, conditions)[0, : self.config.latent]

            found: Tensor = torch.func.jacrev(latents)(middle)
        return found.flatten(0, 1).detach()
