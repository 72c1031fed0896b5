"""`classes`, `limit` and `size` of any dataset, and the options of its factory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import Field

from rockfall.errors import UsageError
from rockfall.kit import progress as counted
from rockfall.kit.memory import MOST_BYTES, check_room
from rockfall.kit.splits import equal_shares
from rockfall.kit.statistics import statistics
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.opening import open_source
from rockfall.sources.options import open_with
from rockfall.sources.selection import keep_classes, keep_examples, resize
from tests.core.test_cli_train import rockfall

NAMES = ("cat", "dog", "Eel", "10")


def made(
    counts: tuple[int, ...] = (50, 30, 20, 4), shape: tuple[int, ...] = (1, 6, 6), **changes: Any
) -> Dataset:
    """Splits with so many examples a class; no two inputs are alike."""
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for name in ("train", "validation", "test"):
        labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
        labels = labels[torch.randperm(len(labels), generator=generator)]
        inputs = torch.randint(256, (len(labels), *shape), generator=generator).byte()
        splits[name] = Split(inputs, labels)
    fields: dict[str, Any] = {"kinds": ("pictures", "labelled-pictures"), "classes": NAMES}
    return Dataset("made-up", splits, **{**fields, **changes})


def opened(source: str, **options: Any) -> Dataset:
    data = open_source(source, options)
    assert isinstance(data, Dataset)
    return data


def counts(split: Split) -> list[int]:
    return torch.bincount(split.labels).tolist()


# classes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        (("dog",), [1]),
        (("1",), [1]),  # no such name, so the number
        (("10",), [3]),  # a name before a number
        (("eel", "CAT"), [0, 2]),
        (("3", "cat", "0", "cat"), [0, 3]),
    ],
)
def test_classes_are_kept_in_their_old_order(wanted: tuple[str, ...], labels: list[int]) -> None:
    data = made()
    kept = keep_classes(data, wanted)
    assert kept.info.classes == tuple(NAMES[label] for label in labels)
    for name, split in data.splits.items():
        found = kept.splits[name]
        old = torch.tensor(labels)[found.labels]
        there = torch.isin(split.labels, torch.tensor(labels))
        assert torch.equal(old, split.labels[there])
        assert torch.equal(found.inputs, split.inputs[there])
        assert kept.info.sizes[name] == there.sum()
    assert kept.info.statistics == statistics(kept.train.inputs) != data.info.statistics
    assert kept.info.kinds == data.info.kinds


def test_a_name_in_two_cases_is_exact() -> None:
    data = made(classes=("a", "A", "b", "c"))
    assert keep_classes(data, ("A",)).info.classes == ("A",)
    assert keep_classes(made(classes=("True", "b", "c", "d")), ("true",)).info.classes == ("True",)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (("dgo",), "no class dgo; did you mean dog"),
        (("4",), "made-up has no class 4; it has cat, dog, Eel, 10"),
        (("-1",), "no class -1"),
        ((), "names none"),
    ],
)
def test_classes_that_are_not_there(wanted: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        keep_classes(made(), wanted)


def test_classes_of_what_has_none() -> None:
    data = made(classes=(), kinds=("pictures",))
    with pytest.raises(UsageError, match="no classes to choose from"):
        keep_classes(data, ("cat",))


def test_a_split_that_would_be_empty() -> None:
    data = made()
    none = data.validation[data.validation.labels != 1]
    lacking = Dataset(
        "made-up", {**data.splits, "validation": Split(*none)}, kinds=(), classes=NAMES
    )
    with pytest.raises(UsageError, match="no validation examples of dog"):
        keep_classes(lacking, ("dog",))


# limit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, [1, 1, 1, 1]),
        (6, [2, 2, 1, 1]),
        (40, [12, 12, 12, 4]),
        (100, [46, 30, 20, 4]),
        (104, [50, 30, 20, 4]),
        (999, [50, 30, 20, 4]),
    ],
)
def test_a_limit_is_even_over_the_classes(most: int, expected: list[int]) -> None:
    data = made()
    some = keep_examples(data, most)
    assert counts(some.train) == counts(some.validation) == expected
    assert torch.equal(some.test.inputs, data.test.inputs)
    # They are the examples that were there, with their labels and in their order.
    known = {row.numpy().tobytes(): n for n, row in enumerate(data.train.inputs)}
    places = [known[row.numpy().tobytes()] for row in some.train.inputs]
    assert places == sorted(set(places))
    assert torch.equal(some.train.labels, data.train.labels[places])


def test_a_larger_limit_holds_what_a_smaller_does() -> None:
    data = made()
    kept: set[bytes] = set()
    for most in (4, 9, 33, 80):
        rows = {row.numpy().tobytes() for row in keep_examples(data, most).train.inputs}
        assert kept <= rows
        kept = rows


def test_a_limit_is_drawn_by_its_seed() -> None:
    data = made()
    first, again, other = (keep_examples(data, 9, seed).train for seed in (1, 1, 2))
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, other.inputs)
    state = torch.get_rng_state()
    keep_examples(data, 9)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_limit_without_classes() -> None:
    data = made(classes=(), kinds=("pictures",))
    unlabelled = {k: Split(s.inputs, torch.full_like(s.labels, -1)) for k, s in data.splits.items()}
    some = keep_examples(Dataset("made-up", unlabelled, kinds=("pictures",)), 7)
    assert some.info.sizes == {"train": 7, "validation": 7, "test": 104}


def test_a_limit_below_the_number_of_classes() -> None:
    with pytest.raises(UsageError, match="limit=3 leaves some of its 4 classes"):
        keep_examples(made(), 3)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 200))
def test_shares_are_as_equal_as_can_be(counts: list[int], most: int) -> None:
    shares = equal_shares(counts, most)
    assert sum(shares) == min(most, sum(counts))
    assert all(share <= count for share, count in zip(shares, counts, strict=True))
    short = [s for s, count in zip(shares, counts, strict=True) if s < count]
    if short:  # who could have more has at most one less than who has most
        assert max(shares) - min(short) <= 1


# size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6, 13])
def test_pictures_are_resized_as_pillow_would(size: int) -> None:
    data = made(shape=(3, 6, 6))
    resized = resize(data, size)
    assert resized.info.shape == (3, size, size)
    for split in ("train", "test"):
        ours = resized.splits[split].inputs
        assert ours.dtype == torch.uint8
        for picture, theirs in zip(ours[:20], data.splits[split].inputs, strict=False):
            image = Image.fromarray(theirs.permute(1, 2, 0).numpy())
            expected = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
            difference = picture.permute(1, 2, 0).numpy().astype(int) - expected
            assert abs(difference).max() <= 1
    assert resized.info.statistics == statistics(resized.train.inputs)


def test_what_is_not_square_is_framed() -> None:
    picture = torch.full((1, 3, 2, 6), 200, dtype=torch.uint8)
    picture[0, :, :, 2:4] = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None]
    splits = dict.fromkeys(
        ("train", "validation", "test"), Split(picture, torch.zeros(1, dtype=torch.long))
    )
    wide = resize(Dataset("made-up", splits, kinds=("pictures",)), 6).train.inputs[0]
    assert (wide[:, [0, 1, 4, 5]] == 200).all()
    assert torch.equal(wide[:, 2:4], picture[0])
    turned = {k: Split(s.inputs.transpose(2, 3), s.labels) for k, s in splits.items()}
    tall = resize(Dataset("made-up", turned, kinds=("pictures",)), 6).train.inputs[0]
    assert torch.equal(tall, wide.transpose(1, 2))


def test_how_far_resizing_is_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(counted, "PATIENCE", 0.0)
    resize(made(), 5)
    captured = capsys.readouterr()
    assert "resizing pictures, in thousands: 1 of 3" in captured.err
    assert not captured.out


def test_sizes_that_cannot_be() -> None:
    vectors = made(shape=(5,))
    with pytest.raises(UsageError, match="no pictures to resize"):
        resize(vectors, 4)
    check_room("x", MOST_BYTES // 300, (3, 10, 10))
    with pytest.raises(UsageError, match=r"x: .* pictures of 10 × 10 take 8 GiB"):
        check_room("x", MOST_BYTES // 300 + 1, (3, 10, 10))


# As options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("7", ("7",)),
        (7, ("7",)),
        ("7,3", ("3", "7")),
        ("[3, 7]", ("3", "7")),
        ([3, "7"], ("3", "7")),
        (" 3 , 7 ", ("3", "7")),
    ],
)
def test_classes_as_typed(typed: Any, expected: tuple[str, ...]) -> None:
    assert opened("digits", classes=typed).info.classes == expected


def test_all_three_at_once() -> None:
    data = opened("digits", classes="3,7", limit="10", size="12", seed="4")
    assert data.info.shape == (1, 12, 12)
    assert data.info.sizes == {
        "train": 10,
        "validation": 10,
        "test": len(keep_classes(opened("digits", seed=4), ("3", "7")).test),
    }
    again = opened("digits", classes=["7", "3"], limit=10, size=12, seed=4)
    assert again.info == data.info
    for name, split in data.splits.items():
        assert torch.equal(split.inputs, again.splits[name].inputs)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"limit": "0"}, "digits: limit: .* greater than or equal to 1, not '0'"),
        ({"limit": "abc"}, "limit: .* integer"),
        ({"limit": "1.5"}, "limit: .* integer"),
        ({"size": "0"}, "size: .* not '0'"),
        ({"size": "100000"}, "size: .* not '100000'"),
        ({"size": "-3", "limit": "-3"}, "limit: .*; size: "),
        ({"classes": ""}, "names none"),
        ({"classes": "[]"}, "names none"),
        ({"clases": "7"}, "digits has no option clases; did you mean classes"),
        ({"zzz": "7"}, "it takes seed, classes, limit, size"),
        ({"seed": "abc"}, "digits: seed: .* integer"),
        ({"seed": "-1"}, "digits: seed: "),
    ],
)
def test_options_that_do_not_fit(options: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        open_source("digits", options)
    assert "\n" not in str(caught.value)


def its_own(size: int = 6, level: Annotated[float, Field(gt=0, description="how")] = 1) -> Dataset:
    return made(shape=(1, size, size + 1))


def untyped(level=1, **more):  # type: ignore[no-untyped-def]
    return made(kinds=(f"level {level}", f"more {sorted(more)}"))


def for_the_checker(level: OnlyForTheTypeChecker = 1) -> Dataset:  # type: ignore[name-defined]  # noqa: F821
    return made(kinds=(f"level {level}",))


def test_a_factory_is_given_what_it_takes_itself() -> None:
    data = open_with("x", its_own, {"size": 4, "limit": 5})
    assert data.info.shape == (1, 4, 5)
    assert data.info.sizes["train"] == 5
    with pytest.raises(UsageError, match=r"level: .* greater than 0"):
        open_with("x", its_own, {"level": 0})


@pytest.mark.parametrize("make", [untyped, for_the_checker])
def test_a_factory_whose_annotations_tell_nothing(make: Callable[..., Dataset]) -> None:
    assert "level odd" in open_with("x", make, {"level": "odd", "size": 3}).info.kinds


def test_a_factory_that_takes_anything() -> None:
    info = open_with("x", untyped, {"other": 1, "limit": 4}).info
    assert info.kinds == ("level 1", "more ['other']")
    assert info.sizes["train"] == 4


def test_what_a_dataset_can_be_asked() -> None:
    data = open_with("x", its_own, {})
    assert isinstance(data, Dataset)
    assert [(o.name, o.default, o.why) for o in data.options][:2] == [
        ("size", "6", ""),
        ("level", "1", "how"),
    ]
    assert [o.name for o in data.options][2:] == ["classes", "limit"]  # size is its own


def test_a_source_that_is_no_dataset() -> None:
    class Other:
        info = None

    with pytest.raises(UsageError, match="x is no dataset, so it has no option limit"):
        open_with("x", Other, {"limit": 3})  # type: ignore[arg-type]


# As typed --------------------------------------------------------------------------------------


def test_info_tells_of_options_and_of_what_is_left(tmp_path: Path) -> None:
    done = rockfall(tmp_path, "info", "digits", "source.classes=3,7", "source.limit=20")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert rows["classes"] == ["3,", "7"]
    assert rows["sizes"][:2] == ["train", "20"]
    assert {"source.seed", "source.classes", "source.limit", "source.size"} <= rows.keys()
    data = json.loads(rockfall(tmp_path, "info", "digits", "--json").stdout)
    assert [option["name"] for option in data["options"]] == ["seed", "classes", "limit", "size"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("info", "digits", "limit=3"), "a source's is source.limit=3"),
        (("info", "mlp", "source.limit=3"), "mlp is a model"),
        (("show", "digits", "limit=3"), "a source's is source.limit=3"),
        (("show", "digits", "source.limit=3"), "limit=3 leaves some"),
        (("show", "digits", "x"), "'x' is not key=value"),
    ],
)
def test_one_line_says_why_not(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    done = rockfall(tmp_path, *words)
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_show_draws_what_is_left(tmp_path: Path) -> None:
    done = rockfall(tmp_path, "show", "digits", "source.classes=3,7", "source.size=20")
    assert "each: 1 × 20 × 20 uint8" in done.stdout
    assert "2 classes: 3, 7" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("digits source.classes=3,7 source.size=20")
    with Image.open(tmp_path / "digits.png") as two_rows:
        rockfall(tmp_path, "show", "digits")
        with Image.open(tmp_path / "digits.png") as ten_rows:
            assert two_rows.height < ten_rows.height / 4


def test_a_run_is_resumed_on_the_same_examples(tmp_path: Path) -> None:
    words = ("mlp", "--preset", "tiny", "source.classes=1,4", "source.limit=30", "source.size=6")
    assert rockfall(tmp_path, "train", *words, "--name", "some").returncode == 0
    record = json.loads((tmp_path / "runs/some/run.json").read_text())
    assert record["info"]["classes"] == ["1", "4"]
    assert record["info"]["sizes"]["train"] == 30
    again = open_source(record["source"], record["source_options"]).info.to_json()
    assert json.loads(json.dumps(again)) == record["info"]
    before = json.loads((tmp_path / "runs/some/result.json").read_text())
    (tmp_path / "runs/some/result.json").unlink()
    assert rockfall(tmp_path, "resume", "some").returncode == 0
    after = json.loads((tmp_path / "runs/some/result.json").read_text())
    assert after["figures"] == before["figures"]


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    done = rockfall(tmp_path, "train", "mlp", "source.classes=7")
    assert done.returncode == 2
    assert "fewer than two classes" in done.stderr
    assert not (tmp_path / "runs").exists()


# Statistics ------------------------------------------------------------------------------------


def test_statistics_are_those_of_every_byte() -> None:
    inputs = made(counts=(900, 700), shape=(3, 4, 5), classes=("a", "b")).train.inputs
    found = statistics(inputs)
    values = inputs.permute(1, 0, 2, 3).reshape(3, -1).numpy().astype(np.float64)
    np.testing.assert_allclose(found["mean"], values.mean(1), rtol=1e-12)
    np.testing.assert_allclose(found["std"], values.std(1), rtol=1e-12)
    assert "extent" not in found


def test_the_extent_of_many_drawings_is_estimated_over_all_of_them() -> None:
    drawings = torch.zeros(5000, 1, 10, 10, dtype=torch.uint8)
    drawings[:2500, 0, 2:8, 4:6] = 255
    drawings[2500:, 0, 0:10, 3:7] = 255
    assert statistics(drawings)["extent"] == pytest.approx([0.8, 0.3], abs=0.01)
