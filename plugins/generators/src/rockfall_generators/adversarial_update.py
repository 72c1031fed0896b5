"""What the updates of all GANs share: the settings, an optimizer for each side, regularisation.

The losses and the steps themselves are in each method's file: `gan.py`, `wgan.py`, `wgan_gp.py`,
`multi_gan.py`, `stacked_gan.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import rockfall
from rockfall.kit.optimizers import Adam, RMSprop
from rockfall.kit.schedules import Schedule, lr_factor, set_lr
from rockfall_generators import penalties

Metrics = dict[str, Tensor]
Objective = Literal["non-saturating", "minimax", "wasserstein"]


class AdversarialUpdateConfig(rockfall.Config):
    lr: float = Field(1e-3, gt=0, description="peak learning rate of the generator's optimizer")
    discriminator_lr: float = Field(
        1e-3, gt=0, description="peak learning rate of the discriminator's optimizer"
    )
    optimizer: Literal["adam", "rmsprop"] = Field(
        "adam", description="optimizer of both sides; rmsprop has no momentum, for clipped critics"
    )
    beta1: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Adam's β₁, decay rate of the mean gradient; 0.9 lets the two sides oscillate",
    )
    beta2: float = Field(
        0.99, ge=0, lt=1, description="Adam's β₂, decay rate of the mean squared gradient"
    )
    schedule: Schedule = Field(
        "constant", description="learning rate schedule of both sides, stepped every epoch"
    )
    objective: Objective = Field(
        "non-saturating",
        description="adversarial loss: of Goodfellow et al. 2014, −log D(G(z)) (non-saturating) or "
        "log(1 − D(G(z))) (minimax) for the generator; or of a Wasserstein critic",
    )
    smooth_real: float = Field(
        1.0,
        gt=0,
        le=1,
        description="the discriminator's label of real examples; 0.9 is one-sided label smoothing",
    )
    smooth_fake: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="the discriminator's label of generated ones; above 0: two-sided smoothing",
    )
    penalty: penalties.Name = Field(
        "none",
        description="gradient penalty on the discriminator: gradient (norm 1, between real and "
        "generated examples) or r1 (norm 0, at real ones)",
    )
    penalty_weight: float = Field(10.0, gt=0, description="coefficient λ of the gradient penalty")
    clip: float = Field(
        0.0, ge=0, description="weight clipping: the discriminator's stay in [−clip, clip]; 0: off"
    )

    @model_validator(mode="after")
    def _has_meaningful_labels(self) -> Self:
        if self.objective == "wasserstein":
            if (self.smooth_real, self.smooth_fake) != (1.0, 0.0):
                raise ValueError("objective=wasserstein has no labels to smooth")
        elif self.smooth_real <= self.smooth_fake:
            raise ValueError(
                f"smooth_real={self.smooth_real} must be more than smooth_fake={self.smooth_fake}"
            )
        return self


class AdversarialUpdate:
    """Alternating updates of a generator and its discriminators, each (N, …) → logits (N,).

    A method supplies `discriminator_step` and `generator_step`.
    """

    def __init__(
        self,
        config: Any,
        generator: nn.Module,
        discriminators: nn.ModuleList,
        average: AveragedModel | None = None,
        *,
        other_parameters: Iterable[nn.Parameter] = (),
        data_channels: int | None = None,
    ) -> None:
        """config: an `AdversarialUpdateConfig`. average: of the generator, updated after its steps.
        other_parameters: what minimises the generator's loss together with it. data_channels: how
        many of the discriminators' input channels (or numbers) are data, not conditions; None: all.
        """
        self.config = config
        self.generator = generator
        self.discriminators = discriminators
        self.average = average
        self.data_channels = data_channels
        self.optimizers = {
            "generator": _optimizer(
                config, [*generator.parameters(), *other_parameters], config.lr
            ),
            "discriminators": _optimizer(
                config, discriminators.parameters(), config.discriminator_lr
            ),
        }
        self.peak_lrs = {"generator": config.lr, "discriminators": config.discriminator_lr}

    # What a method supplies -----------------------------------------------------------------

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        """One update of the discriminators on inputs (N, …) of theirs, real and generated (without
        a graph). Returns what is logged: discriminator_loss, discriminator_accuracy and, where
        there is one, penalty.
        """
        raise NotImplementedError

    def generator_step(self, fake: Tensor) -> Metrics:
        """One update of the generator, through generated inputs (N, …) of the discriminators, with
        their graph. Returns what is logged: generator_loss.
        """
        raise NotImplementedError

    # What the steps are made of -------------------------------------------------------------

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor | None:
        """The gradient penalty that the setting `penalty` asks for, a scalar."""
        if self.config.penalty == "gradient":
            return penalties.gradient_penalty(discriminator, real, fake, self.data_channels)
        if self.config.penalty == "r1":
            return penalties.r1_penalty(discriminator, real, self.data_channels)
        return None

    def minimise_discriminators(self, loss: Tensor, penalty: Tensor | None = None) -> None:
        """One optimizer step of the discriminators on loss + λ · penalty."""
        if penalty is not None:
            loss = loss + self.config.penalty_weight * penalty
        self._minimise("discriminators", loss)

    def minimise_generator(self, loss: Tensor) -> None:
        """One optimizer step of the generator, and one update of its averaged weights."""
        self._minimise("generator", loss)
        if self.average is not None:
            self.average.update_parameters(self.generator)

    def _minimise(self, side: str, loss: Tensor) -> None:
        optimizer = self.optimizers[side]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def clip_weights(self) -> None:
        """Clamp the discriminators' weights to [−clip, clip]; nothing for clip=0."""
        limit = self.config.clip
        if limit:
            with torch.no_grad():
                for weight in self.discriminators.parameters():
                    weight.clamp_(-limit, limit)

    # The training ---------------------------------------------------------------------------

    def set_learning_rates(self, progress: float) -> None:
        """Set both sides' learning rates for this fraction, 0 … 1, of the training."""
        factor = lr_factor(progress, self.config.schedule)
        for side, optimizer in self.optimizers.items():
            set_lr(optimizer, factor * self.peak_lrs[side])

    def state_dict(self) -> dict[str, Any]:
        return {side: optimizer.state_dict() for side, optimizer in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for side, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[side])


def logits(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """A discriminator's logits (N,) and (M,) of real and generated inputs, in one forward pass."""
    of_real, of_fake = discriminator(torch.cat((real, fake))).split((len(real), len(fake)))
    return of_real, of_fake


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Without gradients to a network's weights, which would be half of a backward pass."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def discriminator_metrics(loss: Tensor, accuracy: Tensor, penalty: Tensor | None = None) -> Metrics:
    """What a step of the discriminator logs; the loss is without its penalty."""
    metrics = {"discriminator_loss": loss.detach(), "discriminator_accuracy": accuracy}
    return metrics if penalty is None else {**metrics, "penalty": penalty.detach()}


def discriminator_accuracy(real: Tensor, fake: Tensor) -> Tensor:
    """Logits (N,) and (M,) → balanced accuracy, the threshold being midway between their means.

    The logits of a critic have no threshold of their own.
    """
    real, fake = real.detach(), fake.detach()
    threshold = (real.mean() + fake.mean()) / 2
    return ((real > threshold).float().mean() + (fake <= threshold).float().mean()) / 2


def _optimizer(config: Any, parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    if config.optimizer == "rmsprop":
        return RMSprop(parameters, lr=lr)
    betas = (config.beta1, config.beta2)
    return Adam(parameters, lr=lr, betas=betas, fused=True)
