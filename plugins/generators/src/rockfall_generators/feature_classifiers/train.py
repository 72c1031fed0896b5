"""Trains a feature classifier again: that of `digits`, or `mnist`, by

    python -m rockfall_generators.feature_classifiers.train digits

It is trained on the training split alone and prints its accuracy on the others. The same machine
and torch give the same file, byte for byte.

Pictures are shifted and labels smoothed (Szegedy et al. 2016, "Rethinking the Inception
Architecture for Computer Vision", section 7) for the features' sake as well: without either, more
of what is no digit, such as noise, is close to digits in them. Half of the pictures have Gaussian
noise, for MNIST's background is perfectly black and a generator's is not: a classifier that was
never trained on a speck there misclassifies legible digits.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from rockfall import Dataset, Split, eval_mode, fork_rng, open_source
from rockfall.kit.augmentation import shift
from rockfall.kit.devices import computing
from rockfall.kit.files import atomic
from rockfall.kit.optimizers import AdamW
from rockfall.kit.progress import counted
from rockfall.kit.schedules import lr_factor
from rockfall_generators.feature_classifiers.network import (
    ARCHITECTURES,
    Network,
    half_precision,
)

SEED = 0
BATCH = 1000
LR = 3e-3
"""Peak learning rate of AdamW, after a warm-up of a tenth of all steps; then a cosine decay."""
WARM_UP = 0.1
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
MAX_NOISE = 64.0
"""Highest standard deviation of the noise in a picture, in grey levels of 255."""


@dataclass(frozen=True)
class Recipe:
    """epochs: over the training split. shift: random translation, pixels each way."""

    epochs: int
    batch_size: int
    shift: int


RECIPES = {
    "digits": Recipe(epochs=60, batch_size=64, shift=1),
    "mnist": Recipe(epochs=8, batch_size=128, shift=2),
}


def train(name: str, data: Dataset) -> Network:
    """A network trained on `data.train`, rounded to half precision."""
    recipe = RECIPES[name]
    with fork_rng(SEED), computing(threads=1, matmul_precision="highest"):
        network = Network(ARCHITECTURES[name])
        optimizer = AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        steps = recipe.epochs * (len(data.train) // recipe.batch_size)
        schedule = LambdaLR(optimizer, lambda step: lr_factor(step / steps, "cosine", WARM_UP))
        batches = (
            rows
            for _ in range(recipe.epochs)
            for rows in torch.randperm(len(data.train)).split(recipe.batch_size)
            if len(rows) == recipe.batch_size
        )
        for rows in counted(batches, steps, f"steps of the classifier of {name}"):
            batch = data.train.take(rows)
            logits = network(with_noise(shift(batch.inputs, recipe.shift, "zero")))
            loss = F.cross_entropy(logits, batch.labels, label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.load_state_dict(half_precision(network), strict=False)
    return network


def with_noise(pictures: Tensor) -> Tensor:
    """(N, C, H, W) uint8 → float, half of them as they are, the others with noise of a standard
    deviation from 0 to MAX_NOISE.
    """
    strength = (2 * torch.rand(len(pictures), 1, 1, 1) - 1).clamp_min(0) * MAX_NOISE
    return (pictures + strength * torch.randn(pictures.shape)).clamp(0, 255)


def accuracy(network: Network, split: Split) -> float:
    """Share of a split that is classified correctly."""
    with eval_mode(network):
        predictions = [network(part).argmax(1) for part in torch.split(split.inputs, BATCH)]
    correct: Tensor = torch.cat(predictions) == split.labels
    return correct.double().mean().item()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rockfall_generators.feature_classifiers.train")
    parser.add_argument("name", choices=sorted(ARCHITECTURES), help="the dataset")
    parser.add_argument("--to", type=Path, help="the file; else that of the package")
    asked = parser.parse_args(arguments)
    data = open_source(asked.name)
    assert isinstance(data, Dataset)
    network = train(asked.name, data)
    content = save(half_precision(network))
    path = asked.to or Path(__file__).with_name(f"{asked.name}.safetensors")
    with atomic(path) as file:
        file.write(content)
    for split in ("validation", "test"):
        print(f"{split} accuracy {accuracy(network, data.split(split)):.2%}")
    digest = hashlib.sha256(content).hexdigest()
    known = (
        "as in network.py"
        if digest == ARCHITECTURES[asked.name].sha256
        else "to go into network.py"
    )
    print(f"{path}: {len(content):,} bytes, SHA-256 {digest} ({known})")


if __name__ == "__main__":
    main()
