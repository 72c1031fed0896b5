"""The judge of a dataset: a fixed classifier that looks at what generators make of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rockfall import SourceInfo
from rockfall_generators.judges.network import DESIGNS, Network, shipped

BATCH = 250


@dataclass(frozen=True)
class Judge:
    """size: (H, W) that pictures are brought to, if they have another.

    classes: names of all that it tells apart.
    own_classes: names of those that the source has.
    """

    network: Network
    size: tuple[int, int]
    classes: tuple[str, ...]
    own_classes: tuple[str, ...]

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, F) float32, on the training pictures of mean 0, variance 1."""
        network = self.network.to(pictures.device)
        parts = pictures.split(BATCH)
        return torch.cat([network.features(self._sized(part)) for part in parts])

    @torch.no_grad()
    def probabilities(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N, all classes)."""
        given: Tensor = self.network.classified(self.features(pictures)).softmax(1)
        return given

    @torch.no_grad()
    def told(self, features: Tensor) -> Tensor:
        """What `features` gave → (N,) int64 into `classes`."""
        return self.network.classified(features).argmax(1)

    def own(self, said: Tensor) -> Tensor:
        """What `told` gave → (N,) int64 into the source's classes, −1 for none of these."""
        places = said.new_full((len(self.classes),), -1)
        for label, name in enumerate(self.own_classes):
            places[self.classes.index(name)] = label
        return places[said]

    def classify(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) uint8 → (N,) int64 into the source's classes, −1 for none of these."""
        return self.own(self.told(self.features(pictures)))

    def _sized(self, pictures: Tensor) -> Tensor:
        """Bilinear, and antialiased where they shrink."""
        if pictures.shape[2:] == self.size:
            return pictures
        return F.interpolate(pictures.float(), self.size, mode="bilinear", antialias=True)


def judge_of(info: SourceInfo) -> Judge | None:
    """The judge of a source by its dataset's name; None if there is none for it.

    Pictures of another size are brought to the judge's. Raises RockfallError for a damaged one.
    """
    design = DESIGNS.get(info.name)
    if design is None or info.dtype != "uint8" or len(info.shape) != 3:
        return None
    channels, *size = design.shape
    if info.shape[0] != channels or not info.classes or {*info.classes} - {*design.classes}:
        return None
    return Judge(shipped(info.name), (size[0], size[1]), design.classes, info.classes)
