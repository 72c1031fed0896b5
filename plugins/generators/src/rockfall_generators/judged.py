"""What a judge says of generated pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset, Measurements
from rockfall_generators.coverage import coverage, entropy, shares
from rockfall_generators.distances import PrecisionRecall, frechet, precision_recall
from rockfall_generators.draws import Draws, compared
from rockfall_generators.judge import Judge

MOST_PAIRED = 2500
"""Examples of each set for precision and recall, which compare each with each."""


def judged(judge: Judge, draws: Draws, source: Dataset) -> Measurements:
    """How near samples are to the test split in the judge's features, and which classes it sees.

    Distances stand beside those of training examples, which no generator that learned from them
    can be expected to beat; classes beside those that the judge sees in the test split.
    """
    made = [judge.features(each) for each in draws.sets]
    trained = [judge.features(each) for each in draws.trained]
    test = judge.features(draws.test.inputs)
    count = sum(map(len, made))
    mine, theirs = ([_pair(test, each) for each in group] for group in (made, trained))
    told, seen = [judge.told(each) for each in made], judge.told(test)
    names = source.info.classes
    wanted = shares(source.train.labels, len(names))
    return {
        "Fréchet distance": compared(
            [frechet(each, test) for each in made],
            [frechet(each, test) for each in trained],
            count,
        ),
        "precision": compared([p.precision for p in mine], [p.precision for p in theirs], count),
        "recall": compared([p.recall for p in mine], [p.recall for p in theirs], count),
        "classes covered": coverage(
            [judge.own(each) for each in told], judge.own(seen), wanted, names
        ),
        "class entropy": compared(
            [entropy(each) for each in told],
            [entropy(seen)],
            count,
            "test examples",
        ),
    }


def _pair(test: Tensor, made: Tensor) -> PrecisionRecall:
    most = min(len(test), MOST_PAIRED)
    evenly = torch.arange(most, device=test.device) * len(test) // most
    return precision_recall(test[evenly], made[:most])
