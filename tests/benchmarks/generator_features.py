"""Which features see what is wrong with pictures: those of a small network that was trained, or of
one that was not.

Fréchet distances of CIFAR-10's pictures, made worse by degrees, from others, in units of the
distance of those that are as they were: 1 is what can't be told from real. The network that
`picture_metrics.py` uses is the one that tells more. CIFAR-10 is downloaded, or in ROCKFALL_DATA.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall_generators.distances import frechet
from rockfall_generators.picture_metrics import features_of
from tests.benchmarks.report import Table, script

NETWORKS = ("cifar-vgg", "random-vgg")


def worse(pictures: Tensor, labels: Tensor, count: int) -> Mapping[str, list[Tensor]]:
    """Of each kind of fault some sets of pictures (N, C, H, W), each worse than the one before."""
    generator = torch.Generator().manual_seed(0)
    real = pictures[count : 2 * count]
    values = real.float()

    def noisy(deviation: float) -> Tensor:
        noise = torch.randn(real.shape, generator=generator)
        return (values + deviation * noise).clamp(0, 255).byte()

    def blurred(pixels: int) -> Tensor:
        small = F.avg_pool2d(values, pixels)
        return F.interpolate(small, real.shape[2:], mode="bilinear").byte()

    def of_kinds(kinds: int) -> Tensor:
        rows = (labels < kinds).nonzero().flatten()
        return pictures[rows[rows >= count][:count]]

    return {
        "noise of 5, 10, 20 and 40": [noisy(each) for each in (5, 10, 20, 40)],
        "reduced by 2, 4 and 8": [blurred(each) for each in (2, 4, 8)],
        "of 7, 4, 2 and 1 classes": [of_kinds(each) for each in (7, 4, 2, 1)],
        "contrast of 0.8, 0.6 and 0.4": [
            ((values - 128) * each + 128).byte() for each in (0.8, 0.6, 0.4)
        ],
        "of 100, 30 and 10 pictures": [
            real[torch.randint(each, (count,), generator=generator)] for each in (100, 30, 10)
        ],
    }


def measure(options: argparse.Namespace) -> list[Table]:
    source = rockfall.open_source("cifar10")
    assert isinstance(source, rockfall.Dataset)
    count = options.count
    pictures, labels = source.train[: 14 * count]
    sets = worse(pictures, labels, count)
    rows = []
    found = {}
    for network in NETWORKS:
        beside = features_of(pictures[:count], network)
        floor = frechet(features_of(pictures[count : 2 * count], network), beside)
        found[network] = {
            fault: " · ".join(
                f"{frechet(features_of(each, network), beside) / floor:.1f}" for each in some
            )
            for fault, some in sets.items()
        }
    rows = [[fault, *(found[network][fault] for network in NETWORKS)] for fault in sets]
    headers = ["pictures", *(f"`{network}`" for network in NETWORKS)]
    return [Table("Features by which pictures are measured", headers, rows)]


if __name__ == "__main__":
    script(__doc__, measure, count=300)
