"""Which networks there are, and how each is made and trained unless one says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from rockfall_canvas.coordinates import Canvas
from rockfall_canvas.dense import Dense, parameters, width_for
from rockfall_canvas.fourier import Fourier
from rockfall_canvas.grid import Grid
from rockfall_canvas.siren import Siren

Name = Literal["siren", "fourier", "grid", "relu", "shallow"]

OWN: dict[Name, dict[str, int | float]] = {
    # The paper's layers. With twice the step size, 4 dB less in a long training. ω₀ of the first
    # layer is three times the paper's, which had smaller pictures: 2 dB more, and no less of what
    # was held out.
    "siren": {"layers": 4, "hidden": 256, "omega": 90.0, "batch_size": 1024, "lr": 3e-4},
    # The paper's layers and σ for pictures. Many small steps gain more than few exact ones.
    "fourier": {"layers": 3, "hidden": 256, "sigma": 10.0, "batch_size": 1024, "lr": 2e-3},
    # The paper's layers and step size. Corners two pixels apart, with 8 features each, are about as
    # many numbers as the picture has. Steps are so short that smaller ones would be overhead.
    "grid": {
        "layers": 2,
        "hidden": 64,
        "levels": 6,
        "finest": 2.0,
        "batch_size": 4096,
        "lr": 1e-2,
    },
    # The experiment that many know: 4 × 300. Many small steps gain more than few exact ones.
    "relu": {"layers": 4, "hidden": 300, "batch_size": 1024, "lr": 2e-3},
    # As many parameters as `relu`: 45,450 units, of which a processor's cache holds few pixels', so
    # that few a step are quickest, by twice.
    "shallow": {"hidden": width_for(parameters(4, 300), 1), "batch_size": 32, "lr": 5e-4},
}
"""Found on one picture, 300 × 429, by what was reached in 50 CPU seconds.

batch_size: pixels a step. lr: Adam's first step size.
"""


def own(setting: str) -> str:
    """The value that each network has for a setting, in words."""
    return ", ".join(f"{name} {has[setting]:,g}" for name, has in OWN.items() if setting in has)


def chosen(network: Name, given: Mapping[str, Any]) -> dict[str, Any]:
    """A network's settings: what is given, or its own for those that are None."""
    return {
        name: value if given.get(name) is None else given[name]
        for name, value in OWN[network].items()
    }


def check_belong(network: Name, given: Mapping[str, Any]) -> None:
    """Raise ValueError for a setting, not None, that other networks have, but not this."""
    for setting, value in given.items():
        having = [name for name, has in OWN.items() if setting in has]
        if value is not None and having and network not in having:
            raise ValueError(f"{setting} is a setting of {' and '.join(having)}, not of {network}")


def build(network: Name, settings: Mapping[str, Any], canvas: Canvas, longer: int) -> nn.Module:
    """Coordinates (N, 2) → colours (N, 3), about -1 … 1.

    settings: as `chosen` gives them. longer: pixels along the picture's longer side.
    """
    layers, hidden = settings.get("layers", 1), settings["hidden"]
    match network:
        case "siren":
            return Siren(layers, hidden, settings["omega"])
        case "fourier":
            return Fourier(layers, hidden, settings["sigma"])
        case "grid":
            finest = max(2, round(longer / settings["finest"]))
            return Grid(layers, hidden, settings["levels"], finest, canvas)
        case "relu" | "shallow":
            return Dense(layers, hidden)
