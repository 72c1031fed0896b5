"""How much of what is asked for is right, beside what can be guessed without a memory."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rockfall import Batch, Dataset, Measurements, measurement
from rockfall.kit.targets import has_target
from rockfall_sequences.ngrams import NGrams
from rockfall_sequences.predicts.protocol import Predicts
from rockfall_sequences.sequence_model import SequenceModel, in_parts

N_GRAMS = (2, 5)
Compress = Callable[[bytes], bytes]
COMPRESSORS: dict[str, Compress] = {
    "gzip": partial(gzip.compress, mtime=0),
    "xz": partial(lzma.compress, preset=9 | lzma.PRESET_EXTREME),
}
LEAST = 1e-9
"""Of a probability whose logarithm is taken."""


def evaluate(
    model: Predicts, source: Dataset, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`test accuracy`, the share of targets that are the likeliest class, beside the commonest
    class, and beside `without memory`, the commonest after the same input in training; or, of
    numbers, `test squared error`, beside that of their mean, and in a series that of the
    last value. Of text also `test bits a symbol`, beside n-grams, gzip and xz.
    """
    if isinstance(model, SequenceModel):
        test, predicted = model.predict_test(source, limit)
    else:
        test = source.test.evenly_spaced(limit)
        predicted = torch.cat([model.predict(part) for part in in_parts(test.inputs)])
    outputs, targets, now = asked(predicted, test)
    if targets.is_floating_point():
        given = ~targets.isnan()
        mean = torch.tensor(source.info.statistics["target mean"], device=targets.device)
        guesses = {"mean": mean.expand_as(targets)}
        if "series" in source.info.kinds:
            guesses["last value"] = now
        errors = {name: (each - targets)[given].square() for name, each in guesses.items()}
        return {"test squared error": measurement((outputs - targets)[given].square(), errors)}
    _, known, seen = asked(source.train.inputs, source.train[:])
    commonest = known.mode().values
    guessed = _guesses(seen, known, now, commonest)
    baselines = {
        "commonest class": (targets == commonest).float(),
        "without memory": (targets == guessed).float(),
    }
    found = {"test accuracy": measurement((outputs.argmax(-1) == targets).float(), baselines)}
    if "text" in source.info.kinds:
        found["test bits a symbol"] = _bits(outputs, source, test)
    return found


def _bits(outputs: Tensor, source: Dataset, test: Batch) -> dict[str, Any]:
    """−log₂ of the probabilities of what came, beside those of n-grams of the training text, and
    what compressors make of it that have read this.
    """
    mask = has_target(test.labels)
    rows, steps = mask.nonzero().T.tolist()
    windows = torch.cat((test.inputs, test.labels[:, -1:]), 1).tolist()
    targets = test.labels[mask]
    mine = -outputs.gather(1, targets[:, None])[:, 0].clamp(min=LEAST).log2()
    train = source.train
    learned = [*train.inputs.flatten().tolist(), int(train.labels[-1, -1])]
    baselines = {}
    for n in N_GRAMS:
        grams = NGrams(learned, n, len(source.info.classes))
        found = [
            grams.probability(windows[row][max(0, step + 2 - n) : step + 1], target)
            for row, step, target in zip(rows, steps, targets.tolist(), strict=True)
        ]
        baselines[f"{n}-gram"] = -torch.tensor(found).log2()
    for name, compress in COMPRESSORS.items():
        bits = compressed_bits(compress, learned, targets.tolist())
        baselines[name] = torch.full((len(targets),), bits)
    return measurement(mine, baselines)


def compressed_bits(compress: Compress, known: list[int], symbols: list[int]) -> float:
    """By how many bits a symbol the compressed text grows by these after the known ones."""
    before, whole = ("".join(map(chr, each)).encode() for each in (known, known + symbols))
    return 8 * (len(compress(whole)) - len(compress(before))) / len(symbols)


def asked(values: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Of those steps that have a target: values (N, T, …) → (M, …), the targets (M, …) and the
    inputs (M, …).
    """
    if batch.labels.ndim == 1:
        return values[:, -1], batch.labels, batch.inputs[:, -1]
    mask = has_target(batch.labels)
    return values[mask], batch.labels[mask], batch.inputs[mask]


def _guesses(seen: Tensor, known: Tensor, now: Tensor, commonest: Tensor) -> Tensor:
    """The commonest target (M,) of the same input in training, or of all for one not seen there."""
    rows = torch.cat((seen, now)).flatten(1) if seen.ndim > 1 else torch.cat((seen, now))
    numbers = rows.unique(dim=0, return_inverse=True)[1]
    before, after = numbers[: len(seen)], numbers[len(seen) :]
    classes = int(known.max()) + 1
    counts = torch.zeros(int(numbers.max()) + 1, classes, device=known.device)
    counts.index_put_((before, known), torch.ones_like(known, dtype=counts.dtype), accumulate=True)
    guessed = torch.where(counts.sum(1) > 0, counts.argmax(1), commonest)
    return guessed[after]
