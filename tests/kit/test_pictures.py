"""Pictures of every kind come in right, or not at all."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rockfall.errors import RockfallError, UsageError
from rockfall.kit import pictures
from rockfall.kit.resizing import within


def saved(tmp_path: Path, image: Image.Image, name: str = "a.png", **options: object) -> Path:
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "I;16"])
def test_modes(tmp_path: Path, mode: str) -> None:
    grey = np.array([[0, 255, 128], [255, 0, 64]], np.uint8)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "P":
        image = Image.fromarray(grey).convert("P")
    elif mode == "1":
        grey = np.where(grey > 100, 255, 0).astype(np.uint8)
        image = Image.fromarray(grey).convert("1")
    else:
        image = Image.fromarray(np.stack([grey] * 3, -1)).convert(mode)
    name = "a.tif" if mode == "CMYK" else "a.png"
    loaded = pictures.load(saved(tmp_path, image, name))
    assert loaded.shape == (3, 2, 3)
    assert loaded.dtype == torch.uint8
    for channel in loaded.numpy():
        np.testing.assert_allclose(channel.astype(int), grey, atol=1)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    loaded = pictures.load(saved(tmp_path, image))
    assert loaded[:, 0].T.tolist() == [[255, 255, 255], [10, 20, 30]]


def test_exif_orientation(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 4), "white")
    exif = Image.Exif()
    exif[0x0112] = 6
    assert pictures.load(saved(tmp_path, image, "a.jpg", exif=exif)).shape == (3, 8, 4)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_not_a_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.png can't be read as a picture"):
        pictures.load(tmp_path / "a.png")


def test_a_cut_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (50, 50, 3), np.uint8)
    path = saved(tmp_path, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UsageError, match="can't be read"):
        pictures.load(path)


def test_what_would_run_a_program_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    for look in (pictures.load, pictures.sides):
        with pytest.raises(UsageError, match=r"its content is none of PNG, JPEG, WEBP"):
            look(path)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_of_several_frames_the_first_is_seen(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = saved(tmp_path, frames[0], f"a.{kind.lower()}", save_all=True, append_images=frames[1:])
    assert pictures.load(path).float().mean((1, 2)).tolist() == pytest.approx([255, 0, 0], abs=6)


def test_sides_are_those_of_the_picture_upright(tmp_path: Path) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path, Image.new("RGB", (8, 4), "white"), "a.jpg", exif=exif)
        assert pictures.sides(path) == pictures.load(path).shape[1:]


def test_a_damaged_exif_is_no_traceback(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.new("RGB", (8, 4), "white"), "a.jpg", exif=exif)
    content = bytearray(path.read_bytes())
    start = content.index(b"Exif\0\0") + 6
    for place in range(start, start + 30):
        spoilt = content.copy()
        spoilt[place] = 0xFF
        path.write_bytes(spoilt)
        for look in (pictures.load, pictures.sides):
            with contextlib.suppress(UsageError):
                look(path)


def test_cmyk_as_cameras_write_it(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "a.jpg", quality=100)
    loaded = pictures.load(path).float().mean((1, 2))
    assert loaded.tolist() == pytest.approx([255, 0, 0], abs=4)


@pytest.mark.long
@pytest.mark.parametrize("side", [8_001, 20_000])
def test_a_decompression_bomb(tmp_path: Path, side: int) -> None:
    path = saved(tmp_path, Image.new("1", (side, side)))
    assert path.stat().st_size < 200_000
    with pytest.raises(UsageError, match=r"is larger than 64 million pixels$"):
        pictures.load(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_saved_pictures_come_back(tmp_path: Path, channels: int) -> None:
    picture = torch.randint(256, (channels, 5, 7), dtype=torch.uint8)
    loaded = pictures.load(pictures.save(tmp_path / "a.png", picture))
    assert torch.equal(loaded, picture.expand(3, -1, -1))


def test_grid_places_every_picture() -> None:
    tiles = torch.arange(1, 6, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 1, 2, 3)
    sheet = pictures.grid(tiles, columns=2, gap=1, enlarge=1)
    assert sheet.shape == (1, 3 * 3 + 1, 2 * 4 + 1)
    for index in range(5):
        row, column = divmod(index, 2)
        tile = sheet[0, 1 + row * 3 : 3 + row * 3, 1 + column * 4 : 4 + column * 4]
        assert (tile == index + 1).all()
    assert (sheet[0, ::3] == 128).all()


def test_tiny_pictures_are_enlarged() -> None:
    assert pictures.grid(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), gap=0).shape == (1, 40, 40)


def test_gif_has_every_frame(tmp_path: Path) -> None:
    frames = [np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 200)]
    path = pictures.save_gif(tmp_path / "a.gif", frames, fps=10)
    with Image.open(path) as gif:
        assert gif.n_frames == 3
        assert gif.info["duration"] == 100
        gif.seek(2)
        assert gif.convert("RGB").getpixel((0, 0)) == (200, 200, 200)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RockfallError, match="can't write"):
        pictures.save(tmp_path / "no" / "a.png", torch.zeros(3, 2, 2, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.png", "PNG"),
        ("a.jpg", "JPEG"),
        ("a.JPEG", "JPEG"),
        ("a.webp", "WEBP"),
        ("a.tif", "TIFF"),
        ("a.TIFF", "TIFF"),
        ("a.x", "PNG"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_name_says_what_is_written(tmp_path: Path, name: str, form: str, channels: int) -> None:
    """And what is written is the picture, exactly or nearly, as transparent as it was."""
    down, across = torch.arange(16)[:, None], torch.arange(20)
    picture = torch.stack([down * k + across * 3 + 20 for k in (2, 5, 9, 11)]).byte()[:channels]
    with Image.open(pictures.save(tmp_path / name, picture)) as image:
        assert image.format == form
        assert image.size == (20, 16)
    back = pictures.load_with_alpha(tmp_path / name)
    if channels == 4 and form != "JPEG":
        assert (back[3].int() - picture[3].int()).abs().max() <= (0 if form != "WEBP" else 4)
        colours = torch.from_numpy(np.asarray(Image.open(tmp_path / name)).copy()).permute(2, 0, 1)
    else:
        assert len(back) == 3
        on_white = pictures.to_image(picture).convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", on_white.size, "white"), on_white)
        picture = torch.from_numpy(np.array(page)).permute(2, 0, 1)
        colours = back
    apart = (colours[:3].int() - picture[:3].int()).abs().float()
    assert apart.max() == 0 if form in ("PNG", "TIFF") else apart.mean() < 4


def test_a_picture_is_written_to_an_open_file_as_a_png(tmp_path: Path) -> None:
    picture = torch.randint(256, (4, 5, 7), dtype=torch.uint8)
    pipe = io.BytesIO()
    pictures.write(pipe, picture)
    pictures.write(tmp_path / "a.png", picture)
    assert pipe.getvalue() == (tmp_path / "a.png").read_bytes()


def test_an_opaque_picture_has_no_alpha(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 2), (1, 2, 3, 255))
    path = saved(tmp_path, image)
    assert torch.equal(pictures.load_with_alpha(path), pictures.load(path))
    image.putpixel((1, 1), (1, 2, 3, 254))
    found = pictures.load_with_alpha(saved(tmp_path, image))
    assert found[3].tolist() == [[255, 255, 255], [255, 254, 255]]
    assert torch.equal(found[:3], pictures.load(path))


@pytest.mark.parametrize("channels", [1, 3])
def test_brought_within_a_size(channels: int) -> None:
    picture = torch.randint(256, (channels, 40, 100), dtype=torch.uint8)
    assert within(picture, 100) is picture
    small = within(picture, 50)
    assert small.shape == (channels, 20, 50) and small.dtype == torch.uint8
    assert abs(small.float().mean() - picture.float().mean()) < 2
    assert within(picture, 1).shape == (channels, 1, 1)
