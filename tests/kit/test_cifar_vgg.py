"""The feature network that comes with the package: its file, its layers, and its training."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from torch import Tensor

from rockfall.errors import RockfallError, UsageError
from rockfall.kit import weights
from rockfall.kit.features import cifar_vgg, feature_network, train_cifar_vgg
from rockfall.kit.features.train_cifar_vgg import Classifier, normalised, train

FILE = files("rockfall.kit.features") / cifar_vgg.FILE
LAYERS = {"CIFAR VGG": ("pixels", "relu1_1", "relu1_2", "relu2_2", "relu3_2", "relu4_1")}


def test_its_file_is_small_in_half_precision_and_the_one_that_the_code_names() -> None:
    content = FILE.read_bytes()
    assert len(content) <= 500_000
    assert hashlib.sha256(content).hexdigest() == cifar_vgg.SHA256
    assert {values.dtype for values in load(content).values()} == {torch.float16}


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = bytearray(FILE.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / cifar_vgg.FILE).write_bytes(damaged)
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    with pytest.raises(RockfallError, match=r"damaged.*install rockfall-core again"):
        feature_network("cifar-vgg")
    (tmp_path / cifar_vgg.FILE).unlink()
    with pytest.raises(RockfallError, match=r"can't read the weights .* No such file"):
        feature_network("cifar-vgg")


def test_its_layers_are_the_classifiers_with_batch_norm_folded_in() -> None:
    generator = torch.Generator().manual_seed(1)
    trained = Classifier().eval()
    for norm in trained.norms.values():
        norm.running_var.fill_(0.1)  # type: ignore[union-attr,operator]
        for name, values in norm.state_dict().items():
            if name in ("weight", "bias", "running_mean"):
                values.copy_(0.2 + 0.6 * torch.rand(values.shape, generator=generator))
    pictures = torch.randint(0, 256, (2, 3, 48, 56), generator=generator, dtype=torch.uint8)
    network = feature_network("cifar-vgg", layers=LAYERS)
    network.load({name: values.float() for name, values in trained.folded().items()})
    found = network(pictures.float() / 255)
    assert list(found) == list(LAYERS["CIFAR VGG"])
    assert torch.equal(found["pixels"][:, :3], normalised(pictures))
    trained.head.bias.data.zero_()  # or it would be most of the logits
    with torch.no_grad():
        logits = trained.head(found["relu4_1"].amax((2, 3)))
        expected = trained(normalised(pictures))
    assert (logits - expected).abs().max() < 0.01 * expected.abs().max()


@pytest.mark.long
def test_what_is_trained_again_is_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (256, 3, 32, 32), generator=generator, dtype=torch.uint8)
    first, again = (train(pictures, torch.arange(256) % 10, steps=1).folded() for _ in range(2))
    assert first.keys() == load(FILE.read_bytes()).keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_training_needs_the_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no data_batch.* downloads CIFAR-10"):
        train_cifar_vgg.read(tmp_path, "data_batch_*.bin")


def test_training_reads_the_records_of_cifar_10(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (6, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.tensor([3, 1, 4, 1, 5, 9])
    for number in (0, 1):
        rows = slice(3 * number, 3 * number + 3)
        records = torch.cat((labels[rows, None].to(torch.uint8), pictures[rows].flatten(1)), 1)
        (tmp_path / f"data_batch_{number}.bin").write_bytes(records.numpy().tobytes())
    found, targets = train_cifar_vgg.read(tmp_path, "data_batch_*.bin")
    assert torch.equal(found, pictures)
    assert torch.equal(targets, labels)


def gram(values: Tensor) -> Tensor:
    flat = values.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]


def test_the_products_of_the_pixels_tell_a_picture_from_its_negative() -> None:
    """In normalised colours, which are as much below 0 as above, they could not."""
    network = feature_network("cifar-vgg", layers={"CIFAR VGG": ("pixels",)})
    mean = network.mean
    darker, lighter = (mean + sign * 0.2 * torch.ones(1, 3, 8, 8) for sign in (-1, 1))
    pixels = [network(picture)["pixels"] for picture in (darker, lighter)]
    colours = [gram(values[:, :3]) for values in pixels]
    torch.testing.assert_close(*colours)
    assert (gram(pixels[0]) - gram(pixels[1])).abs().max() > 1
