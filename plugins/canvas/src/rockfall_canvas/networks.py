"""The architectures of the representation, and the default hyperparameters of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from rockfall_canvas.coordinates import Extent
from rockfall_canvas.feature_grid import FeatureGrid
from rockfall_canvas.fourier import Fourier
from rockfall_canvas.relu_mlp import ReluMlp, parameter_count, width_for
from rockfall_canvas.siren import Siren

Name = Literal["siren", "fourier", "grid", "relu", "shallow"]

DEFAULTS: dict[Name, dict[str, int | float]] = {
    # The paper's layers. With twice the learning rate, 4 dB less in a long training. ω₀ of the
    # first layer is three times the paper's, which had smaller pictures: 2 dB more, and no less on
    # held-out pixels.
    "siren": {
        "layers": 4,
        "hidden": 256,
        "omega_0": 90.0,
        "batch_size": 1024,
        "lr": 3e-4,
        "epochs": 8,
    },
    # The paper's layers, and its value of σ for pictures. Many noisy steps gain more than few exact
    # ones.
    "fourier": {
        "layers": 3,
        "hidden": 256,
        "sigma": 10.0,
        "batch_size": 1024,
        "lr": 2e-3,
        "epochs": 12,
    },
    # The paper's layers and learning rate. Vertices two pixels apart, with 8 features each, are
    # about as many numbers as the picture has. Steps are so quick that smaller batches would be
    # mostly overhead.
    "grid": {
        "layers": 2,
        "hidden": 64,
        "levels": 6,
        "finest_spacing": 2.0,
        "batch_size": 4096,
        "lr": 1e-2,
        "epochs": 60,
    },
    # The well-known experiment's 4 × 300. Many noisy steps gain more than few exact ones.
    "relu": {"layers": 4, "hidden": 300, "batch_size": 1024, "lr": 2e-3, "epochs": 7},
    # As many parameters as `relu`, so 45,450 units. A processor's cache holds the activations of
    # few pixels, so that small batches are quicker by a factor of two.
    "shallow": {
        "hidden": width_for(parameter_count(4, 300), 1),
        "batch_size": 32,
        "lr": 5e-4,
        "epochs": 1,
    },
}
"""Tuned on one picture, 300 × 429, by the PSNR reached in 50 CPU seconds.

batch_size: pixels a step. lr: initial learning rate of Adam. epochs: as many as take about the same
time with each network, but `shallow`, whose single one takes several times that.
"""

MIN_STEPS = 1000
"""Steps that a training has by default, at least: an epoch of a small picture is a single one."""


def default_epochs(network: Name, pixels: int, batch_size: int) -> int:
    """Passes over so many pixels: the network's, or what makes `MIN_STEPS`."""
    steps = -(-pixels // batch_size)
    return max(int(DEFAULTS[network]["epochs"]), -(-MIN_STEPS // steps))


def defaults_of(setting: str) -> str:
    """The default that each network has for a setting, for its description."""
    return ", ".join(
        f"{name} {values[setting]:,g}" for name, values in DEFAULTS.items() if setting in values
    )


def resolve(network: Name, given: Mapping[str, Any]) -> dict[str, Any]:
    """A network's hyperparameters: the given ones, and its defaults for those that are None."""
    return {
        name: value if given.get(name) is None else given[name]
        for name, value in DEFAULTS[network].items()
    }


def check_settings(network: Name, given: Mapping[str, Any]) -> None:
    """Raise ValueError for a setting, not None, that other networks have, but not this."""
    for setting, value in given.items():
        owners = [name for name, values in DEFAULTS.items() if setting in values]
        if value is not None and owners and network not in owners:
            raise ValueError(f"{setting} is a setting of {' and '.join(owners)}, not of {network}")


def build(network: Name, settings: Mapping[str, Any], extent: Extent, longer: int) -> nn.Module:
    """A network from coordinates (N, 2) to colours (N, 3), about -1 … 1.

    settings: as `resolve` gives them. longer: pixels along the picture's longer side.
    """
    layers, hidden = settings.get("layers", 1), settings["hidden"]
    match network:
        case "siren":
            return Siren(layers, hidden, settings["omega_0"])
        case "fourier":
            return Fourier(layers, hidden, settings["sigma"])
        case "grid":
            finest = max(2, round(longer / settings["finest_spacing"]))
            return FeatureGrid(layers, hidden, settings["levels"], finest, extent)
        case "relu" | "shallow":
            return ReluMlp(layers, hidden)
