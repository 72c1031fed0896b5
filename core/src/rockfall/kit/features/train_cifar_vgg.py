"""Trains the feature network `cifar-vgg` again, in minutes, by

    python -m rockfall.kit.features.train_cifar_vgg

which needs CIFAR-10 in the data folder (`rockfall show cifar10` downloads it) and prints the test
accuracy. The same machine and torch give the same file, byte for byte.

It is a classifier, but not for its accuracy: its activations are to tell strokes, colours and
shapes apart in pictures that are larger and sharper than those of CIFAR-10. So batches are resized,
and a global maximum over positions comes before the classes, which accepts any size and asks that
a filter finds its shape anywhere. Batch norm is folded into the convolutions in the end.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.errors import UsageError
from rockfall.kit.devices import computing
from rockfall.kit.downloads import data_folder
from rockfall.kit.features.cifar_vgg import FILE, SHA256, cifar_vgg
from rockfall.kit.features.network import NORMALISATIONS
from rockfall.kit.files import atomic
from rockfall.kit.optimizers import AdamW
from rockfall.kit.progress import counted
from rockfall.kit.randomness import fork_rng
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall.kit.splits import hold_out

FOLDER = Path("cifar10", "cifar-10-batches-bin")
CLASSES, SIDE, VALIDATION = 10, 32, 0.1
SEED = 0
EPOCHS, BATCH = 8, 128
LR, WARM_UP, WEIGHT_DECAY = 3e-3, 0.1, 0.02
"""Peak learning rate of AdamW, after a warm-up of a tenth of all steps; then a cosine decay."""
LABEL_SMOOTHING = 0.05
RESIZED = 0.6
"""Share of the batches that are resized."""
SMALLEST, LARGEST, CROP = 24, 64, 40
"""Sides to which a batch is resized, and the largest that is left of it."""
PADDING = 4
"""Pixels of reflection on each side, of which the crop is taken."""


class Classifier(nn.Module):
    """(N, 3, H, W) float, normalised → logits (N, 10): the network's layers, and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        with torch.device("meta"):
            layers = cifar_vgg()
        self.convolutions, self.norms = nn.ModuleDict(), nn.ModuleDict()
        channels = 3
        for name, layer in layers.items():
            if isinstance(layer, nn.Conv2d):
                width = layer.out_channels
                self.convolutions[name] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
                self.norms[name] = nn.BatchNorm2d(width)
                channels = width
        self.places = {name: place for place, name in enumerate(layers)}
        self.head = nn.Linear(channels, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        values = pictures
        for name in self.convolutions:
            if name.endswith("_1") and name != "conv1_1":
                values = F.avg_pool2d(values, 2)
            values = F.relu(self.norms[name](self.convolutions[name](values)))
        logits: Tensor = self.head(F.adaptive_max_pool2d(values, 1).flatten(1))
        return logits

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """What a file holds: weights and biases of the convolutions with batch norm folded in, in
        half precision, by the names that they have in a feature network.
        """
        weights = {}
        for name, convolution in self.convolutions.items():
            norm: Any = self.norms[name]
            factor = norm.weight / (norm.running_var + norm.eps).sqrt()
            kernels = convolution.weight * factor.view(-1, 1, 1, 1)
            if name == "conv1_1":
                kernels = F.pad(kernels, (0, 0, 0, 0, 0, 1))  # the constant channel is for losses
            place = f"features.{self.places[name]}"
            weights[f"{place}.weight"] = kernels.contiguous().half()
            weights[f"{place}.bias"] = (norm.bias - norm.running_mean * factor).half()
        return weights


def train(pictures: Tensor, labels: Tensor, steps: int | None = None) -> Classifier:
    """A classifier of pictures (N, 3, 32, 32) uint8 with labels (N,). steps: after which to stop,
    before the end.
    """
    with fork_rng(SEED), computing(threads=1, matmul_precision="highest"):
        network = Classifier()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = AdamW(network.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        all_steps = EPOCHS * (len(pictures) // BATCH)
        batches = (
            rows
            for _ in range(EPOCHS)
            for rows in torch.randperm(len(pictures)).split(BATCH)
            if len(rows) == BATCH
        )
        some = itertools.islice(batches, steps)
        for step, rows in enumerate(counted(some, steps or all_steps, "steps of cifar-vgg")):
            set_lr(optimizer, LR * lr_factor(step / all_steps, "cosine", WARM_UP))
            inputs = augmented(normalised(pictures[rows]))
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(inputs.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), labels[rows], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def normalised(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 → float, as the feature network normalises its input."""
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in NORMALISATIONS["imagenet"])
    return (pictures.float() / 255 - mean) / std


def augmented(pictures: Tensor) -> Tensor:
    """A batch (N, 3, H, W), all mirrored or not, resized or not, and cropped alike."""
    side = pictures.shape[2]
    if torch.rand(()) < 0.5:
        pictures = pictures.flip(3)
    if torch.rand(()) < RESIZED:
        side = int(torch.randint(SMALLEST, LARGEST + 1, ()))
        pictures = F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    padded = F.pad(pictures, [PADDING] * 4, mode="reflect")
    crop = min(CROP, side)
    places = side + 2 * PADDING - crop + 1
    top, left = (int(torch.randint(places, ())) for _ in range(2))
    return padded[:, :, top : top + crop, left : left + crop]


def accuracy(network: Classifier, pictures: Tensor, labels: Tensor) -> float:
    """Share that is classified correctly."""
    with torch.no_grad():
        parts = [network(normalised(part)).argmax(1) for part in pictures.split(1000)]
    return (torch.cat(parts) == labels).double().mean().item()


def read(folder: Path, pattern: str) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, 32, 32) uint8 and labels (N,) of the binary version of CIFAR-10."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise UsageError(f"no {pattern} in {folder}: `rockfall show cifar10` downloads CIFAR-10")
    bytes_ = np.concatenate([np.fromfile(path, np.uint8) for path in paths])
    records = torch.from_numpy(bytes_.reshape(-1, 1 + 3 * SIDE * SIDE))
    return records[:, 1:].reshape(-1, 3, SIDE, SIDE), records[:, 0].long()


def in_order(pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """As the training and then the validation split of the source `cifar10`."""
    rows = torch.cat(hold_out(len(labels), VALIDATION, seed=0))
    return pictures[rows], labels[rows]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rockfall.kit.features.train_cifar_vgg")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name(FILE), help="the file")
    path = parser.parse_args(arguments).to
    folder = data_folder() / FOLDER
    network = train(*in_order(*read(folder, "data_batch_*.bin")))
    content = save(network.folded())
    with atomic(path) as file:
        file.write(content)
    print(f"test accuracy {accuracy(network, *read(folder, 'test_batch.bin')):.2%}")
    digest = hashlib.sha256(content).hexdigest()
    known = "as in cifar_vgg.py" if digest == SHA256 else "to go into cifar_vgg.py"
    print(f"{path}: {len(content):,} bytes, SHA-256 {digest} ({known})")


if __name__ == "__main__":
    main()
