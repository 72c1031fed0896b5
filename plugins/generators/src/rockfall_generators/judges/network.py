"""What a judge is: a small convolutional classifier, and where its weights are kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from safetensors.torch import load
from torch import Tensor, nn

from rockfall import RockfallError


@dataclass(frozen=True, kw_only=True)
class Design:
    """One judge.

    shape: (C, H, W) of the pictures that it was trained on.
    classes: names of its classes, in the order of its outputs.
    channels: of each convolution, with the stride of each.
    features: numbers before the last layer.
    sha256: of the file with its weights.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    channels: tuple[tuple[int, int], ...]
    features: int
    sha256: str


DESIGNS = {
    "digits": Design(
        shape=(1, 8, 8),
        classes=tuple("0123456789"),
        channels=((32, 1), (48, 2), (48, 1)),
        features=32,
        sha256="c7faa6efadbcce3a1a39e1ba0c5e1fdac77173b6af54f14efc8dee5faa2d1f13",
    ),
    "mnist": Design(
        shape=(1, 28, 28),
        classes=tuple("0123456789"),
        channels=((16, 1), (32, 2), (40, 2), (40, 2)),
        features=64,
        sha256="27b6a58142cd43313af22fd4b4a6907a108abb192b5ea87ae0ece15783a6677c",
    ),
}
"""By the name of the dataset. In half precision the file of each has less than 150,000 bytes."""


class Network(nn.Module):
    """Pictures (N, C, H, W) uint8 → logits (N, classes), and features on the way.

    The features are what the last hidden layer computes before its ReLU, normalised without a scale
    of their own: over the training pictures each has mean 0 and variance 1. So none outweighs
    another in a distance; and a Fréchet distance compares Gaussians, to which these come nearer
    than what the ReLU leaves of them, which is 0 for half the pictures.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, height, width = design.shape
        for channels, stride in design.channels:
            layers += [
                nn.Conv2d(before, channels, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
            height, width = -(-height // stride), -(-width // stride)
        self.body = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(before * height * width, design.features, bias=False),
            nn.BatchNorm1d(design.features, affine=False),
        )
        self.head = nn.Linear(design.features, len(design.classes))

    def features(self, pictures: Tensor) -> Tensor:
        """(N, F) float32."""
        given: Tensor = self.body(pictures.float() / 255)
        return given

    def classified(self, features: Tensor) -> Tensor:
        """(N, F) → logits (N, classes)."""
        logits: Tensor = self.head(features.relu())
        return logits

    def forward(self, pictures: Tensor) -> Tensor:
        return self.classified(self.features(pictures))


def shipped(name: str) -> Network:
    """The trained network of a judge by its name in `DESIGNS`, for looking only.

    Raises RockfallError if its file is not the one that was published.
    """
    design = DESIGNS[name]
    file = files(__package__) / f"{name}.safetensors"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RockfallError(f"can't read the judge {file}: {error.strerror}; {REPAIR}") from None
    if hashlib.sha256(content).hexdigest() != design.sha256:
        raise RockfallError(f"the judge {file} is damaged: its SHA-256 is another; {REPAIR}")
    network = Network(design)
    network.load_state_dict({key: value.float() for key, value in load(content).items()})
    return network.eval().requires_grad_(False)


REPAIR = "install rockfall-generators again"


def in_half(network: Network) -> dict[str, Tensor]:
    """What a file holds of a network: all that it looks with, in half precision."""
    state = network.state_dict()
    return {key: value.half() for key, value in state.items() if value.is_floating_point()}
