"""Small GANs on small data, and runs that only fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor, nn

from rockfall.kit.randomness import seed_everything
from rockfall.run.directory import RunDirectory
from rockfall.run.events import Event
from rockfall.run.run import Run
from rockfall.sources.dataset import Dataset
from rockfall.testing.rehearsal import StoppingRun
from rockfall_generators.adversarial import AdversarialModel
from rockfall_generators.multi_gan import MultiGanConfig, MultiGanUpdate
from tests.core.conftest import record
from tests.generators.stand_ins import dataset

SMALL: dict[str, Any] = {
    "hidden": 8, "channels": 2, "latent": 3, "epochs": 1, "batch_size": 10, "lr": 2e-4,
    "discriminator_lr": 2e-4, "schedule": "constant", "pretrain": 0, "spectral_norm": False,
    "augment": (), "ema": 0.99,
}  # fmt: skip


def pictures(
    count: int = 40, shape: tuple[int, ...] = (1, 8, 8), classes: int = 2, seed: int = 0
) -> Dataset:
    """Random bytes, labelled 0, 1, …, 0, 1, …"""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(256, (count, *shape), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % classes
    return dataset(drawn, drawn, (labels, labels), tuple(map(str, range(classes))))


def vectors(count: int = 40, size: int = 3, classes: int = 2, seed: int = 0) -> Dataset:
    """Gaussian numbers of other means and deviations each, labelled 0, 1, …, 0, 1, …"""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, size, generator=generator) * torch.arange(1, size + 1) + 5
    labels = torch.arange(count) % classes
    return dataset(drawn, drawn, (labels, labels), tuple(map(str, range(classes))))


def built(kind: type[AdversarialModel], data: Dataset, **settings: Any) -> AdversarialModel:
    """Always the same weights."""
    torch.manual_seed(0)
    return kind(kind.Config(**{**SMALL, **settings}), data.info)


class UndrawnRun(StoppingRun):
    """A run that draws no pictures, which would take longer than to learn."""

    def picture(self, name: str, draw: Callable[[], Tensor | Image]) -> None:
        pass


def run_of(model: nn.Module, folder: Path, **given: Any) -> Run:
    directory = RunDirectory.create(folder, "", "small-gan", record())
    fitted: Any = model
    return UndrawnRun(directory, record(), fitted, **given)


def fitted(model: AdversarialModel, data: Dataset, folder: Path, **given: Any) -> Run:
    """A run that fits the model, and neither measures nor draws it afterwards."""
    run = run_of(model, folder, **given)
    seed_everything(1)
    model.fit(data, run)
    return run


class Heard:
    """A listener that keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def __call__(self, event: Event) -> None:
        if event.kind == "warning":
            self.warnings.append(event.data["message"])


class Linear(nn.Module):
    """Examples (N, …) → logits (N,): a weighted sum of their numbers."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.clone())

    def forward(self, examples: Tensor) -> Tensor:
        return (examples * self.weights).flatten(1).sum(1)


def linear_update(
    weights: list[Tensor], *, temperature: float = 0.0, **settings: Any
) -> MultiGanUpdate:
    """A linear generator of 2 numbers from 2 against linear discriminators."""
    torch.manual_seed(0)
    discriminators = nn.ModuleList(map(Linear, weights))
    config = MultiGanConfig(temperature=temperature, **settings)
    return MultiGanUpdate(config, nn.Linear(2, 2), discriminators)
