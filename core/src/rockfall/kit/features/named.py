"""Feature networks by name, or by the path of a file of weights.

A new one is an entry of `FEATURE_NETWORKS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from rockfall.errors import RockfallError, UsageError, did_you_mean
from rockfall.kit.downloads import Remote
from rockfall.kit.features import cifar_vgg as cifar
from rockfall.kit.features.network import NORMALISATIONS, Architecture, FeatureNetwork
from rockfall.kit.features.random_vgg import random_vgg, random_weights
from rockfall.kit.features.squeezenet import squeezenet
from rockfall.kit.features.vgg import vgg19
from rockfall.kit.memory import unallocated
from rockfall.kit.weights import published_weights, read_weights

NORMALISATION = "imagenet"
"""How the input of every network that has a name is normalised."""
SUFFIX = ".safetensors"
Layers = Mapping[str, Sequence[str]]
"""By an architecture's name, the layers that are wanted of it."""
THE_LAST: Layers = MappingProxyType({})


@dataclass(frozen=True)
class Named:
    """summary: what the network is, in a few words.
    weights: where they are published, or what gives them, by torchvision's names.
    """

    summary: str
    architecture: Architecture
    weights: Remote | Callable[[], Mapping[str, Tensor]]


FEATURE_NETWORKS = {
    "cifar-vgg": Named(
        "trained on CIFAR-10; comes with Rockfall",
        Architecture("CIFAR VGG", cifar.cifar_vgg, width=96, side=32),
        cifar.weights,
    ),
    "random-vgg": Named(
        "untrained", Architecture("random VGG", random_vgg, width=64, side=32), random_weights
    ),
    "vgg19": Named(
        "trained on ImageNet; a download of 575 MB",
        Architecture("VGG19", vgg19, width=512, side=160),
        Remote(
            name="vgg19-dcbb9e9d.pth",
            urls=("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",),
            digest="sha256:dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
            size=574_673_361,
        ),
    ),
    "squeezenet": Named(
        "trained on ImageNet; a download of 5 MB",
        Architecture("SqueezeNet 1.1", squeezenet, width=512, side=160),
        Remote(
            name="squeezenet1_1-b8a52dc0.pth",
            urls=("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",),
            digest="sha256:b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
            size=4_958_839,
        ),
    ),
}


def check_features(name: str, normalisation: str | None) -> None:
    """Raise ValueError for features that are neither a name of `FEATURE_NETWORKS` nor look like a
    path, and for a normalisation that they do not have, or that is missing. Reads no file.
    """
    if name in FEATURE_NETWORKS and normalisation not in (None, NORMALISATION):
        raise ValueError(
            f"features {name} are normalised as {NORMALISATION}, not as {normalisation}"
        )
    if name in FEATURE_NETWORKS:
        return
    if not (os.sep in name or name.endswith(SUFFIX)):
        raise ValueError(
            f"no features {name}: there are {', '.join(FEATURE_NETWORKS)}, or the path of a "
            f"safetensors file{did_you_mean(name, FEATURE_NETWORKS)}"
        )
    if normalisation is None:
        raise ValueError(
            f"weights in {name} need normalisation={'|'.join(NORMALISATIONS)}, as they were trained"
        )


def feature_network(
    name: str, normalisation: str | None = None, layers: Layers = THE_LAST
) -> FeatureNetwork:
    """A network by its name in `FEATURE_NETWORKS`, or by the path of a safetensors file of weights.

    normalisation: a key of `NORMALISATIONS`, which weights in a file need; the others bring theirs.
    layers: by an architecture's name, the layers whose activations are wanted; of an architecture
    that is not there, the last.
    Raises UsageError for what is neither name nor file, Unavailable for weights that can't be
    downloaded, and RockfallError for damaged ones.
    """
    try:
        check_features(name, normalisation)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if name not in FEATURE_NETWORKS:
        architecture, in_file = _read(name, layers)
        network = FeatureNetwork(
            architecture, str(normalisation), layers.get(architecture.name, ())
        )
        network.load(in_file)
        return network
    architecture, weights = FEATURE_NETWORKS[name].architecture, FEATURE_NETWORKS[name].weights
    network = FeatureNetwork(architecture, NORMALISATION, layers.get(architecture.name, ()))
    if not isinstance(weights, Remote):
        network.load(weights())
        return network
    found = published_weights(weights, keep=lambda parameter: parameter.startswith("features."))
    if not network.fits(found):  # the user may have put any file there
        raise RockfallError(
            f"features {name}: {weights.name} in the data folder holds other weights; remove it "
            "to download them"
        )
    network.load(found)
    return network


def architecture_of(name: str, layers: Layers = THE_LAST) -> Architecture:
    """Of a network by its name, or of the weights in a file: the first whose names and shapes they
    have, up to the layers that are wanted. Raises UsageError, and RockfallError for a damaged file.
    """
    if name in FEATURE_NETWORKS:
        return FEATURE_NETWORKS[name].architecture
    return _read(name, layers)[0]


def _read(name: str, layers: Layers) -> tuple[Architecture, dict[str, Tensor]]:
    path = Path(name).expanduser()
    if not path.is_file():
        raise UsageError(f"no features {name}: there is no such file")
    weights = read_weights(path)
    architectures = [named.architecture for named in FEATURE_NETWORKS.values()]
    for architecture in architectures:
        with unallocated():
            network = FeatureNetwork(architecture, NORMALISATION, layers.get(architecture.name, ()))
        if network.fits(weights):
            return architecture, weights
    raise UsageError(
        f"{path} holds weights of neither {' nor '.join(each.name for each in architectures)}, "
        "with torchvision's names and shapes (features.0.weight, …)"
    )
