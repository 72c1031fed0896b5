"""The networks beside their papers, torchvision's files, and forward passes written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from rockfall.errors import RockfallError, UsageError
from rockfall.kit.downloads import Remote
from rockfall.kit.features import FEATURE_NETWORKS, NORMALISATIONS, FeatureNetwork
from rockfall.kit.features import feature_network as find
from rockfall.kit.features.squeezenet import squeezenet
from rockfall.kit.features.vgg import vgg19

POOLED = (2, 5, 8)
FIRES = (3, 4, 6, 7, 9, 10, 11, 12)
TAKEN = {1: "conv1", 4: "fire3", 6: "fire4", 7: "fire5", 9: "fire6"}
BLOCKS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
LAYERS = {
    "CIFAR VGG": ("pixels", *BLOCKS[:4], "relu3_2"),
    "SqueezeNet 1.1": tuple(TAKEN.values()),
    "VGG19": (*BLOCKS, "relu4_2"),
    "random VGG": BLOCKS,
}


def feature_network(name: str, normalisation: str | None = None) -> FeatureNetwork:
    """Up to the layers that are compared here."""
    return find(name, normalisation, LAYERS)


def parameters(layers: dict[str, torch.nn.Module]) -> int:
    return sum(p.numel() for layer in layers.values() for p in layer.parameters())


def weights_of(layers: dict[str, torch.nn.Module]) -> dict[str, Tensor]:
    """Drawn as large as activations stay, by torchvision's names."""
    generator = torch.Generator().manual_seed(0)
    numbered = torch.nn.Sequential(*layers.values()).state_dict()
    return {
        f"features.{name}": torch.randn(values.shape, generator=generator)
        * (values[0].numel() ** -0.5 if values.ndim == 4 else 0.1)
        for name, values in numbered.items()
    }


@pytest.fixture(scope="module")
def squeezed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    weights = weights_of(squeezenet())
    save_file(weights, path)
    return path, weights


def written_out(weights: dict[str, Tensor], values: Tensor) -> dict[str, Tensor]:
    """SqueezeNet 1.1 step by step, from its normalised input (N, 3, H, W)."""

    def conv(name: str, given: Tensor, **how: int) -> Tensor:
        return F.conv2d(given, weights[f"{name}.weight"], weights[f"{name}.bias"], **how)

    found = {}
    for place in range(13):
        name = f"features.{place}"
        if place == 0:
            values = conv(name, values, stride=2)
        elif place == 1:
            values = values.clamp(min=0)
        elif place in POOLED:
            values = pooled(values)
        else:
            narrow = conv(f"{name}.squeeze", values).clamp(min=0)
            wide = [conv(f"{name}.expand1x1", narrow)]
            wide.append(conv(f"{name}.expand3x3", narrow, padding=1))
            values = torch.cat(wide, 1).clamp(min=0)
        if place in TAKEN:
            found[TAKEN[place]] = values
    return found


def pooled(values: Tensor) -> Tensor:
    """The greatest of 3 × 3, every second place; windows that begin inside count, and lack what
    is outside.
    """
    height, width = values.shape[2:]
    rows = range(0, max(height - 2, 0) + (height - 3) % 2, 2)
    columns = range(0, max(width - 2, 0) + (width - 3) % 2, 2)
    windows = [[values[:, :, y : y + 3, x : x + 3].amax((2, 3)) for x in columns] for y in rows]
    return torch.stack([torch.stack(row, -1) for row in windows], -2)


def test_parameter_counts_are_torchvisions() -> None:
    assert parameters(squeezenet()) == 1_235_496 - (512 * 1000 + 1000)
    in_the_classifier = (25_088 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    with torch.device("meta"):
        assert parameters(vgg19()) == 143_667_240 - in_the_classifier


@pytest.mark.parametrize("size", [(40, 33), (37, 46), (17, 64)])
def test_squeezenet_is_as_written_out(
    squeezed: tuple[Path, dict[str, Tensor]], size: tuple[int, int]
) -> None:
    path, weights = squeezed
    network = feature_network(str(path), "caffe")
    pictures = torch.rand(2, 3, *size)
    means = torch.tensor((122.679, 116.669, 104.006)).view(3, 1, 1)
    expected = written_out(weights, pictures * 255 - means)
    found = network(pictures)
    assert found.keys() == expected.keys() == set(TAKEN.values())
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=1e-4, atol=1e-3, msg=name)


def test_its_sizes_by_hand(squeezed: tuple[Path, dict[str, Tensor]]) -> None:
    """227 × 227, the paper's input: 113, and after each pool 56, 28, 14."""
    found = feature_network(str(squeezed[0]), "caffe")(torch.rand(1, 3, 227, 227))
    assert {name: tuple(values.shape[1:]) for name, values in found.items()} == {
        "conv1": (64, 113, 113),
        "fire3": (128, 56, 56),
        "fire4": (256, 28, 28),
        "fire5": (256, 28, 28),
        "fire6": (384, 14, 14),
    }


def test_imagenets_normalisation_is_torchvisions(squeezed: tuple[Path, dict[str, Tensor]]) -> None:
    path, weights = squeezed
    pictures = torch.rand(1, 3, 32, 32)
    mean, deviation = (
        torch.tensor(values).view(3, 1, 1)
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    expected = written_out(weights, (pictures - mean) / deviation)["conv1"]
    found = feature_network(str(path), "imagenet")(pictures)["conv1"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_vgg19_by_path_is_as_written_out(tmp_path: Path) -> None:
    with torch.device("meta"):
        layers = vgg19()
    numbers = [place for place, name in enumerate(layers) if name.startswith("conv")]
    assert numbers == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    weights = {
        name: torch.randn(values.shape) * (2 / max(1, values[0].numel())) ** 0.5
        if values.ndim == 4
        else torch.zeros(values.shape)
        for name, values in (
            (f"features.{name}", values)
            for name, values in torch.nn.Sequential(*layers.values()).state_dict().items()
        )
        if int(name.split(".")[1]) <= 28  # a file may lack what is never computed
    }
    save_file(weights, tmp_path / "vgg.safetensors")
    network = feature_network(str(tmp_path / "vgg.safetensors"), "imagenet")
    pictures = torch.rand(1, 3, 32, 32)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in NORMALISATIONS["imagenet"])
    values, expected = (pictures - mean) / deviation, {}
    for place, name in enumerate(layers):
        if place > 29:
            break
        if place in numbers:
            values = F.conv2d(values, weights[f"features.{place}.weight"], padding=1)
        elif name.startswith("pool"):
            corners = [values[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1)]
            values = torch.stack(corners).mean(0)
        else:
            values = values.clamp(min=0)
            expected[name] = values
    found = network(pictures)
    assert list(found) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
    for name, values in found.items():
        torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-4, msg=name)


def test_untrained_weights_are_always_the_same_and_draw_from_nobody() -> None:
    torch.manual_seed(1)
    first = feature_network("random-vgg")
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = feature_network("random-vgg")
    assert torch.equal(before, torch.get_rng_state())
    assert all(
        torch.equal(one, other)
        for one, other in zip(first.parameters(), again.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["cifar-vgg", "random-vgg"])
def test_activations_stay_as_large(name: str) -> None:
    """Or the deep layers would see nothing, or everything."""
    found = feature_network(name)(torch.rand(1, 3, 128, 128))
    sizes = [found[name].square().mean().sqrt().item() for name in found]
    assert all(0.05 < size < 20 for size in sizes)


@pytest.mark.parametrize("name", ["cifar-vgg", "random-vgg", "squeezenet"])
def test_it_needs_the_pixels_that_it_says(
    name: str, squeezed: tuple[Path, dict[str, Tensor]]
) -> None:
    path = str(squeezed[0])
    network = feature_network(path, "caffe") if name == "squeezenet" else feature_network(name)
    least = network.min_side
    network(torch.rand(1, 3, least, least))
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 3, least - 1, 4 * least))


def test_it_learns_nothing_and_lets_slopes_through() -> None:
    network = feature_network("random-vgg")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    found = network(picture)
    sum(values.sum() for values in found.values()).backward()  # type: ignore[union-attr]
    assert picture.grad is not None
    assert (picture.grad != 0).any(1).all()


def test_a_file_needs_its_normalisation(squeezed: tuple[Path, dict[str, Tensor]]) -> None:
    with pytest.raises(UsageError, match=r"normalisation=imagenet\|caffe"):
        feature_network(str(squeezed[0]))


def test_published_weights_have_theirs() -> None:
    with pytest.raises(UsageError, match="normalised as imagenet, not as caffe"):
        feature_network("squeezenet", "caffe")


def test_a_name_that_is_none_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean squeezenet"):
        feature_network("squezenet")
    with pytest.raises(UsageError, match="no such file"):
        feature_network("weights/none.safetensors", "caffe")


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(UsageError, match=r"neither .*SqueezeNet 1\.1.* with torchvision's"):
        feature_network(str(path), "caffe")
    path.write_bytes(b"no tensors here")
    with pytest.raises(RockfallError, match="is no safetensors file"):
        feature_network(str(path), "caffe")


def test_weights_that_are_not_finite_are_refused(
    squeezed: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    name = "features.3.squeeze.weight"
    save_file({**squeezed[1], name: squeezed[1][name] / 0}, path)
    with pytest.raises(RockfallError, match=rf"{name} of features .* not finite"):
        feature_network(str(path), "caffe")


def test_published_weights_are_taken_from_the_folder_of_data(
    squeezed: tuple[Path, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKFALL_DATA", str(tmp_path))
    laid = tmp_path / "weights" / "squeezenet1_1-b8a52dc0.safetensors"
    laid.parent.mkdir()
    save_file(squeezed[1], laid)
    expected = feature_network(str(squeezed[0]), "imagenet")
    picture = torch.rand(1, 3, 32, 32)
    found = feature_network("squeezenet")(picture)
    assert all(torch.equal(found[name], seen) for name, seen in expected(picture).items())
    save_file({"features.0.weight": torch.zeros(2)}, laid)
    with pytest.raises(RockfallError, match="other weights; remove it"):
        feature_network("squeezenet")


def test_published_files_are_named_by_their_digests() -> None:
    """torchvision puts the digest's first eight digits into the name."""
    remotes = [named.weights for named in FEATURE_NETWORKS.values()]
    published = [remote for remote in remotes if isinstance(remote, Remote)]
    assert len(published) >= 2
    for remote in published:
        assert remote.digest.startswith("sha256:" + remote.name[-12:-4])
        assert remote.urls[0].endswith(f"/{remote.name}")


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_every_network_has_its_layers_by_name_the_last_of_them_by_default(name: str) -> None:
    architecture = FEATURE_NETWORKS[name].architecture
    with torch.device("meta"):
        layers = list(architecture.build())
        assert [*FeatureNetwork(architecture, "imagenet").outputs.values()] == layers[-1:]
        some = FeatureNetwork(architecture, "imagenet", (layers[3], layers[1]))
    assert some.outputs == {1: layers[1], 3: layers[3]}
    assert len(some.features) == 4
    with pytest.raises(ValueError, match=f"has no layer none: {layers[0]}, "):
        FeatureNetwork(architecture, "imagenet", ("none",))


def test_what_is_asked_of_other_architectures_is_not_asked_of_it() -> None:
    """Of one that is not named, the last layer is taken."""
    assert [*find("random-vgg", layers={"VGG19": ("relu1_1",)}).outputs.values()] == ["pool5"]
