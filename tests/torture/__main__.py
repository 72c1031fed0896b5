"""Both tortures: trainings that are killed at any moment, and runs that are damaged and made up.

    python -m tests.torture --kills 200 --mutations 1000 --seed 1 --write

Half an hour on two cores. It prints the seed, which `--seed` takes again: of the mutations all is
the same then, of the kills all but how far a process has come by the time that it is killed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime
import io
import random
import sys
import time
from pathlib import Path

from tests.benchmarks.report import hardware
from tests.torture.kills import MOMENTS, Tally, kill
from tests.torture.mutations import mutate

RESULTS = Path(__file__).with_name("RESULTS.md")


def of_kills(tallies: list[Tally], seconds: float) -> str:
    """A table of the kills, a row a family."""
    families = collections.defaultdict(list)
    for tally in tallies:
        families[tally.subject.family].append(tally)
    head = ["family", "models", "SIGKILL", "other signals", *MOMENTS, "runs compared", "failures"]
    rows = []
    for name, members in [*families.items(), ("all", tallies)]:
        kills: collections.Counter[str] = sum((t.kills for t in members), collections.Counter())
        moments = sum((t.moments for t in members), collections.Counter[str]())
        rows.append(
            [
                name.removeprefix("rockfall-"),
                len(members),
                kills["SIGKILL"],
                kills.total() - kills["SIGKILL"],
                *(moments[moment] for moment in MOMENTS),
                sum(t.runs for t in members),
                sum(len(t.failures) for t in members),
            ]
        )
    lines = [f"| {' | '.join(map(str, row))} |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join([*lines, "", f"In {seconds:,.0f} s."])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--mutations", type=int, default=1000)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options.add_argument("--write", action="store_true", help="the counts into RESULTS.md")
    given = options.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    tallies = kill(given.kills, given.seed) if given.kills else []
    table = of_kills(tallies, time.monotonic() - began)
    print(table, flush=True)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        failed = mutate(given.mutations, given.seed) if given.mutations else []
    print(said.getvalue(), end="")
    if given.write:
        now = datetime.datetime.now(datetime.UTC).date()
        RESULTS.write_text(
            f"# What `make torture` found\n\n{now}, seed {given.seed}, on {hardware()}.\n\n"
            "## Trainings that were killed, and resumed until they had ended\n\n"
            "Figures, metrics, both checkpoints and the model's pictures are compared bit by bit "
            f"with those of a run that was left alone.\n\n{table}\n\n"
            "## Runs that were damaged or made up\n\n"
            f"```\n{said.getvalue()}```\n"
        )
    sys.exit(bool(failed) or any(tally.failures for tally in tallies))


if __name__ == "__main__":
    main()
