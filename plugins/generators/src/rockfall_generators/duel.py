"""A generator against its discriminators: the two kinds of step that every GAN here is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import rockfall
from rockfall.kit.schedules import Schedule, lr_factor
from rockfall_generators import objectives, penalties

Metrics = dict[str, Tensor]


class DuelConfig(rockfall.Config):
    lr: float = Field(1e-3, gt=0, description="highest step size of the generator")
    discriminator_lr: float = Field(1e-3, gt=0, description="that of the discriminator")
    optimizer: Literal["adam", "rmsprop"] = Field(
        "adam", description="rmsprop has no momentum, which suits a clipped critic"
    )
    beta1: float = Field(
        0.5, ge=0, lt=1, description="Adam's momentum; 0.9 lets the two chase each other in circles"
    )
    beta2: float = Field(0.99, ge=0, lt=1, description="Adam's memory of squared gradients")
    schedule: Schedule = Field(
        "constant", description="how the step sizes fall to 0 through the training"
    )
    objective: objectives.Name = Field("non-saturating", description="what each side minimises")
    smooth_real: float = Field(
        1.0,
        gt=0,
        le=1,
        description="what D is to say of real examples; 0.9 keeps it unsure",
    )
    smooth_fake: float = Field(
        0.0, ge=0, lt=1, description="what D is to say of made ones; above 0 smoothing is two-sided"
    )
    penalty: penalties.Name = Field(
        "none", description="on D's slope: gradient (about 1, between real and made) or r1 (real)"
    )
    penalty_weight: float = Field(10.0, gt=0, description="of the penalty beside the loss")
    clip: float = Field(
        0.0, ge=0, description="D's weights are kept between −clip and clip; 0: as they are"
    )

    @model_validator(mode="after")
    def _has_an_objective(self) -> Self:
        self.make_objective()
        return self

    def make_objective(self) -> objectives.Objective:
        """The value of the game. Raises ValueError for labels that it can't have."""
        return objectives.objective(self.objective, self.smooth_real, self.smooth_fake)


class Duel:
    """Steps of a generator and its discriminators, each (N, …) → logits (N,).

    config: a `DuelConfig`. average: of the generator, brought up to date as it learns.
    """

    def __init__(
        self,
        config: Any,
        generator: nn.Module,
        discriminators: nn.ModuleList,
        average: AveragedModel | None = None,
        learning_beside: Iterable[nn.Parameter] = (),
        harshness: float = 0.0,
        own: int | None = None,
    ) -> None:
        """learning_beside: parameters that minimise the generator's loss with it. harshness: how
        much more a discriminator counts to which the generator loses more. own: how many of an
        example's channels are no conditions; by default all.
        """
        self.harshness = harshness
        self.own = own
        self.config = config
        self.generator = generator
        self.discriminators = discriminators
        self.average = average
        self.objective: objectives.Objective = config.make_objective()
        ours = [*generator.parameters(), *learning_beside]
        self.optimizers = {
            "generator": _optimizer(config, ours, config.lr),
            "discriminators": _optimizer(
                config, discriminators.parameters(), config.discriminator_lr
            ),
        }
        self.lrs = {"generator": config.lr, "discriminators": config.discriminator_lr}

    def pace(self, progress: float) -> None:
        """Set the step sizes of this place, 0 … 1, in the training."""
        share = lr_factor(progress, self.config.schedule)
        for side, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = share * self.lrs[side]

    def discriminator_step(self, real: Tensor, fake: Tensor) -> Metrics:
        """Real and made examples (N, …) as the discriminators see them → what there is to log."""
        config = self.config
        both = torch.cat((real, fake))
        losses, right, slopes = [], [], []
        for discriminator in self.discriminators:
            said, of_fake = discriminator(both).split((len(real), len(fake)))
            losses.append(self.objective.discriminator(said, of_fake))
            right.append(told_apart(said.detach(), of_fake.detach()))
            if config.penalty != "none":
                penalty = penalties.PENALTIES[config.penalty]
                slopes.append(penalty(discriminator, real, fake, self.own))
        loss = torch.stack(losses).mean()
        metrics = {
            "discriminator_loss": loss.detach(),
            "discriminator_accuracy": torch.stack(right).mean(),
        }
        if slopes:
            excess = torch.stack(slopes).mean()
            metrics["penalty"] = excess.detach()
            loss = loss + config.penalty_weight * excess
        self._step("discriminators", loss)
        if config.clip:
            with torch.no_grad():
                for weight in self.discriminators.parameters():
                    weight.clamp_(-config.clip, config.clip)
        return metrics

    def generator_step(self, fake: Tensor, more: Tensor | float = 0.0) -> Metrics:
        """Made examples (N, …) as the discriminators see them, with their graph → what to log.

        more: what else the generator is to minimise.
        """
        self.discriminators.requires_grad_(False)  # half of the backward pass would be for nothing
        judged = [self.objective.generator(judge(fake)) for judge in self.discriminators]
        losses = torch.stack(judged)
        loss = losses @ (self.harshness * losses.detach()).softmax(0)
        self._step("generator", loss + more)
        self.discriminators.requires_grad_(True)
        if self.average is not None:
            self.average.update_parameters(self.generator)
        return {"generator_loss": loss.detach()}

    def _step(self, side: str, loss: Tensor) -> None:
        self.optimizers[side].zero_grad()
        loss.backward()
        self.optimizers[side].step()

    def state_dict(self) -> dict[str, Any]:
        return {side: optimizer.state_dict() for side, optimizer in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for side, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[side])


def _optimizer(config: Any, parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr)
    betas = (config.beta1, config.beta2)
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)


def told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """Logits (N,), (M,) → share on the right side of the middle between their means."""
    middle = (real.mean() + fake.mean()) / 2
    return ((real > middle).float().mean() + (fake <= middle).float().mean()) / 2
