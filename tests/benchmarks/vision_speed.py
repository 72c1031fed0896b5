"""Images a CPU second in training: Rockfall, a bare PyTorch loop, and a `DataLoader` loop.

The same network, optimizer, precision and batch size on the same made-up pictures of MNIST's shape,
one thread, taking turns:

- Rockfall: `rockfall.train` from its first step to its last checkpoint, with all that it logs and
  saves; the validation split is one batch, since the others validate nothing;
- bare: what `fit` does and no more, on slices of a shuffled index over uint8 in memory;
- `DataLoader`: as in PyTorch's MNIST example (pytorch/examples, mnist/main.py): a data set that
  makes every item a PIL picture, then a tensor, then standardises it; on the CPU, as there, without
  worker processes.

CPU seconds are those of `time.process_time`; speeds are medians, and so are the ratios, which are
taken within a round.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

import rockfall
from rockfall.building import build_model
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.specs import DatasetSpec
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

MODELS = ("lenet5", "convnet")
PLAIN = {"shift": 0, "label_smoothing": 0.0}
"""On top of preset `mnist`: what the other loops don't do."""
BATCH = 128
SOURCE = "mnist-shaped"
MEAN, STD = 0.1307, 0.3081
"""Of MNIST, as in PyTorch's example."""
FORMS = ("Rockfall", "bare", "`DataLoader`")


def mnist_shaped() -> Dataset:
    """Noise (N, 1, 28, 28): what a picture shows does not change what it costs."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        pictures = torch.randint(0, 256, (count, 1, 28, 28), generator=generator)
        labels = torch.randint(0, 10, (count,), generator=generator)
        return Split(pictures.to(torch.uint8), labels)

    splits = {"train": split(100 * BATCH), "validation": split(BATCH), "test": split(BATCH)}
    names = tuple(map(str, range(10)))
    return Dataset(SOURCE, splits, kinds=("labelled-pictures",), classes=names)


def register_mnist_shaped() -> None:
    spec = DatasetSpec(
        name=SOURCE,
        summary="noise of MNIST's shape",
        target="tests.benchmarks.vision_speed:mnist_shaped",
        kinds=("labelled-pictures",),
        licence="CC0",
    )
    registry().datasets.add("tests", spec)


def train_rockfall(model: str, epochs: int) -> tuple[rockfall.Run, float]:
    """The run, and the CPU seconds between its start and its evaluation."""
    settings = {**PLAIN, "epochs": epochs, "batch_size": BATCH}
    run, _, seconds = trained(model, SOURCE, preset="mnist", config=settings)
    return run, seconds


def train_bare(record: Any, data: Dataset, epochs: int) -> float:
    """CPU seconds of the loop that `Classifier.fit` is, without a run around it."""
    model: Any = build_model(record)
    network, mean, std = model.network, model.standardise.mean, model.standardise.std
    (optimizer,) = model.make_optimizers()
    inputs, labels = data.train.inputs, data.train.labels
    network.train()
    begun = time.process_time()
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for rows in torch.split(order, BATCH):
            pictures = (inputs[rows].float() - mean) / std
            pictures = pictures.contiguous(memory_format=model.memory_format)
            loss = F.cross_entropy(network(pictures), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.process_time() - begun


class Items(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Item by item, doing what torchvision's MNIST, `ToTensor` and `Normalize` do to each."""

    def __init__(self, split: Split) -> None:
        self.pictures, self.labels = split.inputs[:, 0], split.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.pictures[index].numpy())
        array = torch.from_numpy(np.array(image)).view(28, 28, 1)
        picture = array.permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        mean, std = torch.as_tensor([MEAN]), torch.as_tensor([STD])
        standard = picture.clone().sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))
        return standard, int(self.labels[index])


def train_loader(record: Any, data: Dataset, epochs: int) -> float:
    """CPU seconds of the example's loop; it reads the loss at every tenth batch."""
    model: Any = build_model(record)
    network = model.network.to(memory_format=torch.contiguous_format)
    (optimizer,) = model.make_optimizers()
    loader = DataLoader(Items(data.train), batch_size=BATCH)
    network.train()
    begun = time.process_time()
    for _ in range(epochs):
        for number, (pictures, labels) in enumerate(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(pictures), labels)
            loss.backward()
            optimizer.step()
            if number % 10 == 0:
                loss.item()
    return time.process_time() - begun


def compare(model: str, options: argparse.Namespace) -> list[list[float]]:
    """For every round, the images a CPU second of each of FORMS. The first round warms up."""
    data = mnist_shaped()
    images = options.epochs * len(data.train)
    rounds = []
    for _ in range(options.repeats + 1):
        run, ours = train_rockfall(model, options.epochs)
        forms: tuple[Callable[..., float], ...] = (train_bare, train_loader)
        others = [train(run.record, data, options.epochs) for train in forms]
        rounds.append([images / seconds for seconds in (ours, *others)])
    return rounds[1:]


def measure(options: argparse.Namespace) -> list[Table]:
    register_mnist_shaped()
    rows: list[list[Any]] = []
    for model in MODELS:
        rounds = compare(model, options)
        speeds = [Median(column) for column in zip(*rounds, strict=True)]
        of_bare = Median([first / second for first, second, _ in rounds])
        of_loader = Median([first / third for first, _, third in rounds])
        rows.append([f"`{model}`", *speeds, of_bare.shown(".1%"), of_loader.shown(".2f", " ×")])
    headers = ["model", *FORMS, "Rockfall of bare", "Rockfall of `DataLoader`"]
    note = "Goals: at least 95 % of the bare loop, and 1.5 × the `DataLoader` loop."
    return [Table("Images a CPU second in training, preset `mnist`", headers, rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, repeats=5, epochs=2)
