"""`python -m tests.device.benchmarks NAME`: one of the figures that are promised of a GPU.

Every benchmark warms up first, then measures as often as its time permits, at least once, and keeps
each figure when it is known. Seconds are of the wall clock, from the start of a training to its
last checkpoint, which waits for all that the GPU has to do. What it is compared with on the CPU is
short, and on the same machine, with as many threads as such a training takes by default.

The trainings are those of `rockfall train` with default settings, but for what a row says.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from rockfall import completing
from rockfall.kit.downloads import data_folder
from tests.benchmarks.cpu_clock import Trained, trained
from tests.device.results import Figure, Goal, Results
from tests.device.unpack import CIFAR, INCOMPLETE

RUNS = 5
"""At the most, of each figure."""


class Benchmark:
    """Where one measures, for how long, and where its figures go."""

    def __init__(self, name: str, results: Results, seconds: float, rehearsal: bool) -> None:
        self.name, self.results, self.rehearsal = name, results, rehearsal
        self.device = "cpu" if rehearsal else "cuda"
        self._end = time.monotonic() + seconds

    def size(self, real: Any, rehearsed: Any) -> Any:
        """What a measurement takes, or in a rehearsal something smaller."""
        return rehearsed if self.rehearsal else real

    def figure(self, what: str, unit: str, goal: Goal | None = None, note: str = "") -> Figure:
        return Figure(what, unit, goal=None if self.rehearsal else goal, note=note)

    def keep(self, figure: Figure, *values: float | None) -> None:
        figure.values += values
        self.results.add_figure(self.name, figure)
        print(f"{figure.what}: {figure.values} {figure.unit}", flush=True)

    def rounds(self, most: int = RUNS) -> Iterator[int]:
        """0, 1, … while there is time for one more of the longest so far."""
        longest = 0.0
        for number in range(1 if self.rehearsal else most):
            begun = time.monotonic()
            if number and begun + longest > self._end:
                return
            yield number
            longest = max(longest, time.monotonic() - begun)

    def train(self, model: str, source: str, **options: Any) -> Trained:
        """On the device, in seconds of the wall clock."""
        options.setdefault("device", self.device)
        return trained(model, source, threads=None, now=time.perf_counter, **options)


@contextlib.contextmanager
def unmeasured() -> Iterator[None]:
    """Trainings inside are neither evaluated nor drawn: it is their time alone that is wanted."""
    with (
        mock.patch.object(completing, "evaluate_model", return_value={}),
        mock.patch.object(completing, "write_pictures", return_value=()),
    ):
        yield


def environment(bench: Benchmark) -> None:
    """The tensor form of falling rocks, as `environment_speed` drives it."""
    from tests.benchmarks.environment_speed import STRETCH, ways_on

    games, repeats = bench.size(65_536, 1024), bench.size(100, 2)
    title = f"falling rocks 16 × 16, tensor form, {games:,} games"
    for how, play in ways_on(torch.device(bench.device), games).items():
        goal = None if how.startswith("copying") else Goal(5, at_most=False)
        figure = bench.figure(f"{title}: {how}", "G steps/s", goal)
        for _ in range(10):  # what is compiled or recorded is by then
            play()
        for _ in bench.rounds():
            synchronise(bench.device)
            begun = time.perf_counter()
            for _ in range(repeats):
                play()
            synchronise(bench.device)
            steps = repeats * STRETCH * games
            bench.keep(figure, steps / (time.perf_counter() - begun) / 1e9)


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def pqn(bench: Benchmark) -> None:
    """As `time_to_skill` has it, on the wall clock."""
    from tests.benchmarks.time_to_skill import SOURCE, seconds_to, train_pqn

    bench.train("pqn", SOURCE, preset="tiny")
    note = "whole games judged afterwards, of checkpoints 0.1 s apart, whose writing is in the time"
    goals = {95.0: Goal(2), 99.0: Goal(10)}
    figures = {
        skill: bench.figure(f"`pqn` on 16 × 16 to {skill:.0f} % of the oracle", "s", goal, note)
        for skill, goal in goals.items()
    }
    settings = bench.size({}, {"steps": 20_000})
    for seed in bench.rounds():
        curve = train_pqn(seed, device=bench.device, now=time.perf_counter, every=0.1, **settings)
        for skill, figure in figures.items():
            bench.keep(figure, seconds_to(curve, skill))


def fastnet(bench: Benchmark) -> None:
    preset = bench.size("full", "tiny")
    options = {"source_options": {"validation": 1000, **bench.size({}, {"limit": 1000})}}
    incomplete = data_folder() / CIFAR / INCOMPLETE
    note, goals = "", (Goal(10), Goal(94, at_most=False))
    if incomplete.exists():
        lack = len(incomplete.read_text().split())
        note = f"of 60,000 pictures {lack},000 stand in for others: accuracy without meaning"
        goals = (Goal(10), None)
    words = "`fastnet cifar10 --preset full source.validation=1000`"
    seconds = bench.figure(words, "s", goals[0], note)
    accuracy = bench.figure(f"{words}: test accuracy", "%", goals[1], note)
    with unmeasured():
        warm = bench.train("fastnet", "cifar10", preset=preset, epochs=1, **options)
    bench.keep(bench.figure("the same for one epoch, before which nothing ran", "s"), warm.seconds)
    for seed in bench.rounds():
        run = bench.train("fastnet", "cifar10", preset=preset, seed=seed, **options)
        bench.keep(seconds, run.seconds)
        bench.keep(accuracy, 100 * run.result["figures"]["test accuracy"]["value"])


def vae(bench: Benchmark) -> None:
    options = {"source_options": bench.size({}, {"limit": 1000})}
    epochs = bench.size(20, 1)
    figure = bench.figure(f"`vae mnist epochs={epochs}`", "s", Goal(10))
    with unmeasured():
        bench.train("vae", "mnist", epochs=1, **options)
        for seed in bench.rounds():
            bench.keep(
                figure, bench.train("vae", "mnist", epochs=epochs, seed=seed, **options).seconds
            )


def against_the_cpu(
    bench: Benchmark,
    words: str,
    model: str,
    goal: Goal,
    *,
    epochs: int,
    limit: int,
    **settings: Any,
) -> None:
    """Examples a second of `epochs` of MNIST on the GPU, and of one of `limit` on the CPU."""
    few = bench.size(limit, 500)
    many = {} if not bench.rehearsal else {"limit": 500}
    fast = bench.figure(words, "examples/s")
    slow = bench.figure(f"{words}, the CPU of the same machine", "examples/s")
    ratio = bench.figure(f"{words}: GPU beside CPU", "×", goal, f"{few:,} examples on the CPU")

    def speed(device: str, epochs: int, options: dict[str, Any], seed: int) -> float:
        _, result, seconds = bench.train(
            model,
            "mnist",
            device=device,
            seed=seed,
            source_options=options,
            epochs=epochs,
            **settings,
        )
        return float(result["examples"]) / seconds

    with unmeasured():
        speed(bench.device, 1, {"limit": few}, 0)
        for seed in bench.rounds():
            gpu = speed(bench.device, bench.size(epochs, 1), many, seed)
            cpu = speed("cpu", 1, {"limit": few}, seed)
            bench.keep(fast, gpu)
            bench.keep(slow, cpu)
            bench.keep(ratio, gpu / cpu)


def rbm(bench: Benchmark) -> None:
    against_the_cpu(
        bench,
        "`rbm mnist`, 784 × 500",
        "rbm",
        Goal(20, at_most=False),
        epochs=5,
        limit=20_000,
    )


def dcgan(bench: Benchmark) -> None:
    against_the_cpu(bench, "`dcgan mnist`", "dcgan", Goal(15, at_most=False), epochs=1, limit=3_000)


def gatys(bench: Benchmark) -> None:
    size = bench.size(512, 64)
    options = {"source_options": {"size": size}, **bench.size({}, {"config": {"steps": 2}})}
    figure = bench.figure(f"`gatys china source.size={size}`", "s", Goal(5))
    with unmeasured():
        bench.train("gatys", "china", source_options={"size": size}, config={"steps": 2})
        for seed in bench.rounds():
            bench.keep(figure, bench.train("gatys", "china", seed=seed, **options).seconds)


def painter(bench: Benchmark) -> None:
    picture = str(data_folder() / "images/mona_lisa.jpg")
    epochs = bench.size(500, 1)
    options = {"network": "siren", "source_options": bench.size({}, {"size": 64})}
    figure = bench.figure(f"`painter` (siren) 300 × 429, {epochs} epochs", "s", Goal(10))
    quality = bench.figure("the same: PSNR", "dB")
    with unmeasured():
        bench.train("painter", picture, epochs=1, **options)
    for seed in bench.rounds():
        run = bench.train("painter", picture, epochs=epochs, seed=seed, **options)
        bench.keep(figure, run.seconds)
        bench.keep(quality, run.result["figures"]["psnr"]["value"])


BENCHMARKS: dict[str, Callable[[Benchmark], None]] = {
    each.__name__: each for each in (environment, pqn, fastnet, vae, rbm, dcgan, gatys, painter)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seconds", type=float, default=60.0, help="to begin measurements in")
    parser.add_argument("--rehearse", action="store_true", help="small, and on the CPU")
    given = parser.parse_args()
    bench = Benchmark(given.name, Results(given.out), given.seconds, given.rehearse)
    BENCHMARKS[given.name](bench)


if __name__ == "__main__":
    main()
