"""The feature networks of the perceptual losses: which layers these compare.

Activations are of one of the kit's feature networks. A network that is new there has an entry in
`LOSS_LAYERS` here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from rockfall.kit import features as kit
from rockfall.kit.features import FeatureNetwork

MULTIPLICATIONS_A_PIXEL = 10_000
"""Of a forward pass through any of these networks, at the least."""
BLOCK_STARTS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The style layers of section 3 of Gatys, Ecker and Bethge 2016."""


@dataclass(frozen=True)
class LossLayers:
    """What the losses take of an architecture.

    style_layers, content_layers: those whose activations the losses compare.
    style_weight: factor of the style loss with which a picture shows both style and content.
    bytes_per_pixel: peak memory of a forward and a backward pass, for each pixel.
    """

    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    style_weight: float
    bytes_per_pixel: int


LOSS_LAYERS = {
    "CIFAR VGG": LossLayers(
        ("pixels", "relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu4_1"),
        ("relu3_2",),
        style_weight=60.0,
        bytes_per_pixel=1300,
    ),
    "random VGG": LossLayers(BLOCK_STARTS, ("relu2_1",), style_weight=500.0, bytes_per_pixel=1300),
    "SqueezeNet 1.1": LossLayers(
        ("conv1", "fire3", "fire4", "fire5", "fire6"),
        ("fire4",),
        style_weight=40.0,
        bytes_per_pixel=1300,
    ),
    # As Gatys et al.
    "VGG19": LossLayers(BLOCK_STARTS, ("relu4_2",), style_weight=40.0, bytes_per_pixel=3000),
}
"""By the names of the kit's architectures."""
LAYERS = {name: (*each.style_layers, *each.content_layers) for name, each in LOSS_LAYERS.items()}


class Features(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 1 → activations (N, C, H', W') of the style and content layers,
    by name.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network
        losses = LOSS_LAYERS[network.architecture.name]
        self.style_layers = losses.style_layers
        self.content_layers = losses.content_layers
        self.style_weight = losses.style_weight
        self.bytes_per_pixel = losses.bytes_per_pixel

    @property
    def min_side(self) -> int:
        """Pixels that a picture needs along each side."""
        return self.network.min_side

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Raises RuntimeError for pictures with a side below `min_side`."""
        activations: dict[str, Tensor] = self.network(pictures)
        return activations


def feature_network(name: str, normalisation: str | None = None) -> Features:
    """The kit's feature network of that name or path, up to the layers that the losses compare.

    Raises what `rockfall.kit.features.feature_network` raises.
    """
    return Features(kit.feature_network(name, normalisation, LAYERS))
