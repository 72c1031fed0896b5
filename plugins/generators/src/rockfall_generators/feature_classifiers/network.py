"""The networks of the feature classifiers: small and convolutional; and their trained weights."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from rockfall.kit.weights import embedded_weights


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The architecture of one feature classifier, and its file.

    shape: (C, H, W) of the pictures that it was trained on.
    classes: names of its classes, in the order of its outputs.
    channels: of each convolution, with the stride of each.
    features: dimension of the features, before the last layer.
    sha256: of the file with its weights.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    channels: tuple[tuple[int, int], ...]
    features: int
    sha256: str


ARCHITECTURES = {
    "digits": Architecture(
        shape=(1, 8, 8),
        classes=tuple("0123456789"),
        channels=((32, 1), (48, 2), (48, 1)),
        features=32,
        sha256="c7faa6efadbcce3a1a39e1ba0c5e1fdac77173b6af54f14efc8dee5faa2d1f13",
    ),
    "mnist": Architecture(
        shape=(1, 28, 28),
        classes=tuple("0123456789"),
        channels=((16, 1), (32, 2), (40, 2), (40, 2)),
        features=64,
        sha256="27b6a58142cd43313af22fd4b4a6907a108abb192b5ea87ae0ece15783a6677c",
    ),
}
"""Dataset → architecture. In half precision the file of each has less than 150,000 bytes."""


class Network(nn.Module):
    """Pictures (N, C, H, W) uint8 → logits (N, classes), by way of features.

    The features are the last hidden layer's pre-activations after batch normalisation without an
    affine map: over the training pictures each has mean 0 and variance 1. So none outweighs another
    in a distance; and the Fréchet distance compares Gaussians, to which these are closer than the
    activations after ReLU, which are 0 for half the pictures.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, height, width = architecture.shape
        for channels, stride in architecture.channels:
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
            nn.Linear(before * height * width, architecture.features, bias=False),
            nn.BatchNorm1d(architecture.features, affine=False),
        )
        self.head = nn.Linear(architecture.features, len(architecture.classes))

    def features(self, pictures: Tensor) -> Tensor:
        """(N, F) float32."""
        features: Tensor = self.body(pictures.float() / 255)
        return features

    def logits(self, features: Tensor) -> Tensor:
        """(N, F) → logits (N, classes)."""
        logits: Tensor = self.head(features.relu())
        return logits

    def forward(self, pictures: Tensor) -> Tensor:
        return self.logits(self.features(pictures))


def pretrained(name: str) -> Network:
    """The trained network of a dataset in `ARCHITECTURES`, in evaluation mode.

    Raises RockfallError if its file is not the one that was published.
    """
    architecture = ARCHITECTURES[name]
    weights = embedded_weights(
        "rockfall-generators",
        "rockfall_generators.feature_classifiers",
        f"{name}.safetensors",
        architecture.sha256,
    )
    network = Network(architecture)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def half_precision(network: Network) -> dict[str, Tensor]:
    """What a file holds of a network: weights and statistics, in half precision."""
    state = network.state_dict()
    return {key: value.half() for key, value in state.items() if value.is_floating_point()}
