"""The classic tables of image classification: what is trained, and what was published.

Published figures are test accuracies in percent. Batch sizes and numbers of batches are those of
the published experiments where they are known; learning rates, and what else a row does not name,
are the model's own. An exact number of batches is so many epochs of `source.limit` pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rockfall.config import to_text


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training. goal: the least that ours should reach, in percent. long: over 10 minutes."""

    name: str
    says: str
    model: str
    source: str = "mnist"
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    preset: str = ""
    published: str = ""
    goal: str = ""
    long: bool = False

    @property
    def words(self) -> str:
        """What follows `rockfall train`."""
        preset = [f"--preset {self.preset}"] if self.preset else []
        options = [f"source.{name}={to_text(value)}" for name, value in self.options.items()]
        settings = [
            f'{name}="{text}"' if " " in (text := to_text(value)) else f"{name}={text}"
            for name, value in self.settings.items()
        ]
        return " ".join([self.model, self.source, *preset, *settings, *options])


def mlp(*layers: int, epochs: int, published: str, goal: str = "", **settings: Any) -> Row:
    widths = "-".join(map(str, (784, *layers, 10)))
    return Row(
        name=f"mlp-{'-'.join(map(str, layers))}-{epochs}",
        says=f"{widths}, {epochs} epochs",
        model="mlp",
        settings={"layers": layers, "epochs": epochs, **settings},
        published=published,
        goal=goal,
    )


NARROW: dict[str, Any] = {"lr": 5e-3, "batch_size": 64}
"""For a dozen units or so, which learn slowly and can't learn by heart."""

FULLY_CONNECTED = [
    mlp(128, epochs=5, published="90.06"),
    mlp(128, epochs=20, published="93.18", goal="98"),
    mlp(16, epochs=10, published="90.57", **NARROW),
    mlp(16, 16, epochs=10, published="94.50", goal="95.5", **NARROW),
    Row(
        name="wide",
        says="one hidden layer of 6,000, 30 epochs",
        model="wide",
        settings={"epochs": 30},
        published="98.8",
        goal="98.8",
        long=True,
    ),
]

CONVOLUTIONAL = [
    Row(
        name="convnet",
        says="two convolutions, 10 epochs",
        model="convnet",
        settings={"epochs": 10},
        published="99.06",
        goal="99.2",
    ),
    Row(
        name="lenet5",
        says="LeNet-5, 20 epochs",
        model="lenet5",
        settings={"epochs": 20},
        published="98.54",
        goal="99.2",
    ),
    Row(
        name="lenet5-plus",
        says="LeNet-5+, 20 epochs",
        model="lenet5-plus",
        settings={"epochs": 20},
        published="99.03",
        goal="99.4",
        long=True,
    ),
    Row(
        name="simplenet-full",
        says="SimpleNet-13, 5.5 M, 10 epochs",
        model="simplenet",
        settings={"size": "full", "epochs": 10},
        published="99.49",
        long=True,
    ),
    Row(
        name="simplenet-small",
        says="SimpleNet-13, small, 10 epochs",
        model="simplenet",
        settings={"size": "small", "epochs": 10},
        published="99.60",
        goal="99.6",
        long=True,
    ),
]


def stack(filters: int = 16, pool: str = "maxpool 2", triples: int = 2) -> str:
    """conv → relu → pool, so many times; the builder adds flatten → linear."""
    triple = f"conv {filters} 5x5 / relu / {pool}"
    return " / ".join([triple] * triples) if triples else "flatten"


def deeper(convolutions: int) -> str:
    """Two stages of so many convolutions each, padded, for there is no room otherwise."""
    stage = " / ".join(["conv 16 5x5 same / relu"] * convolutions)
    return f"{stage} / maxpool 2 / {stage} / maxpool 2"


def built(name: str, says: str, layers: str, published: str, epochs: int = 2) -> Row:
    """On CIFAR-10, at 1,000 batches an epoch: 45 of its 45,000 training pictures each."""
    return Row(
        name=f"cifar-{name}",
        says=f"{says}, {1000 * epochs:,} batches",
        model="convnet",
        source="cifar10",
        settings={"layers": layers, "batch_size": 45, "epochs": epochs},
        published=published,
    )


BUILDER = [
    built("base", "conv → relu → pool, twice", stack(), "about 45"),
    built("one-less", "one triple removed", stack(triples=1), "40–50"),
    built("two-less", "two triples removed", stack(triples=0), "40–50"),
    built("conv-5", "conv outputs 5", stack(filters=5), "40"),
    built("conv-50", "conv outputs 50", stack(filters=50), "45"),
    built("pool-1", "max-pool stride 1", stack(pool="maxpool 2 stride 1"), "10"),
    built("pool-5", "max-pool stride 5", stack(pool="maxpool 2 stride 5"), "about 45"),
    built("two-more", "extra two convolutions", deeper(2), "about 50"),
    built("four-more", "extra four convolutions", deeper(3), "45–70"),
    built(
        "3x3",
        "3×3, 30 filters",
        "conv 30 3x3 / relu / maxpool 2 / conv 30 3x3 / relu / maxpool 2",
        "78",
        epochs=3,
    ),
]

PHOTOGRAPHS = [
    Row(
        name="convnet-cifar10",
        says="plain two-convolution network",
        model="convnet",
        source="cifar10",
        goal="70",
    ),
    Row(
        name="fastnet",
        says="fastnet, 2 epochs",
        model="fastnet",
        source="cifar10",
        goal="75 in 60 CPU s",
    ),
    Row(
        name="resnet",
        says="resnet",
        model="resnet",
        source="cifar10",
        long=True,
    ),
    Row(
        name="fastnet-full",
        says="fastnet, full schedule",
        model="fastnet",
        source="cifar10",
        preset="full",
        options={"validation": 1000},
        goal="93",
        long=True,
    ),
]


def batches(size: int, count: int, published: str, source: str = "mnist", epochs: int = 1) -> Row:
    """The base network after an exact number of batches, at a constant learning rate."""
    short = source.removesuffix("-mnist")
    return Row(
        name=f"{short}-{size}x{count}",
        says=f"{source}, batch {size}, after {count:,}",
        model="convnet",
        source=source,
        settings={
            "layers": stack(),
            "batch_size": size,
            "epochs": epochs,
            "schedule": "constant",
        },
        options={"limit": size * count // epochs},
        published=published,
    )


BATCHES = [
    batches(20, 300, "over 95"),
    batches(20, 3000, "", epochs=2),
    batches(500, 600, "over 90", epochs=6),
    batches(20, 1300, "over 80", source="fashion-mnist"),
]


def windowed(size: int, stride: int) -> Row:
    """One convolution on MNIST, 500 batches of 50."""
    return Row(
        name=f"field-{size}-stride-{stride}",
        says=f"field {size}×{size}, stride {stride}",
        model="convnet",
        settings={
            "layers": f"conv 16 {size}x{size} stride {stride} / relu / maxpool 2",
            "batch_size": 50,
            "epochs": 1,
        },
        options={"limit": 25_000},
    )


WINDOWS = [
    *(windowed(size, 1) for size in (1, 5, 7)),
    *(windowed(5, stride) for stride in (3, 5, 10)),
]

TABLES: dict[str, list[Row]] = {
    "MNIST, fully connected": FULLY_CONNECTED,
    "MNIST, convolutional": CONVOLUTIONAL,
    "CIFAR-10": PHOTOGRAPHS,
    "CIFAR-10, the model builder": BUILDER,
    "Accuracy after so many batches": BATCHES,
    "MNIST, field size and stride, 500 batches of 50": WINDOWS,
}

ROWS: dict[str, Row] = {row.name: row for rows in TABLES.values() for row in rows}
