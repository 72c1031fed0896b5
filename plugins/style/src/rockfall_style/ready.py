"""Trained styles that nobody need train, by name: the `ready` ones of `stylizes`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from rockfall.kit.downloads import data_folder
from rockfall.kit.ready import Ready
from rockfall_style.embedded import EMBEDDED
from rockfall_style.published import FOLDER, MEGABYTES, digests, style_folder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rockfall_style.transform_network import TransformNetwork


class StyleNetwork:
    """A transformation network as the verb and the studio use it."""

    def __init__(self, network: TransformNetwork) -> None:
        self.network = network

    def stylize(self, picture: Tensor) -> Tensor:
        """(3, H, W) uint8 of any size → the same shape and type, in the style."""
        from rockfall_style.bands import apply_style

        return apply_style(self.network, picture)


def ready() -> dict[str, Ready]:
    """Those that come with Rockfall, then published ones."""
    embedded = {
        name: Ready("comes with Rockfall", functools.partial(embedded_style, name))
        for name in EMBEDDED
    }
    return embedded | {
        name: Ready(
            "published fast style transfer",
            functools.partial(published_style, name),
            0.0 if is_here(name) else MEGABYTES,
        )
        for name in digests()
    }


def embedded_style(name: str, device: torch.device | None = None) -> StyleNetwork:
    """device: None: the one that there is. Raises RockfallError for a file that is damaged."""
    from rockfall.kit.devices import choose_device
    from rockfall_style.embedded import embedded_network

    return StyleNetwork(embedded_network(name).to(device or choose_device()))


def published_style(name: str, device: torch.device | None = None) -> StyleNetwork:
    """As `embedded_style`. Raises Unavailable if a download fails."""
    from rockfall.kit.devices import choose_device
    from rockfall_style.manifest import read_style

    return StyleNetwork(read_style(style_folder(name)).to(device or choose_device()))


def is_here(name: str) -> bool:
    """Whether a published style has been downloaded."""
    from rockfall_style.manifest import MANIFEST

    return (data_folder() / FOLDER / name / MANIFEST).exists()
