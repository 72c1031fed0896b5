"""Damaged and made-up folders of runs, by the thousand, given to every verb that reads one.

Each time the verb must succeed or refuse in one planned line, within bounds of time and memory. It
writes nothing outside the run and the working folder, shows nothing that acts on a terminal, and
imports nothing that a file names; and `rockfall runs` lists the run beside it as ever.

    python -m tests.torture.mutations --count 1000 --seed 1
    python -m tests.torture.mutations --only 1:417       # one of them again, with all that it says

Trials go on in two processes with bounded memory; one that dies or hangs is a failure, and another
takes over after it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from tests.torture import damage

RECORDED = Path(__file__).parents[1] / "recorded_runs"
SECONDS = 20.0
"""For a verb; a training, which may be as long as its settings say, is stopped by Ctrl-C then."""
PATIENCE = 90.0
"""Seconds without a word after which a process is taken for hung."""
MEMORY = 3 * 2**30
"""Bytes of address space beyond what torch takes."""

RUNS = {
    "v0.1/lenet5-digits": ("classify RUN digit.png", "evaluate RUN", "show RUN"),
    "v0.1/mlp-numpy-digits": (
        "classify RUN digit.png",
        "evaluate RUN --checkpoint best",
        "show RUN",
    ),
    "v0.1/vae-digits": (
        "sample RUN -n 4",
        "reconstruct RUN",
        "blend RUN 0 1",
        "latent RUN --by pca",
    ),
    "v0.1/rbm-digits": ("sample RUN -n 4", "reconstruct RUN -n 4", "show RUN"),
    "v0.1/gan-gaussian": ("sample RUN -n 9", "show RUN", "evaluate RUN --limit 50"),
    "v0.1/reinforce-8x8": (
        "play RUN --games 2 --steps 5",
        "evaluate RUN --limit 2",
        "play RUN random-0",
    ),
    "v0.1/stopped-dqn-cartpole": ("play RUN --games 1 --steps 5", "evaluate RUN --limit 2"),
    "v0.1/evolve-flower": ("paint RUN", "show RUN", "paint RUN --gif"),
    "v0.1/painter-flower": ("paint RUN", "show RUN --json"),
    "v0.1/fast-style-tiny": ("stylize flower --size 32 --style runs/mutated", "show RUN"),
    "v0.1-stopped/mlp": (),
    "v0.1-stopped/mlp-numpy": (),
    "v0.1-stopped/pqn": (),
    "v0.1-stopped/reinforce": (),
    "v0.1-stopped/ppo": (),
    "v0.1-stopped/cgan": (),
    "v0.1-stopped/fastnet": (),
    "v0.1-stopped/dbn": (),
    "v0.1-stopped/evolve": (),
    "v0.1-stopped/ssrbm": (),
}
"""Each with what its model can do."""
ALL = ("show RUN", "compare RUN beside", "evaluate RUN --limit 2", "resume RUN", "resume RUN")
"""What is done with any run."""


class Trial(NamedTuple):
    """One damaged run and what was typed; `complaints` are what must not be."""

    number: int
    run: str
    damage: str
    typed: str
    code: int
    seconds: float
    complaints: list[str]
    shown: str = ""


def try_one(seed: int, number: int, folder: Path) -> Trial:
    """Damage a copy of a recorded run as seed and number say, and use it. `folder` is empty."""
    chance = random.Random(f"{seed}:{number}")
    name = chance.choice(list(RUNS))
    work, outside, run = folder / "work", folder / "outside", folder / "work" / "runs" / "mutated"
    shutil.copytree(RECORDED / name, run)
    shutil.copytree(RECORDED / "v0.1" / "gan-gaussian", run.with_name("beside"))
    _fill(outside)
    (way,) = chance.choices(list(damage.WAYS), list(damage.WAYS.values()))
    done = way(run, chance, outside)
    Image.new("L", (8, 8), 90).save(work / "digit.png")
    before = _content(outside), _content(run.with_name("beside"))
    verb = chance.choice((*RUNS[name], *ALL))
    typed = verb.replace("RUN", chance.choice(("mutated", "runs/mutated")))
    complaints: list[str] = []
    began = time.monotonic()
    listed, out = _use(work, "runs", complaints)
    beside = [line for line in out.splitlines() if line.startswith("beside")]
    if listed or not beside or "finished" not in beside[0]:
        complaints.append("rockfall runs does not list the run beside it")
    code, shown = _use(work, typed, complaints)
    if (_content(outside), _content(run.with_name("beside"))) != before:
        complaints.append("something was written outside the run")
    if damage.MODULE in sys.modules or (outside / "imported").exists():
        complaints.append("a module was imported that a file names")
        sys.modules.pop(damage.MODULE, None)
    return Trial(number, name, done, typed, code, time.monotonic() - began, complaints, shown)


def _fill(outside: Path) -> None:
    """What a run has no business with, and a module to import by mistake."""
    (outside / "folder").mkdir(parents=True)
    (outside / "precious.txt").write_text("as it was\n" * 100)
    (outside / "folder" / "last.safetensors").write_text("as it was\n")
    (outside / "folder" / ".writing-mine").write_text("as it was\n")
    package = outside / damage.MODULE
    package.mkdir()
    code = f"open({str(outside / 'imported')!r}, 'w').close()\n"
    for module in ("__init__", "inner"):
        (package / f"{module}.py").write_text(code)


def _content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".lock"
    }


def _use(work: Path, typed: str, complaints: list[str]) -> tuple[int, str]:
    """Type a command; returns its exit code and all that it showed."""
    from rockfall.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    outside = str(work.parent / "outside")
    sys.path.insert(0, outside)
    try:
        with (
            contextlib.chdir(work),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _stopped_after(SECONDS),
        ):
            main(typed.split())
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        complaints.append(f"{typed}: {type(error).__name__} came through: {error}")
    finally:
        sys.path.remove(outside)
    shown = out.getvalue() + err.getvalue()
    last = [line for line in err.getvalue().splitlines() if line.startswith("rockfall: ")]
    if code == 130 and "stopped at step" in shown:
        code = 0  # it learned until it was stopped
    if code not in (0, 1, 2) or len(last) != (code != 0):
        complaints.append(f"{typed}: exit code {code}, {len(last)} errors: {shown[-300:]!r}")
    if "--traceback shows where" in shown or "Traceback" in shown:
        complaints.append(f"{typed}: unplanned: {shown[-300:]!r}")
    if (
        any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in shown)
        or "\u202e" in shown
    ):
        complaints.append(f"{typed}: what it shows acts on a terminal: {shown[-300:]!r}")
    if len(shown) > 2_000_000:
        complaints.append(f"{typed}: it shows {len(shown):,} letters")
    return code if isinstance(code, int) else -1, shown


@contextlib.contextmanager
def _stopped_after(seconds: float) -> Iterator[None]:
    """Ctrl-C after a while, and again and again."""

    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Many of them --------------------------------------------------------------------------------


def work_through(seed: int, numbers: Sequence[int]) -> None:
    """As a child process: a line of JSON before each trial and after it."""
    sys.modules.pop(damage.MODULE, None)
    with contextlib.suppress(ValueError, OSError):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
    tell = os.fdopen(os.dup(1), "w")
    for number in numbers:
        print(json.dumps({"begins": number}), file=tell, flush=True)
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            trial = try_one(seed, number, Path(folder))
        print(json.dumps(trial._replace(shown="")._asdict()), file=tell, flush=True)


def mutate(count: int, seed: int, workers: int = 2) -> list[Trial]:
    """Try so many; prints the failures, and a line on how it went. Returns the failures."""
    began = time.monotonic()
    trials = list(_all(seed, count, workers))
    failed = [trial for trial in trials if trial.complaints]
    for trial in failed:
        print(f"{seed}:{trial.number} {trial.run}, {trial.damage}; rockfall {trial.typed}")
        for complaint in trial.complaints:
            print(f"    {complaint.encode('ascii', 'backslashreplace').decode()}")
    longest = max((trial.seconds for trial in trials), default=0)
    refused = sum(trial.code != 0 for trial in trials)
    print(
        f"mutations, seed {seed}: {len(trials)} damaged runs, {len(trials) - refused} used all the "
        f"same, {refused} refused in a line, {len(failed)} failures; the longest took "
        f"{longest:.1f} s, all {time.monotonic() - began:.0f} s"
    )
    return failed


class _Worker:
    """A process that goes through some numbers, and is replaced when it dies or hangs."""

    def __init__(self, seed: int, numbers: list[int]) -> None:
        self.seed, self.left, self.at = seed, numbers, -1
        self.process: subprocess.Popen[str] | None = None
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.heard = time.monotonic()

    def start(self) -> None:
        words = [sys.executable, "-m", "tests.torture.mutations", "--seed", str(self.seed)]
        self.process = subprocess.Popen(
            [*words, "--numbers", json.dumps(self.left)],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=RECORDED.parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.heard = time.monotonic()

    def gave_up(self, why: str) -> Trial:
        number = self.at if self.at in self.left else self.left[0]
        self.left = self.left[self.left.index(number) + 1 :]
        return Trial(number, "?", "?", "?", -1, 0.0, [why])


def _all(seed: int, count: int, workers: int) -> Iterator[Trial]:
    selector = selectors.DefaultSelector()
    for first in range(workers):
        worker = _Worker(seed, list(range(first, count, workers)))
        if worker.left:
            worker.start()
            assert worker.process is not None
            selector.register(worker.process.stdout or 0, selectors.EVENT_READ, worker)
    while selector.get_map():
        for key, _ in selector.select(timeout=5.0):
            worker = key.data
            line = key.fileobj.readline()  # type: ignore[union-attr]
            worker.heard = time.monotonic()
            if line:
                said = json.loads(line)
                if "begins" in said:
                    worker.at = said["begins"]
                else:
                    worker.left.remove(said["number"])
                    yield Trial(**said)
                continue
            selector.unregister(key.fileobj)
            code = worker.process.wait()
            if worker.left:
                worker.errors.seek(0)
                last = worker.errors.read().splitlines()[-1:]
                yield worker.gave_up(f"the process ended with {code}: {last}")
            if worker.left:
                worker.start()
                selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
        for key in list(selector.get_map().values()):
            if time.monotonic() - key.data.heard > PATIENCE:
                key.data.process.kill()  # which ends its output, and the loop above goes on


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--only", metavar="SEED:NUMBER")
    options.add_argument("--numbers", type=json.loads, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.numbers is not None:
        work_through(given.seed, given.numbers)
    elif given.only:
        seed, number = map(int, given.only.split(":"))
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            trial = try_one(seed, number, Path(folder))
        print(*trial, sep="\n")
    else:
        sys.exit(bool(mutate(given.count, given.seed, given.workers)))


if __name__ == "__main__":
    main()
