"""The styles that come with Rockfall."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from rockfall.errors import RockfallError
from rockfall.kit import downloads, pictures
from rockfall.kit.resizing import within
from rockfall_style import embedded
from rockfall_style.bands import apply_style
from rockfall_style.choice import FAST_STYLE, names, resolve_styles
from rockfall_style.compact.train import light_and_dark
from rockfall_style.embedded import EMBEDDED, embedded_network
from rockfall_style.features import feature_network
from rockfall_style.losses import gram, style_loss
from rockfall_style.picture_names import read_picture
from rockfall_style.stylize import command

PAINTINGS = {"starry-night": "starry_night", "great-wave": "wave", "the-scream": "scream"}


def test_there_are_some_each_small() -> None:
    assert len(EMBEDDED) >= 2 and EMBEDDED.keys() <= PAINTINGS.keys()
    found = {path.name for path in files("rockfall_style.compact").iterdir()}
    assert {f"{name}.safetensors" for name in EMBEDDED} == {
        name for name in found if name.endswith(".safetensors")
    }
    for name in EMBEDDED:
        content = files("rockfall_style.compact").joinpath(f"{name}.safetensors").read_bytes()
        assert len(content) <= 500_000
    assert set(EMBEDDED) <= set(names())


def test_a_file_that_is_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(EMBEDDED))
    monkeypatch.setitem(embedded.EMBEDDED, name, "0" * 64)
    with pytest.raises(RockfallError, match=rf"{name}.safetensors are damaged.*install rockfall-s"):
        embedded_network(name)


def test_they_are_taken_by_name_and_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a download")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKFALL_DATA", raising=False)
    monkeypatch.setattr(downloads, "fetch", refused)
    pictures.save(tmp_path / "p.png", within(read_picture("china", "photo"), 64))
    first, second = list(EMBEDDED)[:2]
    assert resolve_styles(f"{first},{second}")[0] == FAST_STYLE
    given = CliRunner().invoke(command, ["p.png", "--style", f"{first},{second}"])
    assert given.exit_code == 0, given.output
    assert pictures.load(tmp_path / f"p-{first}-{second}.png").shape[2] == 64


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_photograph_is_still_seen_and_has_become_more_like_the_painting(
    name: str,
) -> None:
    """By a network that was not asked in its training: CIFAR VGG."""
    if name not in EMBEDDED:
        pytest.skip("does not come with Rockfall")
    file = Path(os.environ.get("ROCKFALL_DATA", ""), "images", f"{PAINTINGS[name]}.jpg")
    if not file.exists():
        pytest.skip(f"ROCKFALL_DATA has no images/{file.name}")
    photo = within(read_picture("china", "photo"), 256)
    painted = apply_style(embedded_network(name), photo)
    assert painted.shape == photo.shape and painted.dtype == torch.uint8
    features = feature_network("cifar-vgg")
    painting = within(pictures.load(file), 320)

    def seen(picture: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            return features(picture[None].float() / 255)

    wanted = {key: gram(seen(painting)[key]) for key in features.style_layers}
    before, after = (style_loss(seen(picture), wanted) for picture in (photo, painted))
    assert after < 0.6 * before
    coarse = [light_and_dark(picture[None] / 255).flatten() for picture in (photo, painted)]
    assert torch.corrcoef(torch.stack(coarse))[0, 1] > 0.6
