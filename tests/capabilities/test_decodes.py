"""What is asked of a model that decodes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rockfall.sources.dataset import Dataset, Split
from rockfall_capabilities.decodes.check import check
from tests.capabilities.samplers import SHAPE, dataset


class Decoder:
    """Its latents are the numbers of the picture."""

    def sample_latents(self, count: int) -> Tensor:
        return torch.rand(count, 16) * 255

    def decode(self, latents: Tensor) -> Tensor:
        return latents.round().clamp(0, 255).to(torch.uint8).unflatten(1, SHAPE)


class DrawsNothing(Decoder):
    def sample_latents(self, count: int) -> Tensor:
        return torch.ones(count, 16)


class GivesLists(Decoder):
    def sample_latents(self, count: int) -> Tensor:
        return super().sample_latents(count)[0]


class GivesBytes(Decoder):
    def sample_latents(self, count: int) -> Tensor:
        return super().sample_latents(count).byte()


class GivesNone(Decoder):
    def sample_latents(self, count: int) -> Tensor:
        return super().sample_latents(count) * float("nan")


class Wavers(Decoder):
    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents + torch.rand_like(latents) * 20)


class Ignores(Decoder):
    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents * 0)


class GivesFractions(Decoder):
    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents).float()


class Blends(Decoder):
    spherical = False

    def latents(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return inputs.flatten(1).float()[:, :7]


class Conditional(Decoder):
    """Its first three latents should have been its last."""

    def sample_of(self, labels: Tensor) -> Tensor:
        return torch.zeros(len(labels), *SHAPE, dtype=torch.uint8)


def labelled() -> Dataset:
    split = Split(torch.zeros(9, *SHAPE, dtype=torch.uint8), torch.arange(9) % 3)
    splits = {"train": split, "validation": split, "test": split}
    return Dataset("made-up", splits, kinds=("labelled-pictures",), classes=("a", "b", "c"))


def test_a_model_that_decodes() -> None:
    check(Decoder(), dataset())


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (DrawsNothing, "another seed must give other latents"),
        (GivesLists, r"sample_latents gave \(16,\)"),
        (GivesBytes, "sample_latents gave torch.uint8"),
        (GivesNone, "sample_latents must be finite"),
        (Wavers, "decode must be deterministic"),
        (Ignores, "other latents must give other examples"),
        (GivesFractions, "decode gave torch.float32, not torch.uint8"),
        (Blends, "it blends 7 latents and samples 16"),
    ],
)
def test_what_latents_must_be(kind: type[Decoder], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check(kind(), dataset())


def test_the_class_is_in_the_last_latents() -> None:
    with pytest.raises(AssertionError, match="the last 3 latents must be the class, one-hot"):
        check(Conditional(), labelled())
