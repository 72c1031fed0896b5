"""Whatever people's cameras, telephones and programs write comes in as it looks, or is refused."""

from __future__ import annotations

import io
import itertools
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from rockfall.errors import UsageError
from rockfall.kit import icc, picture_files, pictures
from rockfall.sources.opening import open_source
from tests.kit.colours import P3, SRGB, in_srgb, profile

LOSSLESS: dict[str, dict[str, object]] = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "BMP": {},
    "PPM": {},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}


def noise(seed: int = 0, channels: int = 3, side: int = 24) -> np.ndarray:
    shape = (side, side, channels) if channels > 1 else (side, side)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(picture_files.decode(path).image)


# By content, not by name ------------------------------------------------------------------------

WRITTEN = (*LOSSLESS, "JPEG", "GIF")
NAMES = ("a", "a.jfif", "a.jpe", "a.png", "a.txt", "a.ppm", "IMG_0001.JPG", "b.tar.gz")


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_a_file_counts_not_its_name(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(noise()).save(path, kind)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert picture_files.is_picture(path)
    assert np.array_equal(pixels(path), expected)
    assert picture_files.sides(path) == (24, 24)


@pytest.mark.parametrize(
    "content",
    [b"", b"P", b"Pyramids of Egypt", b"P5 is a format", b"GIF", b"hello\n", b"%PDF-1.7", b"RIFF"],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert not picture_files.is_picture(tmp_path / "a")
    assert not picture_files.is_picture(tmp_path / "none")
    assert not picture_files.is_picture(tmp_path)


@pytest.mark.long
def test_one_too_large_is_a_picture_that_can_not_be_read(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a", "PNG")
    assert picture_files.is_picture(tmp_path / "a")
    with pytest.raises(UsageError, match="is larger than 64 million pixels"):
        picture_files.decode(tmp_path / "a")


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def test_what_only_another_package_reads_is_a_picture_that_can_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "IMG_0001"
    path.write_bytes(HEIC)
    assert picture_files.is_picture(path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    picture_files._reads_heif.cache_clear()
    with pytest.raises(UsageError, match=r"it is HEIC: `pip install pillow-heif`, or save"):
        picture_files.decode(path)


def test_pillow_that_was_taught_heic_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(file: io.BytesIO, name: str) -> Image.Image:
        return Image.new("RGB", (5, 4), "red")

    taught = types.ModuleType("pillow_heif")
    taught.register_heif_opener = lambda: Image.register_open("HEIF", opened)  # type: ignore[attr-defined, arg-type]
    monkeypatch.setitem(sys.modules, "pillow_heif", taught)
    picture_files._reads_heif.cache_clear()
    (tmp_path / "a.HEIC").write_bytes(HEIC)
    try:
        assert picture_files.sides(tmp_path / "a.HEIC") == (4, 5)
        assert (pixels(tmp_path / "a.HEIC")[0, 0] == (255, 0, 0)).all()
    finally:
        picture_files._reads_heif.cache_clear()
        Image.OPEN.pop("HEIF")
        Image.ID.remove("HEIF")


@pytest.mark.parametrize("tags", [{50706: (1, 4, 0, 0)}, {254: 1}])
def test_the_thumbnail_of_a_raw_photograph_is_not_taken_for_it(
    tmp_path: Path, tags: dict[int, object]
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(noise()).save(path, tiffinfo=tags)
    with pytest.raises(UsageError, match="it is a raw photograph: develop it"):
        picture_files.decode(path)


# Colours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "JPEG"])
def test_colours_are_those_that_the_profile_means(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    how = LOSSLESS.get(kind, {"quality": 100, "subsampling": 0})
    Image.fromarray(noise()).save(path, kind, icc_profile=profile(P3), **how)
    with Image.open(path) as image:
        given_ = np.asarray(image.convert("RGB"))
    expected = in_srgb(given_, P3)
    assert np.abs(given_ - expected).max() > 30  # what was off before
    assert np.abs(pixels(path) - expected).max() < 1


@settings(max_examples=20, deadline=None)
@given(
    shares=st.lists(st.floats(0.0, 1.0), min_size=9, max_size=9),
    seed=st.integers(0, 1000),
)
def test_of_any_primaries(shares: list[float], seed: int) -> None:
    """Somewhere between those of sRGB and of Display P3, each channel on its own."""
    mixed = SRGB + np.array(shares).reshape(3, 3) * (P3 - SRGB)
    image = Image.fromarray(noise(seed))
    image.info["icc_profile"] = profile(mixed)
    expected = in_srgb(np.asarray(image), mixed)
    slack = icc.SLACK + 1 if np.abs(expected - np.asarray(image)).max() < 12 else 1.5
    assert np.abs(np.asarray(icc.to_srgb(image)) - expected).max() <= slack


@pytest.mark.parametrize("entry", range(9))
def test_primaries_a_little_off_move_dark_channels_beside_bright_ones(entry: int) -> None:
    levels = np.array([0, 4, 8, 12, 16, 24, 32, 64, 128, 192, 224, 255], np.uint8)
    colours = np.array(list(itertools.product(levels, repeat=3)), np.uint8)[None]
    for share in (0.01, 0.03, 0.0625, 0.12):
        mixed = SRGB.copy()
        mixed.flat[entry] += share * (P3 - SRGB).flat[entry]
        image = Image.fromarray(colours)
        image.info["icc_profile"] = profile(mixed)
        apart = np.abs(np.asarray(icc.to_srgb(image)) - in_srgb(colours, mixed)).max()
        assert apart <= icc.SLACK + 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1"])
def test_pixels_in_srgb_stay_as_they_are(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(noise(channels=4)).convert(mode)
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "tagged.png", icc_profile=icc.srgb())
    plain, tagged = (picture_files.decode(tmp_path / f"{n}.png").image for n in ("plain", "tagged"))
    assert plain.mode == tagged.mode
    assert plain.tobytes() == tagged.tobytes()


def test_transparency_is_no_colour(tmp_path: Path) -> None:
    image = Image.fromarray(noise(channels=4))
    image.save(tmp_path / "a.png", icc_profile=profile(P3))
    seen = pixels(tmp_path / "a.png")
    assert np.array_equal(seen[..., 3], np.asarray(image)[..., 3])
    assert np.abs(seen[..., :3] - in_srgb(np.asarray(image)[..., :3], P3)).max() < 1


@pytest.mark.parametrize(
    "bad", [b"no profile", icc.srgb()[:100], icc.srgb()[:-200], bytes(200), icc.srgb()[::-1]]
)
def test_a_profile_that_is_damaged_is_passed_over(tmp_path: Path, bad: bytes) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png", icc_profile=bad)
    assert np.array_equal(pixels(tmp_path / "a.png"), noise())


def test_a_profile_of_other_colours_than_the_picture_has_is_passed_over(tmp_path: Path) -> None:
    Image.fromarray(noise(channels=1)).save(tmp_path / "a.png", icc_profile=profile(P3))
    assert np.array_equal(pixels(tmp_path / "a.png")[..., 0], noise(channels=1))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.fromarray(noise()).save(tmp_path / "b.png", icc_profile=lab)
    assert np.array_equal(pixels(tmp_path / "b.png"), noise())


@pytest.mark.parametrize("end", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_what_is_written_says_that_it_is_srgb(tmp_path: Path, end: str, channels: int) -> None:
    picture = torch.randint(256, (channels, 8, 8), dtype=torch.uint8)
    paths = [pictures.save(tmp_path / f"{number}{end}", picture) for number in (1, 2)]
    with Image.open(paths[0]) as image:
        assert image.info["icc_profile"] == icc.srgb()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    stream = io.BytesIO()
    pictures.write(stream, picture)
    assert Image.open(stream).info["icc_profile"] == icc.srgb()


# Numbers of more than 8 bits --------------------------------------------------------------------

GREYS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def in_16_bits(greys: np.ndarray) -> Image.Image:
    return Image.fromarray(greys.astype(np.uint16) * 257)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits(tmp_path: Path, kind: str) -> None:
    in_16_bits(GREYS).save(tmp_path / "a", kind)
    assert np.array_equal(pixels(tmp_path / "a"), np.stack([GREYS] * 3, -1))


@pytest.mark.parametrize(
    ("dtype", "white"),
    [
        (np.int32, 255),
        (np.int32, 65_535),
        (np.float32, 1),
        (np.float32, 255),
        (np.float32, 65_535),
        (np.uint32, 2**32 - 1),
    ],
)
def test_thirty_two_bits(tmp_path: Path, dtype: type, white: int) -> None:
    values = (GREYS.astype(np.float64) / 255 * white).astype(dtype)
    write_tiff(tmp_path / "a.tif", values)
    image, notes = picture_files.decode(tmp_path / "a.tif")
    assert np.abs(np.asarray(image)[..., 0].astype(int) - GREYS).max() <= 1
    assert notes == (f"white at {white:,}",)


def write_tiff(path: Path, values: np.ndarray) -> None:
    if values.dtype == np.uint32:  # which Pillow has no mode for
        Image.fromarray(values.view(np.int32)).save(path, "TIFF")
        content = bytearray(path.read_bytes())
        entry = content.index((339).to_bytes(2, "little"))
        content[entry + 8] = 1
        path.write_bytes(content)
    else:
        Image.fromarray(values).save(path, "TIFF")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.linspace(0, 1.7, 64), "fractions of no known range"),
        (np.linspace(-1, 1, 64), "below 0"),
        (np.full(64, np.nan), "no numbers"),
        (np.full(64, np.inf), "no numbers"),
        (np.full(64, 1e30), "no known range"),
        (np.arange(-5, 59), "below 0"),
    ],
)
def test_numbers_of_no_known_range_are_no_levels(
    tmp_path: Path, values: np.ndarray, reason: str
) -> None:
    kind = np.float32 if values.dtype.kind == "f" else np.int32
    Image.fromarray(values.astype(kind).reshape(8, 8)).save(tmp_path / "a.tif")
    with pytest.raises(UsageError, match=reason):
        picture_files.decode(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    flat = GREYS[:8]
    Image.fromarray(flat).save(tmp_path / "8.png", exif=exif)
    in_16_bits(flat).save(tmp_path / "16.png", exif=exif)
    assert np.array_equal(pixels(tmp_path / "8.png"), pixels(tmp_path / "16.png"))


# Several frames ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("GIF", "frames"),
        ("WEBP", "frames"),
        ("PNG", "frames"),
        ("AVIF", "frames"),
        ("TIFF", "pages"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_of_several_frames_the_first_is_taken_and_that_is_said(
    tmp_path: Path, kind: str, said: str, count: int
) -> None:
    colours = list(itertools.islice(itertools.cycle(["red", "blue", "lime"]), count))
    frames = [Image.new("RGB", (16, 16), colour) for colour in colours]
    frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:])
    image, notes = picture_files.decode(tmp_path / "a")
    assert np.abs(np.asarray(image).mean((0, 1)) - (255, 0, 0)).max() < 6
    assert notes == ((f"the first of {count} {said}",) if count > 1 else ())


def test_a_later_frame_that_is_damaged_does_not_matter(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    whole = (tmp_path / "a.gif").read_bytes()
    expected = pixels(tmp_path / "a.gif")
    (tmp_path / "a.gif").write_bytes(whole[: len(whole) * 3 // 4])
    assert np.array_equal(pixels(tmp_path / "a.gif"), expected)


def test_what_a_camera_adds_to_a_photograph_is_no_film(tmp_path: Path) -> None:
    views = [Image.fromarray(noise(seed)) for seed in range(2)]
    views[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=views[1:])
    assert picture_files.decode(tmp_path / "a.jpg").notes == ()


# Digests ----------------------------------------------------------------------------------------


def test_a_picture_is_known_again_whatever_its_file_is(tmp_path: Path) -> None:
    """And no other is taken for it, of whatever shape."""
    saves: dict[str, Callable[[Path], None]] = {
        kind: lambda path, kind=kind: Image.fromarray(noise()).save(path, kind, **LOSSLESS[kind])
        for kind in ("PNG", "WEBP", "TIFF", "BMP", "PPM")
    }
    comment = Image.Exif()
    comment[0x010E] = "a caption"
    saves["described"] = lambda path: Image.fromarray(noise()).save(path, "PNG", exif=comment)
    seen = set()
    for name, save in saves.items():
        save(tmp_path / name)
        seen.add(picture_files.digest(picture_files.decode(tmp_path / name).image))
    assert len(seen) == 1
    others = [noise(1), noise().reshape(12, 48, 3), noise()[:, ::-1].copy()]
    digests = {picture_files.digest(Image.fromarray(other)) for other in others}
    assert len(digests | seen) == 4
    assert all(0 <= each < 2**48 for each in digests)


@pytest.mark.long
def test_of_a_film_as_a_source_the_first_frame_is_said_to_be_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    source: Any = open_source(tmp_path / "a.gif")
    assert source.warnings == (f"of {tmp_path / 'a.gif'}: the first of 2 frames",)
    frames[0].save(tmp_path / "b.gif")
    assert not getattr(open_source(tmp_path / "b.gif"), "warnings", ())
