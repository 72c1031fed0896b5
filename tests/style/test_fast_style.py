"""`fast-style`: what it learns, says of itself, and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import rockfall
from rockfall.errors import ConfigError, UsageError
from rockfall.sources.dataset import Dataset, Split
from rockfall.sources.info import SourceInfo
from rockfall_style import stylizes
from rockfall_style.fast_style import (
    PADDING,
    FastStyle,
    FastStyleConfig,
    PerceptualLoss,
    crop,
    pad,
)
from rockfall_style.features import feature_network
from rockfall_style.losses import gram, total_variation
from rockfall_style.picture_names import read_picture
from rockfall_style.transform_network import REDUCTION

SMALL: dict[str, Any] = {"width": 2, "blocks": 1, "style_size": 64}


def info(*shape: int, dtype: str = "uint8") -> SourceInfo:
    return SourceInfo(name="some", kinds=("pictures",), shape=shape, dtype=dtype)


def model(**settings: Any) -> FastStyle:
    torch.manual_seed(0)
    return FastStyle(FastStyleConfig(**{**SMALL, **settings}), info(3, 40, 40)).eval()


@pytest.mark.slow
def test_seconds_teach_a_style(tmp_path: Path) -> None:
    """A third of what pictures are apart from it in style is left after a short training."""
    run = rockfall.train(
        "fast-style",
        source_options={"size": 32, "count": 64},
        config={"width": 8, "blocks": 1, "epochs": 4},
        out=tmp_path,
        listeners=[],
        threads=1,
    )
    assert run.result is not None
    style = run.result["figures"]["style loss"]
    assert style["value"] < style["baselines"]["the pictures themselves"]["value"] / 3
    losses = [line["validation_loss"] for line in run.metrics if "validation_loss" in line]
    assert losses[-1] < losses[0]


@pytest.mark.long
def test_losses_against_their_definition() -> None:
    """Each picture by itself, the sum as the settings say."""
    config = FastStyleConfig(**SMALL, style_weight=0.5, tv_weight=7.0)
    torch.manual_seed(0)
    made, given = (torch.randint(0, 256, (3, 3, 40, 40)) for _ in range(2))
    found = PerceptualLoss(config, torch.device("cpu"))(made, given)
    network = feature_network("random-vgg")
    style = read_picture("brush-strokes", "style")[None, :, ::8, ::8].float() / 255

    def relative(one: Tensor, other: Tensor) -> Tensor:
        return (one - other).square().sum() / other.square().sum()

    assert style.shape[2:] == (64, 64)
    seen, before = network(made.float() / 255), network(given.float() / 255)
    content = torch.stack([relative(seen[k], before[k]) for k in network.content_layers]).mean()
    torch.testing.assert_close(found["content"], content)
    rough = total_variation(made.float() / 255)
    weight = 0.5 * network.style_weight
    torch.testing.assert_close(
        found["loss"], content + weight * found["style"] + 7.0 * rough, rtol=1e-5, atol=1e-5
    )


@pytest.mark.long
def test_of_the_style_itself_the_style_loss_is_nothing() -> None:
    config = FastStyleConfig(**SMALL)
    perceptual_loss = PerceptualLoss(config, torch.device("cpu"))
    from rockfall.kit.resizing import within

    style = within(read_picture("brush-strokes", "style"), 64)[None]
    other = 255 - style
    losses = perceptual_loss(style, other)
    assert losses["style"] < 1e-9 < losses["content"]
    assert perceptual_loss(other, other)["content"] == 0 < perceptual_loss(other, other)["style"]
    wanted = gram(perceptual_loss.features(style.float() / 255)["relu1_1"])
    torch.testing.assert_close(perceptual_loss.style_targets["relu1_1"], wanted)


def test_distances_are_one_a_picture() -> None:
    torch.manual_seed(1)
    pictures = torch.randint(0, 256, (4, 3, 36, 40), dtype=torch.uint8)
    other = torch.randint(0, 256, (4, 3, 36, 40), dtype=torch.uint8)
    fitted = model()
    style, content = fitted.distances(pictures, other)
    assert style.shape == content.shape == (4,)
    alone = [
        fitted.distances(*pair) for pair in zip(pictures.split(1), other.split(1), strict=True)
    ]
    torch.testing.assert_close(style, torch.cat([s for s, _ in alone]))
    torch.testing.assert_close(content, torch.cat([c for _, c in alone]))


@pytest.mark.parametrize("size", [(40, 48), (41, 47), (33, 34)])
def test_it_is_trained_on_what_it_will_make(size: tuple[int, int]) -> None:
    """A batch at training and one picture later are the same pictures, whatever their sides."""
    torch.manual_seed(1)
    pictures = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
    fitted = model()
    with torch.no_grad():
        batch = fitted.transform(pictures)
        one = torch.stack([fitted.stylize(picture) for picture in pictures])
    assert batch.shape == pictures.shape
    assert (batch.round().clamp(0, 255) - one.float()).abs().max() <= 1


def test_padding_replicates_the_edge_and_is_cropped() -> None:
    assert PADDING % REDUCTION == 0  # so that strides fall on the same pixels as without
    picture = torch.rand(1, 3, 5, 7)
    page = pad(picture, 2, 1)
    assert page.shape == (1, 3, 5 + 2 * PADDING + 2, 7 + 2 * PADDING + 1)
    assert torch.equal(crop(page, 5, 7), picture)
    assert torch.equal(page[..., 0, 0], picture[..., 0, 0])
    assert torch.equal(page[..., -1, -1], picture[..., -1, -1])


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((1, 64, 64), "it learns from colour pictures, and some has none"),
        ((3,), "colour pictures"),
        ((3, 31, 64), "at least 32 × 32, and those of some are 64 × 31"),
    ],
)
def test_sources_that_it_can_not_learn_from(shape: tuple[int, ...], wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        FastStyle(FastStyleConfig(**SMALL), info(*shape))


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"")
    for settings in (
        {"normalisation": "caffe"},
        {"features": str(tmp_path / "w.safetensors")},
        {"features": "vgg20"},
    ):
        with pytest.raises(ConfigError):
            FastStyleConfig.build("fast-style", SMALL, settings)


def test_a_style_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no picture brush-stroke:.*did you mean brush-strokes"):
        PerceptualLoss(FastStyleConfig(**SMALL, style="brush-stroke"), torch.device("cpu"))


def test_a_style_by_path_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "style.png")
    monkeypatch.chdir(tmp_path)
    config = FastStyleConfig(**SMALL, style="style.png")
    monkeypatch.chdir("/")
    PerceptualLoss(config, torch.device("cpu"))
    assert config.style == str(tmp_path / "style.png")


def test_figures_stand_beside_those_of_the_pictures_themselves() -> None:
    class Darker:
        def stylize(self, picture: Tensor) -> Tensor:
            return picture - 10

        def distances(self, made: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            made, given = (levels.flatten(1).double().mean(1) for levels in (made, given))
            return made, (given - made).abs()

    split = Split(torch.randint(10, 256, (6, 3, 5, 7)).byte(), torch.zeros(6))
    splits = dict.fromkeys(("train", "validation", "test"), split)
    figures = stylizes.evaluate(Darker(), Dataset("some", splits, kinds=("pictures",)))
    of_themselves = split.inputs.double().mean().item()
    for name, mine, theirs in (
        ("style loss", of_themselves - 10, of_themselves),
        ("content loss", 10.0, 0.0),
    ):
        assert figures[name]["value"] == pytest.approx(mine)
        baselines = figures[name]["baselines"]
        assert baselines["the pictures themselves"]["value"] == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("side", "count", "epochs", "told"),
    [
        (64, 250, 4, []),
        (64, 249, 4, ["996 steps, 4 passes over 249 pictures, are few", "epochs=9 makes 2,000"]),
        (63, 250, 4, ["pictures of 63 × 63 show little of a style: try source.size=128"]),
    ],
)
def test_warnings_say_why_the_result_may_be_poor(
    side: int, count: int, epochs: int, told: list[str]
) -> None:
    split = Split(torch.zeros(count, 3, side, side, dtype=torch.uint8), torch.zeros(count))
    data = Dataset(
        "some", dict.fromkeys(("train", "validation", "test"), split), kinds=("pictures",)
    )
    model = FastStyle(FastStyleConfig(width=1, blocks=0, epochs=epochs, batch_size=1), data.info)
    said = " ".join(model.warnings(data))
    assert bool(said) == bool(told)
    assert all(words in said for words in told)
