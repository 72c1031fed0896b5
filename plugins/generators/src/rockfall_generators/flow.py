"""Rectified flow: flow matching on straight paths from noise to data.

Liu, Gong and Liu 2023, "Flow Straight and Fast: Learning to Generate and Transfer Data with
Rectified Flow"; the same as conditional flow matching with straight paths (Lipman et al. 2023,
"Flow Matching for Generative Modeling"). Noise x₀ and an example x₁ are sampled independently, and
a network regresses the velocity of the path between them,

    min over v of  E ‖(x₁ − x₀) − v(x_t, t)‖²     with x_t = (1 − t) x₀ + t x₁     (equation 1)

At its optimum v(x, t) is the mean velocity of all pairs whose paths cross x at time t, and the
ordinary differential equation dx/dt = v(x, t), integrated from t = 0 to 1, transports noise to the
distribution of the data. Integrated from 1 to 0 it finds the noise of an example.

It differs from the papers: there is no second training on pairs that the flow has coupled (reflow);
times are logit-normal, not uniform (Esser et al. 2024, "Scaling Rectified Flow Transformers for
High-Resolution Image Synthesis"); the network is fully connected, and predicts where a path ends,
from which its velocity follows (`velocity.py`), or a small U-Net (`unet.py`); the solver is the
midpoint method, Heun's or Euler's, with fixed steps; samples are by an exponential moving average
of the network's weights.
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
from rockfall.kit.memory import unallocated
from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import averaged_model, lr_factor, set_lr
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_generators.conditions import ClassConditions, NoConditions
from rockfall_generators.networks import check_parameter_count
from rockfall_generators.scaling import Scaling, tell_of_batch, with_full_batches
from rockfall_generators.unet import UNetVelocity
from rockfall_generators.velocity import DenseVelocity

CHUNK = 1000
"""Examples integrated at a time, which bounds the memory that it takes."""
VALIDATION_EXAMPLES = 1000
"""Most validation examples by which the loss is evaluated after an epoch."""


class FlowConfig(rockfall.Config):
    network: Literal["mlp", "conv"] = Field(
        "mlp", description="kind of network: fully connected, or a small U-Net for pictures"
    )
    hidden: int = Field(256, ge=1, description="units in each hidden layer, with mlp")
    blocks: int = Field(
        3, ge=1, description="number of residual blocks, of two layers each, with mlp"
    )
    channels: int = Field(
        32, ge=1, description="feature maps at full size, with conv; twice as many below"
    )
    epochs: int = Field(
        250, ge=1, description="passes over the training split; 3,000 steps on digits"
    )
    batch_size: int = Field(128, ge=1, description="mini-batch size")
    lr: float = Field(
        3e-3, gt=0, description="initial learning rate of Adam; decays to 0 by a cosine schedule"
    )
    times: Literal["logit-normal", "uniform"] = Field(
        "logit-normal",
        description="distribution of the times t that are trained on: logit-normal is mostly about "
        "½, where the velocity is hardest to predict (Esser et al. 2024); uniform makes narrow "
        "modes narrower",
    )
    ema: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="exponential decay rate of the averaged weights, which make the samples; 0: no "
        "average",
    )
    steps: int = Field(
        16, ge=1, le=1000, description="steps of the solver from noise to an example"
    )
    solver: Literal["midpoint", "heun", "euler"] = Field(
        "midpoint",
        description="method by which the velocity is integrated: midpoint and heun take the "
        "network twice a step, and euler once",
    )


CONVOLUTIONAL: dict[str, Any] = {
    "network": "conv",
    "lr": 1e-3,
}


class Flow(nn.Module):
    """Inputs (N, …), uint8 pictures or vectors. Raises ValueError for more parameters than fit
    into memory.
    """

    Config = FlowConfig
    parallel: ClassVar[str] = "batches"
    spherical: ClassVar[bool] = True
    tuned_by: ClassVar[str] = "-validation_loss"
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
        "colour": {**CONVOLUTIONAL, "epochs": 150},
        "cifar10": {**CONVOLUTIONAL, "epochs": 5},
        # For CUDA: nobody has measured it here.
        "large": {
            **CONVOLUTIONAL,
            "channels": 128,
            "batch_size": 256,
            "epochs": 200,
            "lr": 3e-4,
            "ema": 0.9999,
            "steps": 32,
        },
        "tiny": {"hidden": 16, "blocks": 1, "channels": 4, "epochs": 1, "steps": 2},
    }

    @classmethod
    def preset_for(cls, info: rockfall.SourceInfo) -> str:
        """The preset of pictures in colour that have none of their own."""
        in_colour = info.dtype == "uint8" and len(info.shape) == 3 and info.shape[0] > 1
        return "colour" if in_colour else ""

    def __init__(self, config: FlowConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        config = with_full_batches(config, info)
        self.config: Any = config  # of a subclass, its own
        self.scaling = Scaling(info)
        self.conditions = self.build_conditions(info)
        with unallocated():
            check_parameter_count(self.build())
        self.velocity = self.build()
        self.average = averaged_model(self.velocity, config.ema)

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions | NoConditions:
        """What labels (N,) are for the network: conditions (N, K), here with K = 0."""
        return NoConditions()

    def build(self) -> nn.Module:
        """Values (N, D), times (N,) and conditions (N, K) → velocities (N, D)."""
        config, scaling, count = self.config, self.scaling, self.conditions.count
        if config.network == "conv":
            if not scaling.pictures:
                raise ValueError("convolutions are for pictures: network=mlp takes vectors")
            return UNetVelocity(scaling.shape, config.channels, count)
        return DenseVelocity(scaling.numel, config.hidden, config.blocks, count)

    # Training -------------------------------------------------------------------------------

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        tell_of_batch(run, self.config)
        config = self.config
        optimizer = Adam(self.velocity.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        self.conditions.fit(data.train.labels)
        held_out = data.validation.evenly_spaced(VALIDATION_EXAMPLES)
        validation = self.values(held_out.inputs), self.conditions(held_out.labels)

        def step(inputs: Tensor, labels: Tensor) -> Tensor:
            with run.autocast():
                loss = self.loss(self.velocity, self.values(inputs), self.conditions(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if self.average is not None:
                self.average.update_parameters(self.velocity)
            return loss

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            set_lr(optimizer, config.lr * lr_factor(epoch.index / config.epochs, "cosine"))
            for batch in epoch.batches(data.train, config.batch_size):
                run.log(loss=captured_step(*batch))
            with fork_rng(seed=0), torch.no_grad():  # the same noise and times each time
                run.log(validation_loss=self.loss(self.trained, *validation))

    def loss(
        self, velocity: nn.Module, examples: Tensor, conditions: Tensor | None = None
    ) -> Tensor:
        """Examples as values (N, D), conditions (N, K) → the flow matching loss of a velocity
        network, a scalar: the squared error of equation 1, a number's mean.
        """
        if conditions is None:
            conditions = examples.new_empty(len(examples), 0)
        noise = torch.randn_like(examples)
        times = self.sample_times(len(examples))
        points = noise.lerp(examples, times[:, None])
        velocities = self.training_velocity(velocity, points, times, conditions)
        error: Tensor = velocities - (examples - noise)
        return error.square().mean()

    def training_velocity(
        self, network: nn.Module, points: Tensor, times: Tensor, conditions: Tensor
    ) -> Tensor:
        """Points (N, D), times (N,), conditions (N, K) → velocities (N, D) that are regressed."""
        velocities: Tensor = network(points, times)
        return velocities

    def sample_times(self, count: int) -> Tensor:
        """(count,) between 0 and 1, from torch's global generator."""
        device = self.scaling.offset.device
        if self.config.times == "uniform":
            return torch.rand(count, device=device)
        return torch.randn(count, device=device).sigmoid()

    # What it can do -------------------------------------------------------------------------

    @property
    def trained(self) -> nn.Module:
        """The network that makes samples: with averaged weights, if they are kept."""
        return self.velocity if self.average is None else self.average.module

    def values(self, inputs: Tensor) -> Tensor:
        """Inputs (N, …) → values (N, D)."""
        scaled: Tensor = self.scaling(inputs)
        return scaled.flatten(1)

    def inputs(self, values: Tensor) -> Tensor:
        """Values (N, D) → (N, …) of the source's shape and type."""
        return self.scaling.inverse(values.view(-1, *self.scaling.shape))

    def trace(self, inputs: Tensor) -> list[Layer]:
        """Inputs (N, …) → the layers of one evaluation of the velocity (N, D), half way on their
        paths: at the time ½ half of each is noise, which is always the same. No class is told.
        """
        return trace_layers(self, inputs, self._velocity_half_way)

    def _velocity_half_way(self, inputs: Tensor) -> Tensor:
        values = self.values(inputs)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(values.shape[1], generator=generator).to(values.device)
        times = values.new_full((len(values),), 0.5)
        nothing = values.new_zeros(len(values), self.conditions.count)
        return self.sampling_velocity(noise.lerp(values, times[:, None]), times, nothing)

    def sample(self, count: int) -> Tensor:
        """(count, …) of the source's shape and type."""
        return self.decode(self.sample_latents(count))

    def sample_steps(self, count: int) -> Iterator[Tensor]:
        """From noise on: (count, …) after each step."""
        for values in self.integrate(self.sample_latents(count), 0.0, 1.0):
            yield self.inputs(values[:, : self.scaling.numel])

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Inputs (N, …) → the noise (N, D) that is transported to them; labels do not matter."""
        return last(self.integrate(self.values(inputs), 1.0, 0.0))

    def decode(self, latents: Tensor) -> Tensor:
        """Noise and conditions (N, D + K) → (N, …) of the source's shape and type."""
        return self.inputs(last(self.integrate(latents, 0.0, 1.0))[:, : self.scaling.numel])

    def sample_latents(self, count: int) -> Tensor:
        """Noise (count, D), from torch's global generator."""
        return torch.randn(count, self.scaling.numel, device=self.scaling.offset.device)

    def integrate(self, values: Tensor, start: float, end: float) -> Iterator[Tensor]:
        """Values and conditions (N, D + K) at time `start`, and then after each step of the solver
        to time `end`; conditions stay.
        """
        step_size = (end - start) / self.config.steps
        yield values
        for step in range(self.config.steps):
            time = start + step * step_size
            parts = [self._step(part, time, step_size) for part in values.split(CHUNK)]
            values = torch.cat(parts)
            yield values

    @torch.no_grad()
    def _step(self, given: Tensor, time: float, step_size: float) -> Tensor:
        values, conditions = given.tensor_split([self.scaling.numel], 1)
        times = values.new_full((len(values),), time)
        velocity = self.sampling_velocity(values, times, conditions)
        if self.config.solver == "midpoint":
            midpoint = values + step_size / 2 * velocity
            velocity = self.sampling_velocity(midpoint, times + step_size / 2, conditions)
        elif self.config.solver == "heun":
            end = values + step_size * velocity
            velocity = (velocity + self.sampling_velocity(end, times + step_size, conditions)) / 2
        return torch.cat((values + step_size * velocity, conditions), 1)

    def sampling_velocity(self, points: Tensor, times: Tensor, conditions: Tensor) -> Tensor:
        """Points (N, D), times (N,), conditions (N, K) → velocities (N, D) that are followed."""
        velocities: Tensor = self.trained(points, times)
        return velocities


def last(steps: Iterator[Tensor]) -> Tensor:
    """The last of some steps."""
    (final,) = deque(steps, maxlen=1)
    return final
