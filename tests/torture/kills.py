"""Trainings that are killed again and again, at any moment, and end as if they never had been.

Every registered model is trained by its tiny preset, and `paint` and `stylize` besides, by the
command line, in processes of their own. Each is killed up to four times and resumed, each time with
another interval between checkpoints, with and without `--json`, and compared bit by bit with one
that was left alone: figures, metrics, everything in both checkpoints, pictures; and what a verb
promised to write is there, and nothing half written.

    python -m tests.torture.kills --count 200 --seed 1 --only painter,paint
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rockfall.kit.files import TEMPORARY
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.testing.comparing import difference
from rockfall.testing.rehearsal import outcome

ROCKFALL = (sys.executable, "-c", "from rockfall.cli import main; main()")
MOMENTS = ("any", "learning", "writing", "measuring or drawing")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POLITE = 0.15
"""Of the kills, those by another signal than SIGKILL: they are counted apart."""
CHAIN = 4
"""Kills of one run at the most."""
INTERVALS = ("0", "0.02", "0.2", "30")
PATIENCE = 300.0
"""Seconds for a training that is not killed."""


@dataclass(frozen=True)
class Subject:
    """What is typed, and of which family it is."""

    name: str
    family: str
    words: tuple[str, ...]
    outputs: tuple[str, ...] = ()


@dataclass
class Tally:
    """What became of one subject: kills by signal and moment, runs that were compared."""

    subject: Subject
    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    moments: collections.Counter[str] = field(default_factory=collections.Counter)
    runs: int = 0
    failures: list[str] = field(default_factory=list)


def subjects() -> list[Subject]:
    """Every registered model, and the verbs that train and then write."""
    tiny = ("--preset", "tiny", "--threads", "1", "--device", "cpu")
    found = [
        Subject(entry.spec.name, entry.owner, ("train", entry.spec.name, *tiny))
        for entry in registry().models
    ]
    outputs = ("out.png", "out.gif")
    written = ("--out", "out.png", "--gif", "out.gif")
    found.append(Subject("paint", "verbs", ("paint", "flower", *tiny, *written), outputs))
    style = ("--style", "china", "--size", "48")
    found.append(
        Subject("stylize", "verbs", ("stylize", "flower", *style, *tiny, *written), outputs)
    )
    return found


class Torture:
    """One subject, in a folder of its own."""

    def __init__(self, subject: Subject, folder: Path, seed: int) -> None:
        self.subject, self.folder = subject, folder
        self.chance = random.Random(seed * 2**32 + zlib.crc32(subject.name.encode()))
        self.tally = Tally(subject)
        self._expected: dict[str, Any] = {}
        self._lasts = self._begins = 0.0

    def suffer(self, kills: int) -> Tally:
        """Kill as often, in as many runs as that takes."""
        try:
            self._leave_alone()
            while self.tally.kills["SIGKILL"] < kills and not self.tally.failures:
                self._chain(min(CHAIN, kills - self.tally.kills["SIGKILL"]))
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            self.tally.failures.append(" ".join(f"{self.subject.name}: {error}".split()))
        if not self.tally.failures:
            shutil.rmtree(self.folder)
        return self.tally

    def _leave_alone(self) -> None:
        work = self._work("alone")
        process = self._start(work, (*self.subject.words, "--name", "run"))
        began = time.monotonic()
        while process.poll() is None:
            assert time.monotonic() - began < PATIENCE, "left alone, it takes too long"
            if not self._begins and (work / "runs" / "run" / "run.json").exists():
                self._begins = time.monotonic() - began
            time.sleep(0.005)
        self._lasts = time.monotonic() - began
        assert process.returncode == 0, f"left alone, it fails: {self._said(process)}"
        self._expected = left_by(work, self.subject.outputs)

    def _chain(self, most: int) -> None:
        """One run, killed up to `most` times and then resumed to its end."""
        work = self._work(f"killed-{self.tally.runs + 1}")
        run = work / "runs" / "run"
        told: list[str] = []
        for _ in range(self.chance.randint(1, most)):
            moment, how = self.chance.choice(MOMENTS), signal.SIGKILL
            if self.chance.random() < POLITE:
                how = self.chance.choice(SIGNALS)
            process = self._start(work, self._next(run))
            if self._kill(process, run, moment, how):
                told.append(f"{how.name} while {moment}")
                self.tally.kills[how.name] += 1
                self.tally.moments[moment] += 1
                codes = (-how,) if how == signal.SIGKILL else (-how, 130, 0)
                code = process.returncode
                assert code in codes, f"{'; '.join(told)}: code {code}: {self._said(process)}"
        process = self._start(work, self._next(run))
        process.wait(PATIENCE)
        after = "; ".join(told) or "never killed"
        assert process.returncode == 0, f"after {after} it fails: {self._said(process)}"
        found = left_by(work, self.subject.outputs)
        where = difference(self._expected, found)
        assert not where, f"after {after} it differs in {where}, see {work}"
        self.tally.runs += 1
        shutil.rmtree(work)

    def _next(self, run: Path) -> tuple[str, ...]:
        """To begin, or to go on with what is there."""
        every = ("--checkpoint-every", self.chance.choice(INTERVALS))
        shown = ("--json",) if self.chance.random() < 0.5 else ()
        if (run / "run.json").exists():
            return ("resume", "run", *every, *shown)
        shutil.rmtree(run, ignore_errors=True)  # as the error would ask for
        return (*self.subject.words, "--name", "run", *every, *shown)

    def _kill(
        self, process: subprocess.Popen[str], run: Path, moment: str, how: signal.Signals
    ) -> bool:
        """False if it had ended before."""
        learns = max(0.05, self._lasts - self._begins)
        if moment == "any":
            waits = self.chance.uniform(0, self._lasts)
        else:
            waits = self.chance.uniform(0, learns if moment != "measuring or drawing" else 0.3)
            while process.poll() is None and not self._is_at(moment, run):
                time.sleep(0.002)
        until = time.monotonic() + waits
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        while moment == "writing" and process.poll() is None and not unfinished(run):
            time.sleep(0.0005)
        if process.poll() is not None:
            assert process.returncode == 0, f"it fails: {self._said(process)}"
            return False
        process.send_signal(how)
        # It may have ended just before, which SIGKILL shows by its code.
        return process.wait(PATIENCE) != 0 or how != signal.SIGKILL

    def _is_at(self, moment: str, run: Path) -> bool:
        if moment == "measuring or drawing":
            return (run / "result.json").exists()
        return (run / ".lock").exists()

    def _start(self, work: Path, words: Sequence[str]) -> subprocess.Popen[str]:
        with (work / "said.txt").open("w") as said:
            return subprocess.Popen(
                [*ROCKFALL, *words],
                cwd=work,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": "1",
                    "ROCKFALL_STATE": str(work / "state"),
                    "ROCKFALL_RUNS": "runs",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                text=True,
            )

    def _said(self, process: subprocess.Popen[str]) -> str:
        texts = sorted(self.folder.glob("*/said.txt"), key=lambda path: path.stat().st_mtime)
        return texts[-1].read_text()[-300:]

    def _work(self, name: str) -> Path:
        work = self.folder / name
        work.mkdir(parents=True)
        return work


def unfinished(folder: Path) -> list[str]:
    """Every file that is being written."""
    return [name for _, _, names in os.walk(folder) for name in names if name.startswith(TEMPORARY)]


def left_by(work: Path, outputs: Sequence[str]) -> dict[str, Any]:
    """All that must be the same to the bit, and that nothing else lies about.

    Which steps leave a picture, the processor's time decides; so does a film of them.
    """
    run = RunDirectory(work / "runs" / "run")
    result = run.result()
    assert result is not None, "it has no result"
    assert not unfinished(work), f"{unfinished(work)} is left"
    assert set(result["pictures"]) <= {path.name for path in run.pictures.iterdir()}
    assert not list((work / "state").glob("promises/*")), "a promise is left"
    pictures = {name: (run.pictures / name).read_bytes() for name in result["pictures"]}
    written = {name: (work / name).read_bytes() for name in outputs if (work / name).exists()}
    assert len(written) == len(outputs), (
        f"of {', '.join(outputs)} only {', '.join(written)} is there"
    )
    stills = {name: content for name, content in written.items() if not name.endswith(".gif")}
    return {**outcome(run), "pictures": pictures, "written": stills}


def kill(count: int, seed: int, only: Sequence[str] = (), workers: int = 2) -> list[Tally]:
    """At least `count` kills by SIGKILL, over all subjects or those in `only`."""
    return list(_all(count, seed, only, workers))


def _all(count: int, seed: int, only: Sequence[str], workers: int) -> Iterator[Tally]:
    chosen = [each for each in subjects() if not only or each.name in only]
    each = -(-count // len(chosen))
    with (
        tempfile.TemporaryDirectory(prefix="torture-") as folder,
        ThreadPoolExecutor(workers) as pool,
    ):
        waiting = [
            pool.submit(Torture(subject, Path(folder) / subject.name, seed).suffer, each)
            for subject in chosen
        ]
        for future in waiting:
            tally = future.result()
            said = "; ".join(tally.failures) or f"{tally.runs} runs as if never killed"
            print(f"{tally.subject.name}: {sum(tally.kills.values())} kills, {said}", flush=True)
            yield tally


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="names with commas between")
    given = options.parse_args()
    tallies = kill(given.count, given.seed, [name for name in given.only.split(",") if name])
    sys.exit(any(tally.failures for tally in tallies))


if __name__ == "__main__":
    main()
