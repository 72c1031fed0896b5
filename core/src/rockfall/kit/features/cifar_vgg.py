"""A small VGG trained on CIFAR-10, whose weights come with the package.

`train_cifar_vgg.py` beside it trains it, and says how.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit.features.vgg import vgg
from rockfall.kit.weights import embedded_weights

WIDTHS, DEPTHS = (40, 64, 80, 96), (2, 2, 2, 1)
FILE = "cifar_vgg.safetensors"
SHA256 = "d1f156b72627baf41c93edc1c66ce48a4a891cc78854b57bb90497cf51d892d5"


def cifar_vgg() -> dict[str, nn.Module]:
    """Its layers by name, in order. `pixels` gives the normalised picture itself, so that a loss
    can compare colours too, which the filters of a classifier care little for.
    """
    return {"pixels": ConstantChannel(), **vgg(WIDTHS, DEPTHS, channels=4)}


class ConstantChannel(nn.Module):
    """(N, C, H, W) → (N, C + 1, H, W): a channel of ones is added.

    In the Gram matrix of the others their mean is then found too; without it, normalised colours
    and their negatives would be the same.
    """

    def forward(self, values: Tensor) -> Tensor:
        return F.pad(values, (0, 0, 0, 0, 0, 1), value=1.0)


def weights() -> dict[str, Tensor]:
    """Raises RockfallError if the file is not the one that was published."""
    return embedded_weights("rockfall-core", "rockfall.kit.features", FILE, SHA256)
