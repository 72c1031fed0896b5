"""One preparation: whatever shows a picture to a model shows it what would have been learned."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pydantic import ValidationError

from rockfall.errors import RockfallError
from rockfall.kit import pictures
from rockfall.kit.preparation import Preparation, prepare, prepare_file
from rockfall.run.schema import InfoSchema
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.info import SourceInfo
from rockfall.sources.opening import open_source
from rockfall.sources.selection import resize

MODES = ("L", "RGB", "RGBA", "P", "1", "LA", "I;16", "CMYK")
KINDS = {"PNG": ("L", "RGB", "RGBA", "P", "1", "LA", "I;16"), "JPEG": ("L", "RGB", "CMYK")} | {
    "TIFF": MODES,
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("P", "L", "RGB"),
    "BMP": ("L", "RGB", "P", "1"),
}


@st.composite
def files(draw: st.DrawFn) -> tuple[Image.Image, str, dict[str, Any]]:
    """A picture of any kind: noise, a scene, or a drawing on any paper, at any place and size; the
    format to save it in, and how.
    """
    kind = draw(st.sampled_from(sorted(KINDS)))
    mode = draw(st.sampled_from(KINDS[kind]))
    width, height = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    what = draw(st.sampled_from(["noise", "scene", "drawing", "blank", "grey"]))
    ground = tuple(int(level) for level in rng.integers(0, 256, 3))
    image = Image.new("RGB", (width, height), ground)
    if what == "noise":
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    elif what == "scene":
        ramp = np.linspace(0, 255, width)[None, :, None] * rng.random(3)
        image = Image.fromarray(np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8))
    elif what != "blank":
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(3)]
        inks = [255 - level for level in ground] if what == "drawing" else [255 - ground[0]] * 3
        if what == "grey":
            image = Image.new("RGB", (width, height), (ground[0],) * 3)
        ImageDraw.Draw(image).line(ends, tuple(inks), width=int(rng.integers(1, 5)))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        if mode in ("RGBA", "LA"):
            image.putalpha(Image.fromarray(rng.integers(0, 256, (height, width), np.uint8)))
        image = image.convert(mode)
    how: dict[str, Any] = {}
    if kind in ("PNG", "JPEG", "WEBP", "TIFF") and draw(st.booleans()):
        how["exif"] = Image.Exif()
        how["exif"][0x0112] = draw(st.integers(1, 8))
    return image, kind, how


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([1, 8, 28, 40]),
        "colour": st.sampled_from([True, False]),
        "fit": st.sampled_from(["pad", "ink"]),
    },
)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(made=st.lists(files(), min_size=6, max_size=9), options=OPTIONS)
def test_of_every_file_of_a_folder_preparation_gives_the_training_tensor(
    made: list[tuple[Image.Image, str, dict[str, Any]]], options: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number, (image, kind, how) in enumerate(made):
            path = root / "ab"[number % 2] / f"{number}"
            path.parent.mkdir(exist_ok=True)
            image.save(path, kind, **how)
        source = open_source(root, options)
        assert isinstance(source, Dataset)
        info = SourceInfo.from_json(json.loads(json.dumps(source.info.to_json())))
        seen = 0
        for split in source.splits.values():
            for file, learned in zip(split.files, split.inputs, strict=True):
                assert torch.equal(prepare_file(root / file, info).pixels, learned), file
                seen += 1
        assert seen == len(made)


@pytest.mark.parametrize("name", ["digits", "photos"])
@pytest.mark.parametrize("size", [None, 5, 8, 28, 33])
def test_a_source_leaves_its_own_pictures_as_they_are(
    tmp_path: Path, name: str, size: int | None
) -> None:
    """And brings them to another size as it brought those that were learned from."""
    own: Any = open_source(name)
    asked: Any = open_source(name, {} if size is None else {"size": size})
    assert own.test.inputs.shape[-1] in (8, 64)
    for number in range(40 if name == "digits" else 4):
        path = pictures.save(tmp_path / "own.png", own.test.inputs[number])
        if name == "photos" and size is not None:  # which are cut to size
            continue
        assert torch.equal(prepare_file(path, asked.info).pixels, asked.test.inputs[number])


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.integers(1, 50),
    seed=st.integers(0, 2**31),
)
def test_pictures_are_resized_one_by_one_as_all_at_once(
    count: int, channels: int, sides: tuple[int, int], size: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(256, (count, channels, *sides), generator=generator, dtype=torch.uint8)
    split = Split(inputs, torch.full((count,), -1))
    data = Dataset(
        "made", dict.fromkeys(("train", "validation", "test"), split), kinds=("pictures",)
    )
    learned = resize(data, size)
    assert learned.info.preparation is not None
    how = Preparation.from_json(learned.info.preparation)
    for picture, expected in zip(inputs, learned.train.inputs, strict=True):
        assert torch.equal(prepare(pictures.to_image(picture), how).pixels, expected)


@pytest.mark.parametrize("fit", ["ink", "pad"])
def test_whatever_a_source_holds_it_leaves_as_it_is(fit: Any) -> None:
    """Also what fills a picture, has no contrast, or is of many greys: a bag of Fashion-MNIST."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (200, 1, 28, 28), generator=generator, dtype=torch.uint8)
    inputs[20:] = inputs[20:] // 8
    for number, picture in enumerate(inputs[40:]):
        picture[:, 1 + number % 20 :, number % 7 :] = 255 - number
    how = Preparation.of_examples(fit, (1, 28, 28), {"mean": [70.0], "extent": [0.9, 0.6]})
    for picture in inputs:
        assert torch.equal(prepare(pictures.to_image(picture), how).pixels, picture)


def test_of_its_own_size_a_negative_is_inverted_and_no_more() -> None:
    how = Preparation.of_examples("ink", (1, 48, 48), {"mean": [30.0], "extent": [0.7, 0.7]})
    picture = torch.from_numpy(np.array(disc(6, ground=0)))[None]
    done = prepare(pictures.to_image(255 - picture), how)
    assert torch.equal(done.pixels, picture)
    assert done.changes() == ["inverted"]


def described(**changes: Any) -> SourceInfo:
    known: dict[str, Any] = {
        "name": "made up",
        "kinds": ("pictures",),
        "shape": (1, 28, 28),
        "dtype": "uint8",
        "statistics": {"mean": [33.0], "extent": [0.7, 0.5]},
    }
    return SourceInfo(**{**known, **changes})


def disc(radius: int, x: int = 24, ground: int = 255) -> Image.Image:
    image = Image.new("L", (48, 48), ground)
    ImageDraw.Draw(image).ellipse((x - radius, 24 - radius, x + radius, 24 + radius), 255 - ground)
    return image


def test_size_place_and_tone_are_kept_by_what_does_not_say_ink() -> None:
    how = Preparation(size=(24, 24), channels=1)
    small, large, right, negative = (
        prepare(image, how) for image in (disc(4), disc(16), disc(4, x=36), disc(4, ground=0))
    )
    dark = [(each.pixels < 128).sum() for each in (small, large, right)]
    assert dark[0] < dark[1] / 8
    assert (small.pixels[0, :, 18:] > 128).all() and (right.pixels[0, :, :12] > 128).all()
    assert negative.pixels.float().mean() < 20
    assert all(each.changes() == ["resized to 24 × 24"] for each in (small, large, right, negative))


def test_ink_is_all_that_counts_for_what_says_ink() -> None:
    how = Preparation(size=(28, 28), channels=1, fit="ink", share=(5 / 7, 5 / 7))
    drawn = [disc(4), disc(16), disc(7, x=36), disc(7, ground=0)]
    done = [prepare(image, how) for image in drawn]
    for each in done:
        rows, columns = np.nonzero(each.pixels[0].numpy() > 128)
        assert {np.ptp(rows), np.ptp(columns)} <= {18, 19}
        assert each.pixels[0, 0].max() == 0
    assert [each.inverted for each in done] == [True, True, True, False]
    assert all(each.cropped for each in done)
    dark = Preparation(size=(28, 28), channels=3, fit="ink", ink="dark", share=(5 / 7, 5 / 7))
    other = prepare(disc(4), dark)
    assert torch.equal(other.pixels, 255 - done[0].pixels.expand(3, -1, -1))
    assert not other.inverted


def test_what_was_kept_of_no_preparation_is_guessed_as_before(tmp_path: Path) -> None:
    """As version 0.1 did: a drawing is cropped and inverted if what was learned from looks so."""
    disc(8, x=34).save(tmp_path / "a.png")
    done = prepare_file(tmp_path / "a.png", described())
    assert (done.inverted, done.cropped) == (True, True)
    photographs = described(shape=(3, 28, 28), statistics={"mean": [120.0] * 3})
    done = prepare_file(tmp_path / "a.png", photographs)
    assert (done.inverted, done.cropped) == (False, False)


@pytest.mark.parametrize("fit", ["pad", "ink", "guess"])
@pytest.mark.parametrize("resized", [None, 40])
def test_it_is_plain_data(fit: Any, resized: int | None) -> None:
    how = Preparation.of_examples(fit, (1, 28, 20), {"mean": [200.0], "extent": [0.5, 0.7]})
    how = Preparation(**{**how.__dict__, "resized": resized})
    again = Preparation.from_json(json.loads(json.dumps(how.to_json())))
    assert again.to_json() == how.to_json()
    image = disc(9, x=30)
    assert torch.equal(prepare(image, again).pixels, prepare(image, how).pixels)


def test_what_only_a_later_version_knows_is_refused(tmp_path: Path) -> None:
    disc(8).save(tmp_path / "a.png")
    later = described(preparation={"fit": "centre", "size": [28, 28], "channels": 1})
    with pytest.raises(RockfallError, match="a later version prepared these pictures, by fit=cen"):
        prepare_file(tmp_path / "a.png", later)
    other = described(preparation={"fit": "pad", "size": [9, 9], "channels": 1})
    with pytest.raises(RockfallError, match=r"run\.json is damaged"):
        prepare_file(tmp_path / "a.png", other)


LIES = st.one_of(
    st.none(),
    st.sampled_from([0, 1, -1, 3, 28, 65_536, 1e300, 0.5, True, "ink", "pad", "guess", "x", []]),
    st.lists(st.sampled_from([0, 1, 28, 0.5, 1e-300, "x"]), min_size=1, max_size=3),
)
NAMES = ("size", "channels", "fit", "ink", "share", "leave", "mean", "resized", "later")


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(
    said=st.dictionaries(st.sampled_from(NAMES), LIES, max_size=3),
    fit=st.sampled_from(["ink", "pad", "guess"]),
    lacks=st.sets(st.sampled_from(NAMES), max_size=1),
)
def test_whatever_a_run_says_of_it_is_done_or_refused(
    said: dict[str, Any], fit: Any, lacks: set[str]
) -> None:
    """As `run.json` is read: by the schema first."""
    how = Preparation.of_examples(fit, (1, 28, 28), {"mean": [33.0], "extent": [0.7, 0.5]})
    data = {name: value for name, value in {**how.to_json(), **said}.items() if name not in lacks}
    info = json.loads(json.dumps({**described().to_json(), "preparation": data}))
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(RockfallError, ValidationError):
        disc(8).save(Path(name) / "a.png")
        InfoSchema.model_validate(info)
        found = prepare_file(Path(name) / "a.png", SourceInfo.from_json(info))
        assert found.pixels.shape == (1, 28, 28)
