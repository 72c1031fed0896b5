"""Likelihoods of MNIST's test digits under every model that tells or bounds one, in nats.

Each row is `rockfall train MODEL mnist`, seed 0, on one thread, as its own run measures it on a
thousand test digits. Training pixels are binarised anew at each update, test pixels once, a grey
value being the probability of white; models of bytes have bits a pixel instead. What was measured
is kept in `generator_family.json`, so that the table can be measured in parts: `--only
vae,pixelcnn` goes on with these, `--known` with none. A row whose settings have changed since is
measured anew or not shown. Needs MNIST, downloaded or in `ROCKFALL_DATA`.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rockfall.building import build_config
from rockfall.errors import did_you_mean
from rockfall.kit.files import read_json, write_json
from rockfall.registry import registry
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, hardware, script

KEPT = Path(__file__).with_name("generator_family.json")
FIGURES = ("log-likelihood", "IWAE bound", "ELBO", "Fréchet distance")

Measured = dict[str, Any]
"""What is kept of a row: all its settings (`config`), its `figures` and what it took."""


@dataclass(frozen=True)
class Row:
    """A training, and what is published of such a model, with its source."""

    model: str
    published: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        settings = "".join(f" {name}={value}" for name, value in self.settings.items())
        return f"{self.model} mnist{settings}"


ROWS = {
    row.words: row
    for row in (
        Row("vae", "IWAE bound −86.76, 50 latents, k = 5,000 (Burda et al. 2016, table 1)"),
        Row(
            "iwae",
            "IWAE bound −85.54, 50 latents, k = 5 in training, 5,000 in the figure (Burda et al. "
            "2016, table 1)",
        ),
        Row("beta-tc-vae", "none on MNIST that we know (Chen et al. 2018 have dSprites)"),
        Row(
            "vq-vae", "none on MNIST that we know (4.67 bits on CIFAR-10, van den Oord et al. 2017)"
        ),
        Row(
            "pixelcnn",
            "−81.30, pixels binarised once and for all (van den Oord et al. 2016, Pixel RNN)",
        ),
        Row(
            "realnvp",
            "1.06 bits a pixel, convolutional (as Grathwohl et al. 2019, FFJORD, have it)",
        ),
    )
}
NOTE = (
    "The published figures are of larger models, trained for longer: they say where the method "
    "leads, and not what a few minutes reach. A likelihood is exact, bounds are below it; nats of "
    "binary pixels and bits of bytes do not compare."
)


def config_of(row: Row) -> dict[str, Any]:
    """All settings of a row, as they are now."""
    kind = registry().models.find(row.model).spec.load()
    return build_config(kind, row.model, "mnist", None, row.settings).model_dump(mode="json")


def known() -> dict[str, Measured]:
    """What was measured of rows that are still the same, but for settings that are new."""
    kept = read_json(KEPT) if KEPT.exists() else {}
    return {
        words: measured
        for words, measured in kept.items()
        if words in ROWS and measured["config"].items() <= config_of(ROWS[words]).items()
    }


def chosen(options: argparse.Namespace) -> list[Row]:
    """The rows that were asked for; an unknown model ends the script."""
    if options.known:
        return []
    models = list(dict.fromkeys(row.model for row in ROWS.values()))
    names = options.only.split(",") if options.only else models
    for name in names:
        if name not in models:
            raise SystemExit(f"no row of {name}{did_you_mean(name, models)}")
    return [row for row in ROWS.values() if row.model in names and row.words not in known()]


def measure(options: argparse.Namespace) -> list[Table]:
    for row in chosen(options):
        _, result, seconds = trained(row.model, "mnist", config=row.settings)
        found = {
            "config": config_of(row),
            "figures": {
                name: {part: result["figures"][name].get(part) for part in ("value", "error")}
                | {"note": result["figures"][name].get("note", "")}
                for name in FIGURES
                if name in result["figures"]
            },
            "cpu seconds": round(seconds, 1),
            "date": datetime.date.today().isoformat(),
            "hardware": hardware(),
        }
        write_json(KEPT, {**known(), row.words: found})
        print(f"{row.words} in {seconds:.0f} s", file=sys.stderr, flush=True)
    return [table(known())]


def table(found: dict[str, Measured]) -> Table:
    headers = ["`rockfall train …`", *FIGURES, "published", "CPU s"]
    rows = []
    for row in ROWS.values():
        measured = found.get(row.words)
        cells = [cell(measured["figures"].get(name)) if measured else "" for name in FIGURES]
        seconds = f"{measured['cpu seconds']:.0f}" if measured else "not measured"
        rows.append([f"`{row.words}`", *cells, row.published, seconds])
    return Table("Likelihoods of MNIST's test digits, nats", headers, rows, NOTE)


def cell(figure: dict[str, Any] | None) -> str:
    """A figure and its error, and its bits where it is of bytes."""
    if not figure:
        return ""
    digits = 2 if abs(figure["value"]) < 1000 else 0
    shown = f"{figure['value']:.{digits}f}"
    if figure["error"] is not None:
        shown += f" ± {figure['error']:.{digits}f}"
    bits = [part for part in figure["note"].split(", ") if "bits" in part]
    return f"{shown} ({bits[0]})" if bits else shown


def origin() -> str:
    """When and where it was measured."""
    when = sorted({f"{each['date']}, {each['hardware']}" for each in known().values()})
    how = "Measured by `python -m tests.benchmarks.generator_family --write`"
    return f"{how}, part by part: {'; '.join(when)}. Other work ran on the machine."


if __name__ == "__main__":
    script(__doc__, measure, origin=origin, only="", known=False)
