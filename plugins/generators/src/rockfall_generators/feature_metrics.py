"""Measurements of generated pictures by a feature classifier."""

from __future__ import annotations

import torch
from torch import Tensor

from rockfall import Dataset
from rockfall.kit.measurements import Measurements
from rockfall_generators.coverage import class_entropy, class_shares, coverage
from rockfall_generators.distances import PrecisionRecall, frechet, precision_recall
from rockfall_generators.evaluation_samples import EvaluationSamples, measurement_of_sets
from rockfall_generators.feature_classifier import FeatureClassifier

PRECISION_EXAMPLES = 2500
"""Examples of each set for precision and recall, which compare each with each."""


def feature_metrics(
    classifier: FeatureClassifier, samples: EvaluationSamples, source: Dataset
) -> Measurements:
    """How close samples are to the test split in the classifier's features, and which classes it
    predicts for them.

    Distances stand beside those of training examples, which no generator that was trained on them
    can be expected to beat; classes beside those predicted for the test split.
    """
    generated = [classifier.features(each) for each in samples.sets]
    train = [classifier.features(each) for each in samples.train_sets]
    test = classifier.features(samples.test.inputs)
    count = sum(map(len, generated))
    of_samples, of_train = ([_pair(test, each) for each in sets] for sets in (generated, train))
    predicted, predicted_test = (
        [classifier.predict(each) for each in generated],
        classifier.predict(test),
    )
    names = source.info.classes
    return {
        "Fréchet distance": measurement_of_sets(
            [frechet(each, test) for each in generated],
            [frechet(each, test) for each in train],
            count,
        ),
        "precision": measurement_of_sets(
            [each.precision for each in of_samples], [each.precision for each in of_train], count
        ),
        "recall": measurement_of_sets(
            [each.recall for each in of_samples], [each.recall for each in of_train], count
        ),
        "classes covered": coverage(
            [classifier.source_labels(each) for each in predicted],
            classifier.source_labels(predicted_test),
            class_shares(source.train.labels, len(names)),
            names,
        ),
        "class entropy": measurement_of_sets(
            [class_entropy(each) for each in predicted],
            [class_entropy(predicted_test)],
            count,
            "test examples",
        ),
    }


def _pair(test: Tensor, generated: Tensor) -> PrecisionRecall:
    most = min(len(test), PRECISION_EXAMPLES)
    evenly = torch.arange(most, device=test.device) * len(test) // most
    return precision_recall(test[evenly], generated[:most])
