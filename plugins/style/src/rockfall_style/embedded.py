"""The styles that come with Rockfall: compact ones, trained by `rockfall_style.compact.train`.

After paintings of Vincent van Gogh (1889), Katsushika Hokusai (1831) and Edvard Munch (1893).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rockfall_style.compact.network import StrokeNetwork

EMBEDDED: dict[str, str] = {
    "starry-night": "d8a4603baa7b6fbed0d7e3fefc628333368396159a568a93b93484b29834887c",
    "great-wave": "5533f4b128acadcb937d401dfc9b03dfb8d649ea578c49f37d3746c517b759c4",
    "the-scream": "f04b3b6231a59b47bb849c701f02afa29227d2b63dac81ac9dbed918d5d9414b",
}
"""The SHA-256 digest of each style's file, by the style's name."""


def embedded_network(style: str) -> StrokeNetwork:
    """The network of a style of `EMBEDDED`, in evaluation mode. Raises RockfallError if its file is
    not the one that was published.
    """
    from rockfall.kit.weights import embedded_weights
    from rockfall_style.compact.network import network_of

    file = f"{style}.safetensors"
    weights = embedded_weights("rockfall-style", "rockfall_style.compact", file, EMBEDDED[style])
    return network_of(weights, file)
