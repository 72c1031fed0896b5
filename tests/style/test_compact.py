"""The training of a compact style: its pictures, its losses, and how it goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load, save_file
from torch import Tensor
from torch.nn import functional as F

from rockfall.errors import RockfallError
from rockfall.kit import pictures
from rockfall_style.bands import apply_style
from rockfall_style.compact.network import StrokeNetwork, read_network
from rockfall_style.compact.train import (
    CONTENT_LAYERS,
    PerceptualLoss,
    Recipe,
    Training,
    light_and_dark,
    train,
)
from rockfall_style.compact.training_pictures import SHARES, TrainingPictures, scene
from rockfall_style.features import LAYERS
from rockfall_style.stylize import command
from rockfall_style.transform_network import Layer

CPU = torch.device("cpu")
SMALL = Recipe(features="cifar-vgg", style_size=64, steps=6, side=64, pool=8, batch_size=2)


def noise(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def seen() -> TrainingPictures:
    return TrainingPictures([noise(3, 90, 120), noise(3, 64, 50)], noise(5, 3, 32, 32), 64)


@pytest.fixture(scope="module")
def loss() -> PerceptualLoss:
    return PerceptualLoss(SMALL, noise(1, 3, 64, 64).float() / 255)


def weights(training: Training) -> dict[str, Tensor]:
    return training.network.state_dict()


def test_pictures_are_always_the_same_of_one_size_and_none_like_another(
    seen: TrainingPictures,
) -> None:
    first, again = (seen.batch(40, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == (40, 3, 64, 64)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert len({picture.numpy().tobytes() for picture in first}) == 40
    assert sum(SHARES.values()) == pytest.approx(1)


def test_scenes_have_plain_areas() -> None:
    """In photographs of textures there are none, and what is trained on these echoes there."""
    plain = []
    for seed in range(20):
        drawn = scene(64, torch.Generator().manual_seed(seed)).clamp(0, 255)
        assert drawn.shape == (3, 64, 64)
        plain.append((drawn.diff(dim=2).abs().amax(0) < 30).float().mean().item())
    assert sum(plain) / len(plain) > 0.9


def test_light_and_dark_are_told_whatever_the_contrast_and_the_colour() -> None:
    picture = noise(1, 3, 64, 64).float() / 255
    picture = F.interpolate(picture[:, :, ::16, ::16], (64, 64), mode="nearest")
    paler = 0.3 + 0.5 * picture
    tinted = picture + torch.tensor([0.2, -0.1, -0.1]).view(3, 1, 1)
    found = light_and_dark(picture)
    assert found.shape == (1, 1, 8, 8)
    assert (light_and_dark(paler) - found).square().mean() < 0.05
    torch.testing.assert_close(light_and_dark(tinted), found)
    assert (light_and_dark(1 - picture) - found).square().mean() > 1
    flat = light_and_dark(torch.full((1, 3, 64, 64), 0.5))
    assert flat.abs().max() < 1e-3


def test_its_content_layers_are_computed_by_every_feature_network() -> None:
    assert CONTENT_LAYERS.keys() == LAYERS.keys()
    for name, layers in CONTENT_LAYERS.items():
        assert set(layers) <= set(LAYERS[name])


@pytest.mark.long
def test_the_losses_see_every_phase_of_a_stride_and_never_more_than_the_picture(
    seen: TrainingPictures, loss: PerceptualLoss
) -> None:
    """The output less some rows and columns at its beginning, and the input less the same."""
    shapes = set()

    def asked(outputs: Tensor, inputs: Tensor, style_share: float) -> dict[str, Tensor]:
        assert outputs.shape == inputs.shape
        assert (outputs - inputs / 255).abs().mean() < 0.15  # it begins near the identity
        shapes.add((outputs.shape[2] % 2, outputs.shape[3] % 2))
        assert min(outputs.shape[2:]) > 56
        return loss(outputs, inputs, style_share)

    recipe = dataclasses.replace(SMALL, steps=12, batch_size=1)
    pool = seen.batch(8, torch.Generator().manual_seed(0))
    training = Training(recipe, CPU)
    training.optimizer.step = lambda: None  # type: ignore[assignment,method-assign]
    list(training.run(asked, pool))  # type: ignore[arg-type]
    assert shapes == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_of_the_style_itself_only_the_larger_scale_is_off(loss: PerceptualLoss) -> None:
    """And of a picture itself, nothing of its content."""
    style = noise(1, 3, 64, 64)
    found = loss(style.float() / 255, style, 1.0)
    assert found["style"] < 1e-4  # bf16
    assert found["content"] == found["structure"] == 0
    other = loss(1 - style.float() / 255, style, 1.0)
    assert min(other["style"], other["content"], other["structure"]) > 1e-2
    half = loss(1 - style.float() / 255, style, 0.5)
    weighed = SMALL.style_weight * other["style"]
    torch.testing.assert_close(other["loss"] - half["loss"], weighed / 2)


@pytest.mark.long
def test_what_goes_on_is_what_never_stopped(seen: TrainingPictures, loss: PerceptualLoss) -> None:
    pool = seen.batch(8, torch.Generator().manual_seed(0))
    whole, stopped, resumed = (Training(SMALL, CPU) for _ in range(3))
    first = [each["loss"].item() for each in whole.run(loss, pool)]
    steps = stopped.run(loss, pool)
    second = [next(steps)["loss"].item() for _ in range(3)]
    resumed.load_state_dict(stopped.state_dict())
    second += [each["loss"].item() for each in resumed.run(loss, pool)]
    assert first == second
    assert len(first) == SMALL.steps
    assert weights(whole).keys() == weights(resumed).keys()
    for name, values in weights(whole).items():
        assert torch.equal(values, weights(resumed)[name]), name
    assert whole.style() == resumed.style()


@pytest.mark.long
def test_the_weight_of_the_style_rises(
    seen: TrainingPictures, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = []

    def asked(*given: Tensor, style_share: float = 0.0) -> dict[str, Tensor]:
        shares.append(given[2])
        return loss(*given)  # type: ignore[arg-type]

    pool = seen.batch(8, torch.Generator().manual_seed(0))
    list(Training(SMALL, CPU).run(asked, pool))  # type: ignore[arg-type]
    assert shares == sorted(shares)  # type: ignore[type-var]
    assert shares[0] < 0.1
    assert shares[-1] == 1


def test_seconds_end_it(seen: TrainingPictures, loss: PerceptualLoss) -> None:
    pool = seen.batch(8, torch.Generator().manual_seed(0))
    training = Training(dataclasses.replace(SMALL, steps=10**6, seconds=1e-6), CPU)
    assert len(list(training.run(loss, pool))) == 1


@pytest.mark.long
def test_it_writes_a_style_that_can_be_applied_and_goes_on_to_nothing_more(
    seen: TrainingPictures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for said in ("6 steps", "0 steps"):
        train(SMALL, noise(3, 80, 64), seen, tmp_path / "mine", device=CPU)
        assert said in capsys.readouterr().out
    content = (tmp_path / "mine.safetensors").read_bytes()
    assert len(content) <= 500_000
    assert {values.dtype for values in load(content).values()} == {torch.float16}
    picture = noise(3, 45, 62)
    styled = apply_style(read_network(tmp_path / "mine.safetensors"), picture)
    assert styled.shape == picture.shape


def test_files_of_anything_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    held = StrokeNetwork().state_dict()
    for wrong, said in (
        ({"weight": torch.zeros(2)}, "holds no style"),
        ({**held, "more": torch.zeros(2)}, "holds no style"),
        ({**held, "up.2.colours": torch.zeros(2, 2)}, "holds no style"),
        ({**held, "up.2.colours": held["up.2.colours"] / 0}, "not finite"),
    ):
        save_file(wrong, path)
        with pytest.raises(RockfallError, match=rf"other.safetensors .*{said}"):
            read_network(path)
    path.write_bytes(b"nothing")
    with pytest.raises(RockfallError, match=r"other.safetensors is no safetensors file"):
        read_network(path)


@pytest.mark.long
def test_stylize_takes_its_file(
    seen: TrainingPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train(SMALL, noise(3, 80, 64), seen, tmp_path / "mine", device=CPU)
    picture = noise(3, 45, 62)
    pictures.save(tmp_path / "p.png", picture)
    words = ["stylize", "p.png", "--style", "mine.safetensors", "--precision", "float32"]
    given = CliRunner().invoke(command, [*words[1:], "--device", "cpu"])
    assert given.exit_code == 0, given.output
    styled = pictures.load(tmp_path / "p-mine.png")
    expected = apply_style(read_network(tmp_path / "mine.safetensors"), picture)
    assert (styled.int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize("size", [(45, 62), (64, 80)])
def test_its_network_gives_the_same_in_bands(size: tuple[int, int]) -> None:
    network = StrokeNetwork().eval()
    for block in network.blocks:
        torch.nn.init.ones_(block.second.scale)  # type: ignore[union-attr,arg-type]
    picture = noise(3, *size)
    whole = apply_style(network, picture)
    bands = apply_style(network, picture, max_whole=0, band=32 * size[1])
    assert (whole.int() - bands.int()).abs().max() <= 1


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_a_dilated_layer_is_a_dilated_convolution_and_its_rows_too(dilation: int) -> None:
    layer = Layer(3, 4, 3, dilation=dilation)
    values = torch.rand(1, 3, 20, 17)
    expected = F.conv2d(values, layer.weight, padding=dilation, dilation=dilation)
    torch.testing.assert_close(layer.convolve(values), expected)
    rows = range(7, 13)
    needed = layer.input_rows(rows, 20)
    assert needed == range(7 - dilation, 13 + dilation)
    some = values[:, :, needed.start : needed.stop]
    found = layer.convolve_rows(some, needed.start, 20, rows)
    torch.testing.assert_close(found, expected[:, :, 7:13])
