"""What `--devices 2` costs: the share of a step that communication takes, and a model of its cost.

Two processes of this machine learn dense layers and convolutions from halves of batches, with
gradients averaged and without, in turns. One message of n numbers is measured to take a + b n
seconds; a step should then take what it takes without averaging, and a + b n more. The least of
many rounds counts, for on a busy machine processes wait for each other. By the same model, other
interconnects: two devices send each other all gradients once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit.optimizers import Adam
from rockfall.kit.parallel import BUCKET, ProcessGroup, averaged_gradients
from tests.benchmarks.report import Table, script

BATCH = 128
SIZES = 1_000, 30_000, 300_000, 1_000_000, 3_000_000, BUCKET
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "dense, 64 → 128 → 10": lambda: dense(64, 128),
    "dense, 784 → 256 → 10": lambda: dense(784, 256),
    "dense, 784 → 2,048 → 10": lambda: dense(784, 2048),
    "two convolutions, 16 and 32 maps, 28 × 28": lambda: convolutional(16),
}
LINKS = {
    "1 Gbit Ethernet": (1e-4, 0.118e9),
    "25 Gbit Ethernet": (5e-5, 2.9e9),
    "PCIe 4.0": (2e-5, 20e9),
    "NVLink": (1e-5, 200e9),
}
"""Seconds before a message's first byte, and bytes a second after it, one way: what such a link can
do at best."""
DEVICES = {"this core": 0.0, "a GPU of 10 TFLOP/s": 10e12, "a GPU of 100 TFLOP/s": 100e12}
"""Operations a second that a step reaches; of this core, as measured."""


def dense(inputs: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def convolutional(maps: int) -> nn.Module:
    first, second = nn.Conv2d(1, maps, 5), nn.Conv2d(maps, 2 * maps, 5)
    pooled = nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(
        first, *pooled, second, *pooled, nn.Flatten(), nn.Linear(2 * maps * 16, 10)
    )


def step_of(network: nn.Module, inputs: Tensor) -> Callable[[], None]:
    optimizer = Adam(network.parameters(), lr=1e-3, fused=True)
    labels = torch.arange(len(inputs)) % 10

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(inputs), labels).backward()
        optimizer.step()

    return step


def inputs_of(name: str, examples: int) -> Tensor:
    shape = (1, 28, 28) if "28 × 28" in name or "784" in name else (64,)
    return torch.randn(examples, *shape)


def seconds(act: Callable[[], None], world: ProcessGroup, rounds: int) -> list[float]:
    """Of each round, which all begin together."""
    found = []
    for _ in range(rounds):
        world.sum_(torch.zeros(1))
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return found


def one_rank(rank: int, store: str, rounds: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    world = ProcessGroup(rank, 2, torch.distributed.FileStore(store, 2))  # type: ignore[attr-defined]
    messages = {}
    for size in SIZES:
        numbers = [torch.zeros(size)]
        messages[size] = min(seconds(lambda n=numbers: world.average_(n), world, rounds))  # type: ignore[misc]
    steps = {}
    for name, build in NETWORKS.items():
        network = build()
        step = step_of(network, inputs_of(name, BATCH // 2))
        step()
        alone, together = [], []
        for _ in range(4):  # in turns, as the machine may be busy with others now and then
            alone += seconds(step, world, rounds // 4)
            with averaged_gradients(world, network.parameters()):
                together += seconds(step, world, rounds // 4)
        steps[name] = min(alone), min(together)
    world.leave()
    return {"messages": messages, "steps": steps}


def two_ranks(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", f"from {__spec__.name} import main; main()"]
        environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
        processes = [
            subprocess.Popen(
                [*command, str(rank), f"{folder}/store", str(rounds)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        told = [process.communicate()[0] for process in processes]
    found: dict[str, Any] = json.loads(told[0])
    return found


def main() -> None:
    rank, store, rounds = sys.argv[1:]
    print(json.dumps(one_rank(int(rank), store, int(rounds))))


def line(points: dict[int, float]) -> tuple[float, float]:
    """a and b of a + b n, so that the relative errors are least."""
    n = torch.tensor(list(points), dtype=torch.float64)
    t = torch.tensor(list(points.values()), dtype=torch.float64)
    rows = torch.stack([torch.ones_like(n), n], 1) / t[:, None]
    a, b = torch.linalg.lstsq(rows, torch.ones(len(n), 1, dtype=torch.float64)).solution[:, 0]
    return max(a.item(), 0.0), b.item()


def whole_step(name: str, rounds: int) -> float:
    """Seconds of a step with the whole batch in one process."""
    step = step_of(NETWORKS[name](), inputs_of(name, BATCH))
    step()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        step()
        found.append(time.perf_counter() - began)
    return min(found)


def fewest_examples(operations: float, link: tuple[float, float], weights: float) -> float:
    """In a device's part of a batch, so that two devices are 1.5 × as fast as one: dense layers.

    A step costs 6 operations for each weight and example; two parts make up what one device does.
    2 t / (t + c) = 1.5 where t = 3 c: with c = latency + 4 bytes a weight over the link.
    """
    latency, bandwidth = link
    communication = 2 * latency + 4 * weights / bandwidth
    return 3 * communication * operations / (6 * weights)


def measure(options: argparse.Namespace) -> list[Table]:
    found = two_ranks(options.rounds)
    a, b = line({int(size): took for size, took in found["messages"].items()})
    rows: list[list[Any]] = []
    fastest = 0.0
    for name, (alone, together) in found["steps"].items():
        weights = sum(each.numel() for each in NETWORKS[name]().parameters())
        expected = alone + a + b * weights
        whole = whole_step(name, options.rounds)
        if "dense" in name:
            fastest = max(fastest, 6 * weights * BATCH / 2 / alone)
        rows.append(
            [
                name,
                f"{weights:,}",
                1e3 * alone,
                1e3 * together,
                f"{1 - alone / together:.0%}",
                1e3 * expected,
                f"{expected / together - 1:+.0%}",
                f"{whole / together:.2f} ×",
            ]
        )
    headers = [
        f"network, {BATCH // 2} examples each",
        "weights",
        "ms without averaging",
        "ms with",
        "communication",
        "ms by the model",
        "off by",
        "against one process with all",
    ]
    note = (
        f"A message of n float32 takes {1e3 * a:.2f} ms + {1e9 * b:.2f} ns × n "
        f"({4e-9 / b:.2f} GB/s)."
    )
    links = []
    for link, figures in LINKS.items():
        cells = []
        for operations in DEVICES.values():
            for many in (1e5, 1e7, 1e9):
                least = fewest_examples(operations or fastest, figures, many)
                cells.append(f"{max(least, 1):,.0f}")
        links.append([link, *(" · ".join(cells[i : i + 3]) for i in range(0, len(cells), 3))])
    return [
        Table("Two processes on one machine: what averaging costs", headers, rows, note),
        Table(
            "Examples in a device's part from which two devices are 1.5 × as fast as one, by the "
            "model",
            ["interconnect", *DEVICES],
            links,
            "Dense layers of 10⁵ · 10⁷ · 10⁹ weights, each of which is used once an example. A "
            "convolution or a recurrent layer uses each r times, and needs r times fewer examples.",
        ),
    ]


if __name__ == "__main__":
    script(__doc__, measure, rounds=40)
