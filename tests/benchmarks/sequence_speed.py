"""Symbols a CPU second in training: ours beside bare `torch.nn.LSTM` and `GRU`; minGRU's scan.

The same cell, symbols, batches, loss, gradient clipping and fused AdamW, one thread, taking turns:

- Rockfall: `fit` as `rockfall train` calls it, with all that it logs, in memory; validation is one
  window, since the other validates nothing;
- bare: what a script does with torch's layer, a linear readout, and no more: no accuracy either.

minGRU's scan and its loop compute the same, forwards and backwards, over 1,000 steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

import rockfall
from rockfall import Split
from rockfall.kit.randomness import seed_everything
from rockfall.registry import registry
from rockfall_sequences import min_rnn
from rockfall_sequences.min_rnn import MinGruLayer
from rockfall_sequences.scan import scan
from rockfall_sequences.sequences import Sequences
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
SHAPES = {"as distracted recall": (10, 24, 50, 32), "as text": (71, 64, 32, 128)}
"""Symbols, steps, sequences in a batch, units."""
BATCHES = 20
STEPS = 1_000
WIDTHS = ((8, 32), (50, 32), (50, 128))
"""Sequences and units of minGRU."""


def made_up(symbols: int, steps: int, batch: int) -> Sequences:
    """Symbols that mean nothing, each with the next for a target: it costs the same."""
    generator = torch.Generator().manual_seed(0)
    windows = torch.randint(symbols, (BATCHES * batch, steps + 1), generator=generator)
    whole = Split(windows[:, :-1].clone(), windows[:, 1:].clone())
    one = Split(*whole[:1])
    names = tuple(map(str, range(symbols)))
    return Sequences(
        "made-up",
        {"train": whole, "validation": one, "test": one},
        classes=names,
        symbols=names,
    )


def ours(name: str, data: Sequences, batch: int, units: int) -> float:
    kind = registry().models.find(name).spec.load()
    seed_everything(0)
    model = kind(kind.Config(units=units, batch_size=batch, epochs=1), data.info)
    run = rockfall.Run.unrecorded(model, data.info, device="cpu", threads=1)
    begun = time.process_time()
    model.fit(data, run)
    return time.process_time() - begun


def bare(name: str, data: Sequences, batch: int, units: int) -> float:
    symbols = len(data.symbols)
    layer, readout = CELLS[name](symbols, units, batch_first=True), nn.Linear(units, symbols)
    weights = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.0, fused=True)
    begun = time.process_time()
    order = torch.randperm(len(data.train))
    for rows in order.split(batch):
        inputs, labels = data.train[rows]
        outputs = readout(layer(F.one_hot(inputs, symbols).float())[0])
        loss = F.cross_entropy(outputs.flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(weights, 1.0)
        optimizer.step()
    return time.process_time() - begun


def loop(a: Tensor, b: Tensor, state: Tensor | None = None) -> Tensor:
    """What `scan` computes, step by step, by autograd."""
    h = torch.zeros_like(b[:, 0]) if state is None else state
    found = []
    for factor, more in zip(a.unbind(1), b.unbind(1), strict=True):
        h = torch.addcmul(more, factor, h)
        found.append(h)
    return torch.stack(found, 1)


def recurrence_seconds(layer: MinGruLayer, inputs: Tensor, how: Callable[..., Tensor]) -> float:
    with torch.no_grad():
        keep, write, candidate, _ = layer.parts(inputs)
        given = [keep.contiguous().requires_grad_(), (write * candidate).requires_grad_()]
    begun = time.process_time()
    how(*given).sum().backward()
    return time.process_time() - begun


def layer_seconds(layer: MinGruLayer, inputs: Tensor, how: Callable[..., Tensor]) -> float:
    with mock.patch.object(min_rnn, "scan", how):
        begun = time.process_time()
        layer(inputs)[0].sum().backward()
        return time.process_time() - begun


def taking_turns(rounds: int, *ways: Callable[[], float]) -> list[list[float]]:
    """Seconds of each, after one turn that does not count."""
    found = [[way() for way in ways] for _ in range(rounds + 1)]
    return [list(each) for each in zip(*found[1:], strict=True)]


def measure(options: argparse.Namespace) -> list[Table]:
    rows: list[list[Any]] = []
    for name in CELLS:
        for what, (symbols, steps, batch, units) in SHAPES.items():
            data = made_up(symbols, steps, batch)
            mine, theirs = taking_turns(
                options.rounds,
                lambda: ours(name, data, batch, units),  # noqa: B023
                lambda: bare(name, data, batch, units),  # noqa: B023
            )
            told = data.train.inputs.numel()
            ratio = Median([b / a for a, b in zip(mine, theirs, strict=True)])
            speeds = [Median([told / seconds for seconds in each]) for each in (mine, theirs)]
            shape = f"`{name}` {what}: {batch} × {steps}, {units} units"
            rows.append([shape, *speeds, ratio.shown(".2f", " ×")])
    headers = ("", "Rockfall", "bare torch", "Rockfall ÷ bare")
    tables = [Table("Memories in training, symbols a CPU second", headers, rows)]
    rows = []
    for count, units in WIDTHS:
        layer = MinGruLayer(units, units)
        inputs = torch.randn(count, STEPS, units)
        for what, seconds in (("the recurrence", recurrence_seconds), ("layer", layer_seconds)):
            scanned, looped = taking_turns(
                options.rounds,
                lambda: seconds(layer, inputs, scan),  # noqa: B023
                lambda: seconds(layer, inputs, loop),  # noqa: B023
            )
            ratio = Median([b / a for a, b in zip(scanned, looped, strict=True)])
            times = [Median([1000 * value for value in each]) for each in (scanned, looped)]
            rows.append([what, f"{count} × {units}", *times, ratio.shown(".2f", " ×")])
    headers = ("", "sequences × units", "scan, ms", "loop, ms", "times as fast")
    title = f"minGRU over {STEPS:,} steps, forwards and backwards"
    note = "The layer is the recurrence and what is computed of all steps at once in either way."
    return [*tables, Table(title, headers, rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, rounds=7)
