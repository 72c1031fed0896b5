"""The feature classifier of a dataset: a fixed one, in whose features samples are measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall import SourceInfo
from rockfall_generators.feature_classifiers.network import ARCHITECTURES, Network, pretrained

BATCH = 250


@dataclass(frozen=True)
class FeatureClassifier:
    """size: (H, W) that pictures are resized to, if they have another.

    classes: names of all that it was trained on.
    source_classes: names of those that the source has.
    """

    network: Network
    size: tuple[int, int]
    classes: tuple[str, ...]
    source_classes: tuple[str, ...]

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, F) float32, on its training pictures of mean 0, variance 1."""
        network = self.network.to(pictures.device)
        parts = pictures.split(BATCH)
        return torch.cat([network.features(self._resized(part)) for part in parts])

    @torch.no_grad()
    def probabilities(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, all classes)."""
        probabilities: Tensor = self.network.logits(self.features(pictures)).softmax(1)
        return probabilities

    @torch.no_grad()
    def predict(self, features: Tensor) -> Tensor:
        """Features (N, F) → labels (N,) int64 into `classes`."""
        return self.network.logits(features).argmax(1)

    def source_labels(self, labels: Tensor) -> Tensor:
        """Labels (N,) into `classes` → (N,) int64 into the source's, −1 for none of them."""
        table = labels.new_full((len(self.classes),), -1)
        for label, name in enumerate(self.source_classes):
            table[self.classes.index(name)] = label
        return table[labels]

    def classify(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N,) int64 into the source's classes, −1 for none of them."""
        return self.source_labels(self.predict(self.features(pictures)))

    def _resized(self, pictures: Tensor) -> Tensor:
        """Bilinear, and antialiased where they shrink."""
        if pictures.shape[2:] == self.size:
            return pictures
        return F.interpolate(pictures.float(), self.size, mode="bilinear", antialias=True)


def feature_classifier_of(info: SourceInfo) -> FeatureClassifier | None:
    """The feature classifier of a source, by its dataset's name; None if there is none for it.

    Pictures of another size are resized to the classifier's. Raises RockfallError for a damaged
    file.
    """
    architecture = ARCHITECTURES.get(info.name)
    if architecture is None or info.dtype != "uint8" or len(info.shape) != 3:
        return None
    channels, *size = architecture.shape
    if info.shape[0] != channels or not info.classes:
        return None
    if {*info.classes} - {*architecture.classes}:
        return None
    network = pretrained(info.name)
    return FeatureClassifier(network, (size[0], size[1]), architecture.classes, info.classes)
