"""A rectified flow that is conditioned on the class, with classifier-free guidance.

The flow of `flow.py` whose network is told the class y of an example, and now and then told none
(Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", algorithm 1), so that it learns the
velocity v(x, t | y) of a class and v(x, t) of all. Samples of a class follow (equation 6; of flows,
Zheng et al. 2023, "Guided Flows for Generative Modeling and Decision Making", equation 7)

    v(x, t) + w (v(x, t | y) − v(x, t))

w = 1 is the class's own velocity. Above it samples are more typical of their class and less varied:
it trades recall for precision, and is no longer a sample of the data.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

import rockfall
from rockfall_generators.conditions import ClassConditions
from rockfall_generators.flow import Flow, FlowConfig, last


class CflowConfig(FlowConfig):
    unconditional: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of examples whose class is withheld in training; the paper's",
    )
    guidance: float = Field(
        1.0,
        ge=0,
        description="w, weight of the class in samples; 1: none but its own velocity; above 1 "
        "more typical of the class, and less varied",
    )


class Cflow(Flow):
    """Inputs (N, …) and one-hot classes (N, K). Raises ValueError as `Flow` does, and for a source
    of fewer than two classes.
    """

    Config = CflowConfig
    conditions: ClassConditions
    presets: ClassVar[dict[str, dict[str, Any]]] = Flow.presets

    def build_conditions(self, info: rockfall.SourceInfo) -> ClassConditions:
        return ClassConditions(info)

    def training_velocity(
        self, network: nn.Module, points: Tensor, times: Tensor, conditions: Tensor
    ) -> Tensor:
        told = torch.rand(len(points), 1, device=points.device) >= self.config.unconditional
        velocities: Tensor = network(points, times, conditions * told)
        return velocities

    def sampling_velocity(self, points: Tensor, times: Tensor, conditions: Tensor) -> Tensor:
        given: Tensor = self.trained(points, times, conditions)
        weight = self.config.guidance
        if weight == 1:
            return given
        of_all: Tensor = self.trained(points, times, torch.zeros_like(conditions))
        return of_all.lerp(given, weight)

    def sample_latents(self, count: int) -> Tensor:
        """Noise and classes (count, D + K), classes as often as in the training split."""
        return self._latents_of(self.conditions.sample_labels(count))

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Inputs (N, …) of classes (N,) → the noise that is transported to them, and these classes
        (N, D + K).
        """
        given = torch.cat((self.values(inputs), self.conditions(labels)), 1)
        return last(self.integrate(given, 1.0, 0.0))

    def decode(self, latents: Tensor) -> Tensor:
        """Noise and classes (N, D + K) → (N, …) of the source's shape and type. Blends of classes
        are brought back to shares: to tell more than one of a class is guidance.
        """
        noise, classes = latents.tensor_split([self.scaling.numel], 1)
        shares = classes.clamp(min=0)
        shares = shares / shares.sum(1, keepdim=True).clamp(min=1)
        return super().decode(torch.cat((noise, shares), 1))

    def sample_of(self, labels: Tensor) -> Tensor:
        """Labels (N,) → examples (N, …) of the source's shape and type."""
        return self.decode(self._latents_of(labels))

    def _latents_of(self, labels: Tensor) -> Tensor:
        noise = torch.randn(len(labels), self.scaling.numel, device=labels.device)
        return torch.cat((noise, self.conditions(labels)), 1)
