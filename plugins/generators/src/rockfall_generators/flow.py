"""Rectified flow: noise is carried along to become data, on paths as straight as can be.

Liu, Gong and Liu 2023, "Flow Straight and Fast: Learning to Generate and Transfer Data with
Rectified Flow"; the same as flow matching by straight lines (Lipman et al. 2023, "Flow Matching for
Generative Modeling"). Noise x₀ and an example x₁ are drawn apart from each other, and a network
learns the velocity with which a point between them travels from the one to the other,

    min over v of  E ‖(x₁ − x₀) − v(x_t, t)‖²     with x_t = (1 − t) x₀ + t x₁     (equation 1)

At best v(x, t) is the mean velocity of all pairs whose lines cross x at t, and to follow it from
t = 0 to 1, dx/dt = v(x, t), makes examples of noise that are distributed as the data are. To follow
it back finds the noise of an example.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall import Dataset, fork_rng
from rockfall.kit.schedules import averaged_model, lr_factor
from rockfall_generators.networks import check_weights
from rockfall_generators.scaling import Scaling, check_batch
from rockfall_generators.velocity import DenseVelocity

AT_ONCE = 1000
"""Examples carried along at a time, which keeps what lies in memory small."""
SEEN = 1000
"""Validation examples that the loss is told of after every epoch."""


class FlowConfig(rockfall.Config):
    hidden: int = Field(256, ge=1, description="units of each layer")
    blocks: int = Field(3, ge=1, description="residual blocks of two layers each")
    epochs: int = Field(250, ge=1, description="passes over the data; 3,000 steps on digits")
    batch_size: int = Field(128, ge=1, description="examples a step, each with noise of its own")
    lr: float = Field(3e-3, gt=0, description="Adam's first step size; falls to 0 by a cosine")
    times: Literal["logit-normal", "uniform"] = Field(
        "logit-normal",
        description="how t is drawn: mostly about ½, where it is hardest to tell where noise leads "
        "to (Esser et al. 2024), or evenly, which makes narrow modes narrower",
    )
    ema: float = Field(
        0.999, ge=0, lt=1, description="decay of the average network that is followed; 0: none"
    )
    steps: int = Field(
        16, ge=1, le=1000, description="of the midpoint method, from noise to an example"
    )


class Flow(nn.Module):
    """Inputs (N, …), uint8 pictures or vectors. Raises ValueError for a batch larger than the data
    and for more weights than fit a memory.
    """

    Config = FlowConfig
    threads: ClassVar[int] = 1  # the products are too small for a second thread to pay
    spherical: ClassVar[bool] = True
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "mnist": {"hidden": 512, "blocks": 4, "epochs": 20, "lr": 2e-3},
        "gaussian-1d": {"hidden": 64, "blocks": 2, "epochs": 10, "batch_size": 256},
        "ring": {
            "hidden": 128,
            "epochs": 80,
            "batch_size": 256,
            "lr": 1e-2,
            "times": "uniform",
        },
        "tiny": {"hidden": 16, "blocks": 1, "epochs": 1, "steps": 2},
    }

    def __init__(self, config: FlowConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        check_batch(config.batch_size, info)
        self.config = config
        self.scaling = Scaling(info)
        with torch.device("meta"):  # takes no memory
            check_weights(self.build())
        self.velocity = self.build()
        self.average = averaged_model(self.velocity, config.ema)

    def build(self) -> nn.Module:
        """Values (N, D) and times (N,) → velocities (N, D)."""
        return DenseVelocity(self.scaling.count, self.config.hidden, self.config.blocks)

    # Learning -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        optimizer = torch.optim.Adam(self.velocity.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        watched = self.values(data.validation.evenly_spaced(SEEN).inputs)
        for epoch in run.epochs(config.epochs):
            optimizer.param_groups[0]["lr"] = config.lr * lr_factor(
                epoch.index / config.epochs, "cosine"
            )
            for batch in epoch.batches(data.train, config.batch_size):
                loss = self.loss(self.velocity, self.values(batch.inputs))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if self.average is not None:
                    self.average.update_parameters(self.velocity)
                run.log(loss=loss)
            with fork_rng(seed=0), torch.no_grad():  # always the same noise and times
                run.log(validation_loss=self.loss(self.trained, watched))

    def loss(self, velocity: nn.Module, examples: Tensor) -> Tensor:
        """Examples as values (N, D) → the mean squared error of a velocity, a number."""
        noise = torch.randn_like(examples)
        times = self.drawn_times(len(examples))
        between = noise.lerp(examples, times[:, None])
        error: Tensor = velocity(between, times) - (examples - noise)
        return error.square().mean()

    def drawn_times(self, count: int) -> Tensor:
        """(count,) between 0 and 1, from torch's global generator."""
        device = self.scaling.middle.device
        if self.config.times == "uniform":
            return torch.rand(count, device=device)
        return torch.randn(count, device=device).sigmoid()

    # What it can do -------------------------------------------------------------------------

    @property
    def trained(self) -> nn.Module:
        """The network that is followed: the average of the one that learns, if there is one."""
        return self.velocity if self.average is None else self.average.module

    def values(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values (N, D)."""
        scaled: Tensor = self.scaling(inputs)
        return scaled.flatten(1)

    def inputs(self, values: Tensor) -> Tensor:
        """Values (N, D) → (N, …) of the source's shape and type."""
        return self.scaling.back(values.view(-1, *self.scaling.shape))

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.noise(count))

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """From noise on: (count, …) after each step."""
        for values in self.carried(self.noise(count), 0.0, 1.0):
            yield self.inputs(values)

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Inputs (N, …) → the noise (N, D) that they are made of; labels do not matter."""
        return last(self.carried(self.values(inputs), 1.0, 0.0))

    def decode(self, latents: Tensor) -> Tensor:
        """Noise (N, D) → (N, …) of the source's shape and type."""
        return self.inputs(last(self.carried(latents, 0.0, 1.0)))

    def noise(self, count: int) -> Tensor:
        """(count, D), from torch's global generator."""
        return torch.randn(count, self.scaling.count, device=self.scaling.middle.device)

    def carried(self, values: Tensor, start: float, end: float) -> Iterator[Tensor]:
        """Values (N, D) at time `start`, and then after each step to time `end`.

        The midpoint method: a step goes the way that the velocity points to in its middle.
        """
        stride = (end - start) / self.config.steps
        yield values
        for step in range(self.config.steps):
            time = start + step * stride
            parts = [self._step(part, time, stride) for part in values.split(AT_ONCE)]
            values = torch.cat(parts)
            yield values

    @torch.no_grad()
    def _step(self, values: Tensor, time: float, stride: float) -> Tensor:
        times = values.new_full((len(values),), time)
        middle = values + stride / 2 * self.trained(values, times)
        moved: Tensor = values + stride * self.trained(middle, times + stride / 2)
        return moved


def last(steps: Iterator[Tensor]) -> Tensor:
    """The last of some steps."""
    (final,) = deque(steps, maxlen=1)
    return final
