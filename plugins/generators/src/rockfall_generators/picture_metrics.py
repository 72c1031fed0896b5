"""Measurements of generated pictures of anything, which no classifier was trained on.

In the features of `cifar-vgg`, a small network that comes with Rockfall: Fréchet distance,
precision and recall. Features of an untrained network hardly see noise and blur
(`tests/benchmarks/generator_features.py`). Of the pixels: the sliced Wasserstein distance of
patches at several scales, and the distance of colour histograms. Each stands beside the same of
training pictures, which is the floor.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall import Dataset
from rockfall.kit.features import FEATURE_NETWORKS, FeatureNetwork, feature_network
from rockfall.kit.measurements import Measurements
from rockfall_generators.distances import frechet, precision_recall
from rockfall_generators.evaluation_samples import EvaluationSamples, measurement_of_sets
from rockfall_generators.sliced import colour_distance, patch_distances

NETWORK = "cifar-vgg"
MOST = 1000
"""Pictures of each set, at most: the network takes a millisecond for each."""
BATCH = 100


def picture_metrics(samples: EvaluationSamples, source: Dataset) -> Measurements:
    """How close samples are to the test split, in features and in pixels."""
    test = samples.test.inputs[:MOST]
    generated, train = (
        [each[:MOST] for each in sets] for sets in (samples.sets, samples.train_sets)
    )
    both = (generated, train)
    features = [[features_of(each) for each in sets] for sets in both]
    of_test = features_of(test)
    pairs = [[precision_recall(of_test, each) for each in sets] for sets in features]
    levels = [[patch_distances(each, test) for each in sets] for sets in both]

    def figure(generated_and_train: Iterable[list[float]]) -> dict[str, Any]:
        values, floor = generated_and_train
        return measurement_of_sets(values, floor, sum(map(len, generated)))

    figures = {
        "Fréchet distance": figure([frechet(each, of_test) for each in sets] for sets in features),
        "precision": figure([pair.precision for pair in sets] for sets in pairs),
        "recall": figure([pair.recall for pair in sets] for sets in pairs),
        "patch distance": figure(
            [sum(each.values()) / len(each) for each in sets] for sets in levels
        ),
        "colour distance": figure([colour_distance(each, test) for each in sets] for sets in both),
    }
    figures["Fréchet distance"]["note"] = f"in features of {NETWORK}, as precision and recall are"
    of_sides = ", ".join(
        f"{mean_of(levels[0], side):.2f} at {side} pixels ({mean_of(levels[1], side):.2f})"
        for side in levels[0][0]
    )
    figures["patch distance"]["note"] = f"in grey levels; {of_sides}"
    return figures


def mean_of(levels: list[dict[int, float]], side: int) -> float:
    """Of all sets, at one level; 0 if there are none."""
    return sum(each[side] for each in levels) / max(1, len(levels))


@torch.no_grad()
def features_of(pictures: Tensor, name: str = NETWORK) -> Tensor:
    """(N, C, H, W) uint8 → (N, F), the mean of each map of the last layer; of other
    than three channels their mean."""
    network, side = loaded(name).to(pictures.device), FEATURE_NETWORKS[name].architecture.side
    parts = []
    for part in pictures.split(BATCH):
        values = part.float() / 255
        if part.shape[1] != 3:
            values = values.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        values = F.interpolate(values, (side, side), mode="bilinear", antialias=True)
        (activations,) = network(values).values()
        parts.append(activations.mean((2, 3)))
    return torch.cat(parts)


@functools.cache
def loaded(name: str) -> FeatureNetwork:
    return feature_network(name)
