"""Parts of what generators are measured by: classes, modes, moments, nearest neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torch import Tensor

from rockfall.sources.dataset import Batch
from rockfall_generators.coverage import (
    class_agreement,
    class_entropy,
    class_shares,
    coverage,
    covered_classes,
)
from rockfall_generators.evaluation_samples import draw_evaluation_samples
from rockfall_generators.modes import Modes
from rockfall_generators.moments import moments
from rockfall_generators.neighbours import affordable_queries, memorisation, nearest_neighbours
from tests.generators.stand_ins import ConditionalSampler, Sampler, dataset

# Classes ----------------------------------------------------------------------------------------


def labels(*counts: int) -> Tensor:
    """So many of class 0, of class 1, …; the last number is of those of no class."""
    *known, none = counts
    parts = [torch.full((count,), label) for label, count in enumerate(known)]
    return torch.cat([*parts, torch.full((none,), -1)])


def test_a_class_is_covered_by_a_fifth_of_its_share() -> None:
    wanted = class_shares(labels(50, 50, 0, 0), 3)
    assert wanted.tolist() == [0.5, 0.5, 0]
    assert covered_classes(labels(90, 10, 0, 0), wanted).tolist() == [True, True, False]
    assert covered_classes(labels(91, 9, 0, 0), wanted).tolist() == [True, False, False]
    assert covered_classes(labels(45, 9, 0, 46), wanted).tolist() == [True, False, False]


def test_what_is_missing_is_named() -> None:
    wanted = torch.full((3,), 1 / 3, dtype=torch.float64)
    sets = [labels(10, 0, 0, 0), labels(5, 5, 0, 0)]
    found = coverage(sets, labels(3, 3, 3, 0), wanted, ("ant", "bee", "cat"))
    assert found["value"] == 2  # bees are a quarter of all
    assert found["error"] == pytest.approx(0.5)  # of one set 1, of the other 2
    assert found["count"] == 20
    assert found["baselines"]["test examples"]["value"] == 3
    assert found["note"] == "missing: cat"
    assert "note" not in coverage([labels(1, 1, 1, 0)], labels(1, 1, 1, 0), wanted, "abc")


def test_of_many_missing_classes_some_are_named() -> None:
    wanted = torch.full((30,), 1 / 30, dtype=torch.float64)
    names = tuple(map(str, range(30)))
    found = coverage([torch.zeros(9, dtype=torch.int64)], torch.arange(30), wanted, names)
    assert found["note"].endswith("11, 12 and 17 more")


def test_entropy_in_nats() -> None:
    assert class_entropy(labels(5, 5, 0)) == pytest.approx(math.log(2))
    assert class_entropy(labels(7, 0, 0)) == 0
    assert class_entropy(labels(1, 3, 0)) == pytest.approx(
        -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    )


def test_agreement_with_the_class_that_was_asked_for() -> None:
    def classify(inputs: Tensor) -> Tensor:
        return inputs[:, 0].long()

    asked = Batch(torch.tensor([[0.0], [1], [2], [0]]), torch.tensor([0, 1, 2, 2]))
    right = ConditionalSampler(lambda labels: labels[:, None].float(), 3)
    found = class_agreement(right, asked, classify)
    assert found["value"] == 1
    assert found["baselines"]["test examples"]["value"] == 0.75
    wrong = ConditionalSampler(lambda labels: (labels[:, None].float() + 1) % 3, 3)
    assert class_agreement(wrong, asked, classify)["value"] == 0


# Modes ------------------------------------------------------------------------------------------


def test_a_point_belongs_to_the_nearest_mode_within_its_reach() -> None:
    deviations = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])  # of std √½ a coordinate
    inputs = torch.cat((deviations, 100 + 10 * deviations))
    modes = Modes.of(Batch(inputs, torch.arange(8) // 4), 2)
    assert modes.centres.tolist() == [[0, 0], [100, 100]]
    torch.testing.assert_close(modes.stds, torch.tensor([1, 10]).double() * 0.5**0.5)
    reach = 4 * 0.5**0.5
    points = torch.tensor([[reach - 0.01, 0], [reach + 0.01, 0], [100, 100 - 10 * reach + 0.1]])
    assert modes.classify(points).tolist() == [0, -1, 1]
    assert modes.classify(points, 3.9).tolist() == [-1, -1, -1]
    assert modes.classify(torch.tensor([[math.nan, 0.0]])).tolist() == [-1]


def test_a_mode_without_examples_is_never_found() -> None:
    modes = Modes.of(Batch(torch.randn(9, 2), torch.zeros(9, dtype=torch.int64)), 2)
    assert modes.classify(torch.tensor([[0.0, 0], [1e30, 0]])).tolist() == [0, -1]


def test_classes_that_lie_in_one_another_are_no_modes() -> None:
    generator = torch.Generator().manual_seed(0)
    points, labels_of = torch.randn(400, 2, generator=generator), torch.arange(400) % 2
    mixed = Batch(points, labels_of)
    apart = Batch(points + 20 * labels_of[:, None], labels_of)
    assert not Modes.of(mixed, 2).separate(mixed)
    assert Modes.of(apart, 2).separate(apart)
    assert not Modes.of(apart, 2).separate(mixed)


# Moments ----------------------------------------------------------------------------------------


@given(count=st.integers(2, 40), other=st.integers(2, 40), seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_moments_are_numpys_and_scipys(count: int, other: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sets = [torch.randn(count, 1, generator=generator) for _ in range(3)]
    trained = [torch.randn(count, 1, generator=generator) for _ in range(2)]
    test = 1 + 2 * torch.randn(other, 1, generator=generator)
    found = moments(sets, trained, test)
    made, real = torch.cat(sets).double().numpy()[:, 0], test.double().numpy()[:, 0]
    assert found["mean"]["value"] == pytest.approx(made.mean(), rel=1e-6, abs=1e-9)
    assert found["mean"]["baselines"]["test examples"]["value"] == pytest.approx(
        real.mean(), rel=1e-6
    )
    assert found["variance"]["value"] == pytest.approx(made.var(ddof=1), rel=1e-6)
    assert found["variance"]["baselines"]["test examples"]["value"] == pytest.approx(
        real.var(ddof=1), rel=1e-6
    )
    statistics = [
        [ks_2samp(each.double().numpy()[:, 0], real, method="asymp").statistic for each in group]
        for group in (sets, trained)
    ]
    found = found["Kolmogorov–Smirnov"]
    assert found["value"] == pytest.approx(np.mean(statistics[0]))
    assert found["baselines"]["training examples"]["value"] == pytest.approx(np.mean(statistics[1]))
    assert found["count"] == 3 * count


# Nearest neighbours -----------------------------------------------------------------------------


@given(
    count=st.integers(1, 9), known=st.integers(1, 30), seed=st.integers(0, 999), bytes=st.booleans()
)
@settings(max_examples=30, deadline=None)
def test_nearest_one_by_one(count: int, known: int, seed: int, bytes: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    if bytes:
        inputs, others = (
            torch.randint(256, (n, 1, 3, 2), generator=generator).byte() for n in (count, known)
        )
    else:
        inputs, others = (torch.randn(n, 6, generator=generator) for n in (count, known))
    a, b = inputs.double().flatten(1).numpy(), others.double().flatten(1).numpy()
    lengths = np.sqrt(np.square(a[:, None] - b[None]).mean(2)) / (255 if bytes else 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rockfall_generators.neighbours.CHUNK", 40)  # a few at a time
        found = nearest_neighbours(inputs, others)
    np.testing.assert_allclose(found.distances.numpy(), lengths.min(1), rtol=1e-6, atol=1e-9)
    rows = found.rows.numpy()
    np.testing.assert_allclose(lengths[np.arange(count), rows], lengths.min(1), rtol=1e-6)


def test_a_copy_is_at_distance_0() -> None:
    known = torch.randint(256, (50, 1, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    found = nearest_neighbours(known[[40, 3]], known)
    assert found.rows.tolist() == [40, 3]
    assert found.distances.tolist() == [0, 0]


@pytest.mark.parametrize(("copies", "said"), [(0, ""), (5, ""), (30, "30%"), (100, "100%")])
def test_memorisation_is_reported_from_a_tenth_on(copies: int, said: str) -> None:
    generator = torch.Generator().manual_seed(0)
    known, test, new = (torch.rand(100, 20, generator=generator) for _ in range(3))
    found = memorisation(torch.cat((known[:copies], new[copies:])), test, known)
    assert found["value"] == pytest.approx(
        (1 - copies / 100) * found["baselines"]["test examples"]["value"], rel=0.1
    )
    assert ("note" in found) == bool(said)
    assert said in found.get("note", "")


def test_data_that_repeats_itself_is_no_memorisation() -> None:
    known = torch.tensor([[0, 0], [0, 255], [255, 0], [255, 255]]).byte().repeat(5, 1)
    found = memorisation(known, known, known)
    assert found["value"] == 0 and "note" not in found
    numbers = torch.randn(3000, 1, generator=torch.Generator().manual_seed(0))
    found = memorisation(numbers[:1000], numbers[1000:2000], numbers[2000:])
    assert "note" not in found  # on a line many are nearly the same by chance


def test_of_more_and_larger_examples_fewer_are_looked_up() -> None:
    assert affordable_queries(torch.empty(100, 64)) == 1000
    assert affordable_queries(torch.empty(1).expand(60_000, 3, 32, 32)) == 271
    assert affordable_queries(torch.empty(1).expand(10**9, 10**3)) == 1


# What is drawn ----------------------------------------------------------------------------------


def test_sets_are_as_large_as_the_test_split_and_disjoint() -> None:
    data = dataset(torch.arange(100.0)[:, None], torch.zeros(30, 1))
    model = Sampler(lambda count: torch.rand(count, 1))
    samples = draw_evaluation_samples(model, data, seed=0, limit=None)
    assert [len(each) for each in samples.sets] == [30] * 3
    assert [len(each) for each in samples.train_sets] == [30] * 3
    assert len(torch.cat(samples.train_sets).unique()) == 90
    assert len(samples.test.labels) == 30 and len(samples.finite) == 90
    again = draw_evaluation_samples(model, data, seed=0, limit=None)
    other = draw_evaluation_samples(model, data, seed=1, limit=None)
    assert all(
        torch.equal(*pair) for pair in zip(samples.train_sets, again.train_sets, strict=True)
    )
    assert not torch.equal(samples.train_sets[0], other.train_sets[0])


@pytest.mark.parametrize(
    ("trained", "tested", "limit", "size", "sets"),
    [(100, 30, 7, 7, 3), (50, 30, None, 30, 1), (10, 30, None, 10, 1), (1, 1, None, 1, 1)],
)
def test_few_examples_make_smaller_or_fewer_sets(
    trained: int, tested: int, limit: int | None, size: int, sets: int
) -> None:
    data = dataset(torch.rand(trained, 1), torch.rand(tested, 1))
    samples = draw_evaluation_samples(
        Sampler(lambda count: torch.rand(count, 1)), data, seed=0, limit=limit
    )
    assert [len(each) for each in samples.sets] == [size] * 3
    assert [len(each) for each in samples.train_sets] == [size] * sets
    assert len(samples.test.labels) == min(tested, limit or tested)


def test_a_large_set_is_sampled_in_parts() -> None:
    asked: list[int] = []

    def sample(count: int) -> Tensor:
        asked.append(count)
        return torch.rand(count, 1)

    data = dataset(torch.rand(1200, 1), torch.rand(1200, 1))
    samples = draw_evaluation_samples(Sampler(sample), data, seed=0, limit=None)
    assert asked == [500, 500, 200] * 3
    assert [len(each) for each in samples.sets] == [1200] * 3


def test_samples_that_are_no_numbers_are_left_out() -> None:
    def sample(count: int) -> Tensor:
        made = torch.rand(count, 2)
        made[::2, 1] = math.nan
        made[1::4, 0] = -math.inf
        return made

    data = dataset(torch.rand(40, 2), torch.rand(40, 2))
    samples = draw_evaluation_samples(Sampler(sample), data, seed=0, limit=None)
    assert [len(each) for each in samples.sets] == [10] * 3
    assert samples.finite.sum() == 30
