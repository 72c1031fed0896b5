"""Examples to values and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.sources.dataset import Dataset
from rockfall_generators.scaling import Scaling, with_full_batches
from rockfall_generators.vae import VaeConfig
from tests.generators.small_gans import pictures, vectors
from tests.generators.stand_ins import dataset


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_every_byte_has_its_value_and_comes_back(low: float) -> None:
    scaling = Scaling(pictures(shape=(1, 16, 16)).info, low)
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    values = scaling(every)
    assert torch.allclose(values.flatten(), torch.linspace(low, 1, 256), atol=1e-6)
    assert torch.equal(scaling.inverse(values), every)


def test_bytes_are_rounded_to_the_nearest_and_clamped() -> None:
    scaling = Scaling(pictures().info, 0.0)
    values = torch.tensor([-3.0, 100.4, 100.6, 300.0]) / 255
    assert scaling.inverse(values).tolist() == [0, 100, 101, 255]


def test_vectors_get_mean_0_and_deviation_1_a_number() -> None:
    data = vectors()
    values = Scaling(data.info)(data.train.inputs)
    assert torch.allclose(values.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(values.std(0, correction=0), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_vectors_come_back_in_their_own_type(dtype: torch.dtype) -> None:
    inputs = vectors().train.inputs.to(dtype)
    scaling = Scaling(dataset(inputs, inputs).info)
    assert scaling(inputs).dtype == torch.float32
    back = scaling.inverse(scaling(inputs))
    assert back.dtype == dtype
    assert torch.allclose(back, inputs, rtol=2e-3 if dtype == torch.float16 else 1e-6)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.3, 1e-38, 1e30])
def test_a_number_that_never_changes_stays_it(constant: float) -> None:
    inputs = torch.randn(77, 2)
    inputs[:, 1] = constant
    scaling = Scaling(dataset(inputs, inputs).info)
    values = scaling(inputs)
    assert torch.isfinite(values).all()
    assert (values[:, 1] == 0).all()
    assert torch.allclose(scaling.inverse(values)[:, 1], inputs[:, 1])


def info_of(inputs: torch.Tensor) -> rockfall.SourceInfo:
    split = dataset(inputs, inputs)
    assert isinstance(split, Dataset)
    return split.info


@pytest.mark.parametrize(
    "inputs",
    [
        torch.zeros(5, 4, dtype=torch.uint8),
        torch.zeros(5, 1, 4, 4),
        torch.zeros(5, 4, dtype=torch.int64),
    ],
)
def test_what_is_neither_picture_nor_vector_is_refused(inputs: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="what can be generated are pictures"):
        Scaling(info_of(inputs))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    inputs = torch.randn(9, 2)
    inputs[4, 1] = wrong
    with pytest.raises(ValueError, match="made-up holds values that are not finite"):
        Scaling(info_of(inputs))


def test_a_batch_is_at_most_the_data() -> None:
    info = vectors(40).info
    asked = VaeConfig(batch_size=40)  # type: ignore[call-arg]
    assert with_full_batches(asked, info) is asked
    larger = VaeConfig(batch_size=41)  # type: ignore[call-arg]
    assert with_full_batches(larger, info).batch_size == 40
    # As of a run whose data nobody has counted:
    assert with_full_batches(larger, replace(info, sizes={})) is larger
    with pytest.raises(ValueError, match="has 1 training example, and a mini-batch needs 2"):
        with_full_batches(larger, replace(info, sizes={"train": 1}), least=2)


@pytest.mark.parametrize(
    "model", ["vae", "autoencoder", "gan", "flow", "realnvp", "pixelcnn", "vq-vae", "stacked-gan"]
)
def test_a_batch_that_shrank_is_told_once(model: str, tmp_path: Path) -> None:
    said: list[rockfall.Event] = []
    run: Any = rockfall.train(
        model,
        "digits",
        preset="tiny",
        source_options={"limit": 30},
        config={"batch_size": 31},
        out=tmp_path,
        listeners=[said.append],
    )
    warned = [each.data["message"] for each in said if each.kind == "warning"]
    count = len(run.record.open_source().train)
    wanted = f"batch_size=31 is more than the {count} training examples of digits, so a mini-batch"
    assert sum(wanted in each for each in warned) == 1
    assert run.model.config.batch_size == count
