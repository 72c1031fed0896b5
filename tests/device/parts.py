"""The parts of `python -m tests.device`, the most telling first, and how long each may take."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.device.benchmarks import BENCHMARKS

WORKERS = min(8, os.cpu_count() or 1)
"""Processes that share the GPU in tests of models, whose small kernels don't fill it."""
ONE_TEST = 60.0
"""Seconds that a test may take, or a quarter of its part's if that is more."""


@dataclass(frozen=True)
class Part:
    """seconds: what it may take, of which benchmarks begin nothing new in the last quarter.
    tests: what pytest runs; none for a benchmark. workers: of pytest.
    """

    name: str
    what: str
    seconds: float
    tests: tuple[str, ...] = ()
    workers: int = 0

    def command(self, seconds: float, out: Path, rehearsal: bool) -> Sequence[str]:
        """What runs it, in at most so many seconds."""
        if not self.tests:
            begin = ["--seconds", f"{0.75 * seconds:.1f}", *(["--rehearse"] if rehearsal else [])]
            module = "tests.device.benchmarks"
            return [sys.executable, "-m", module, self.name, "--out", str(out), *begin]
        workers = ["-n", str(self.workers), "--dist", "worksteal"] if self.workers > 1 else []
        plugins = ["-p", "tests.device.recorder", "-p", "no:cacheprovider"]
        # What libraries of another machine warn of is no failure here.
        how = ["-q", "-W", "default", "--tb", "short", "--timeout", str(max(ONE_TEST, seconds / 4))]
        return [sys.executable, "-m", "pytest", *self.tests, *workers, *plugins, *how]


PARTS = (
    Part(
        "exact",
        "captured steps; the environments step by step",
        40,
        (
            "tests/device/test_capture.py",
            "tests/device/test_environment.py",
            "tests/device/test_drifting.py",
            "tests/falling_rocks/test_tensor.py",
            "tests/drifting_rocks/test_tensor.py",
        ),
    ),
    Part(
        "models",
        "every model trains, resumes, agrees with the CPU, and goes on on the other device",
        130,
        ("tests/device/test_models.py",),
        WORKERS,
    ),
    Part("environment", "speed of the environment", 15),
    Part("pqn", "time to skill", 45),
    Part("fastnet", "CIFAR-10", 50),
    Part("vae", "a VAE on MNIST", 35),
    Part("rbm", "an RBM beside the CPU", 30),
    Part("dcgan", "a DCGAN beside the CPU", 30),
    Part("gatys", "style transfer", 25),
    Part("painter", "a picture painted", 35),
    Part("waiting", "whose steps wait", 40, ("tests/device/test_waiting.py",), WORKERS),
)

assert BENCHMARKS.keys() == {part.name for part in PARTS if not part.tests}
