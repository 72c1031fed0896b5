"""The network of the compact styles: 379 kB in half precision, where a published one has 6.7 MB.

It is `SkipTransformNetwork` with half the channels of the first layer and two residual blocks, the
second of them dilated (Yu and Koltun 2016, "Multi-Scale Context Aggregation by Dilated
Convolutions").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from rockfall import RockfallError
from rockfall.kit.weights import read_weights
from rockfall_style.transform_network import ResidualBlock, SkipTransformNetwork

WIDTH = 16
DILATIONS = 1, 2


class StrokeNetwork(SkipTransformNetwork):
    """(N, 3, H, W) float RGB in 0 … 255, sides multiples of 4 → the same, −22.5 … 277.5."""

    margin = 40
    """As far as zero padding is seen: with less, a strip along the edge had colours of its own."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__(width, blocks=0)
        blocks = (ResidualBlock(4 * width, self.padding, dilation) for dilation in DILATIONS)
        self.blocks = nn.Sequential(*blocks)


def read_network(path: Path) -> StrokeNetwork:
    """The network in a file of `train.py`, in evaluation mode.

    Raises RockfallError, which names the file, for one of anything else.
    """
    return network_of(read_weights(path), path)


def network_of(weights: Mapping[str, Tensor], path: str | Path) -> StrokeNetwork:
    """As `read_network`, of the weights that a file held."""
    network = StrokeNetwork()
    wanted = {name: values.shape for name, values in network.state_dict().items()}
    if {name: values.shape for name, values in weights.items()} != wanted:
        raise RockfallError(
            f"{path} holds no style: `python -m rockfall_style.compact.train` writes such files"
        )
    if not all(values.isfinite().all() for values in weights.values()):
        raise RockfallError(f"{path} is damaged: it holds numbers that are not finite")
    network.load_state_dict({name: values.float() for name, values in weights.items()})
    return network.eval().requires_grad_(False)
