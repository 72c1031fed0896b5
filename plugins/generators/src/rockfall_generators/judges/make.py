"""Makes a judge anew: `python -m rockfall_generators.judges.make digits` (or `mnist`).

It learns from the training pictures alone and says how good it is on the others. The same machine
and torch give the same file, byte for byte.

Pictures are shifted and labels smoothed (Szegedy et al. 2016, section 7) for the features' sake as
well: without either, more of what is no digit, such as noise, lies among the digits. Half of the
pictures are grained, for the paper of MNIST is perfectly black, and that of a generator is not: a
judge that has never seen a speck on it takes a digit that anyone can read for another.
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
from rockfall.kit.progress import counted
from rockfall.kit.schedules import lr_factor
from rockfall_generators.judges.network import DESIGNS, Network, in_half

SEED = 0
BATCH = 1000
LR = 3e-3
"""Highest step size of AdamW, after a tenth of all steps; then it falls as a cosine to 0."""
WARM_UP = 0.1
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
GRAIN = 64.0
"""Highest standard deviation of the noise in a picture, of 255."""


@dataclass(frozen=True)
class Recipe:
    """epochs: over the training pictures. shift: pixels that they are moved by at most."""

    epochs: int
    batch_size: int
    shift: int


RECIPES = {
    "digits": Recipe(epochs=60, batch_size=64, shift=1),
    "mnist": Recipe(epochs=8, batch_size=128, shift=2),
}


def train(name: str, data: Dataset) -> Network:
    """A judge that has learned from `data.train`, rounded to half precision."""
    recipe = RECIPES[name]
    with fork_rng(SEED), computing(threads=1, matmul_precision="highest"):
        network = Network(DESIGNS[name])
        optimizer = torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        steps = recipe.epochs * (len(data.train) // recipe.batch_size)
        schedule = LambdaLR(optimizer, lambda step: lr_factor(step / steps, "cosine", WARM_UP))
        batches = (
            rows
            for _ in range(recipe.epochs)
            for rows in torch.randperm(len(data.train)).split(recipe.batch_size)
            if len(rows) == recipe.batch_size
        )
        for rows in counted(batches, steps, f"steps of the judge of {name}"):
            batch = data.train.take(rows)
            logits = network(grained(shift(batch.inputs, recipe.shift, "zero")))
            loss = F.cross_entropy(logits, batch.labels, label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.load_state_dict(in_half(network), strict=False)
    return network


def grained(pictures: Tensor) -> Tensor:
    """(N, C, H, W) uint8 → float, half of them as they are, the others with 0 … GRAIN of noise."""
    strength = (2 * torch.rand(len(pictures), 1, 1, 1) - 1).clamp_min(0) * GRAIN
    return (pictures + strength * torch.randn(pictures.shape)).clamp(0, 255)


def accuracy(network: Network, split: Split) -> float:
    """Share of a split that is classified rightly."""
    with eval_mode(network):
        said = [network(part).argmax(1) for part in torch.split(split.inputs, BATCH)]
    right: Tensor = torch.cat(said) == split.labels
    return right.double().mean().item()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rockfall_generators.judges.make")
    parser.add_argument("name", choices=sorted(DESIGNS), help="the judge, and what it learns from")
    parser.add_argument("--to", type=Path, help="the file; else that of the package")
    asked = parser.parse_args(arguments)
    data = open_source(asked.name)
    assert isinstance(data, Dataset)
    network = train(asked.name, data)
    content = save(in_half(network))
    path = asked.to or Path(__file__).with_name(f"{asked.name}.safetensors")
    with atomic(path) as file:
        file.write(content)
    for split in ("validation", "test"):
        print(f"{split} accuracy {accuracy(network, data.split(split)):.2%}")
    digest = hashlib.sha256(content).hexdigest()
    known = "as in network.py" if digest == DESIGNS[asked.name].sha256 else "to go into network.py"
    print(f"{path}: {len(content):,} bytes, SHA-256 {digest} ({known})")


if __name__ == "__main__":
    main()
