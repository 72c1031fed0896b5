"""Feature networks of the perceptual losses: frozen convolutional networks behind one interface.

The input normalisation belongs to the weights, not to the architecture, so published weights come
with theirs.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rockfall import RockfallError, UsageError, fork_rng
from rockfall.kit.downloads import Remote
from rockfall.kit.weights import published_weights, read_weights
from rockfall.plugin import did_you_mean
from rockfall_style import random_vgg, squeezenet, vgg

MULTIPLICATIONS_A_PIXEL = 10_000
"""Of a forward pass through any of these networks, at the least."""

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((122.679 / 255, 116.669 / 255, 104.006 / 255), (1 / 255, 1 / 255, 1 / 255)),
}
"""Input normalisations: mean and standard deviation of red, green and blue in 0 … 1. `caffe` stands
for values in 0 … 255 minus the mean colour of ImageNet.
"""


@dataclass(frozen=True)
class Architecture:
    """build: makes the layers, by name and in order; layer n is `features.n` in a file of weights,
        as in torchvision's.
    style_layers, content_layers: those whose activations the losses compare.
    style_weight: factor of the style loss with which a picture shows both style and content.
    bytes_per_pixel: peak memory of a forward and a backward pass, for each pixel.
    """

    build: Callable[[], dict[str, nn.Module]]
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    style_weight: float
    bytes_per_pixel: int


VGG19 = Architecture(
    vgg.vgg19, vgg.STYLE_LAYERS, vgg.CONTENT_LAYERS, style_weight=40.0, bytes_per_pixel=3000
)
SQUEEZENET = Architecture(
    squeezenet.squeezenet,
    squeezenet.STYLE_LAYERS,
    squeezenet.CONTENT_LAYERS,
    style_weight=40.0,
    bytes_per_pixel=1300,
)
RANDOM_VGG = Architecture(
    random_vgg.random_vgg,
    random_vgg.STYLE_LAYERS,
    random_vgg.CONTENT_LAYERS,
    style_weight=500.0,
    bytes_per_pixel=1300,
)
ARCHITECTURES = {"SqueezeNet 1.1": SQUEEZENET, "VGG19": VGG19}
"""Architectures whose weights a file may hold."""

PUBLISHED = {
    "vgg19": (
        VGG19,
        Remote(
            name="vgg19-dcbb9e9d.pth",
            urls=("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",),
            digest="sha256:dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
            size=574_673_361,
        ),
    ),
    "squeezenet": (
        SQUEEZENET,
        Remote(
            name="squeezenet1_1-b8a52dc0.pth",
            urls=("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",),
            digest="sha256:b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
            size=4_958_839,
        ),
    ),
}
"""torchvision's weights, trained on ImageNet."""

UNTRAINED = "random-vgg"
NAMES = (UNTRAINED, *PUBLISHED)
SUFFIX = ".safetensors"


class Features(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 1 → activations (N, C, H', W') of the style and content layers,
    by name.

    It normalises its input itself, and has no layers beyond the last that is needed. Its weights
    are frozen.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture, normalisation: str) -> None:
        """normalisation: a key of `NORMALISATIONS`. Weights are random until they are loaded."""
        super().__init__()
        self.style_layers = architecture.style_layers
        self.content_layers = architecture.content_layers
        self.style_weight = architecture.style_weight
        self.bytes_per_pixel = architecture.bytes_per_pixel
        with fork_rng():
            layers = architecture.build()
        outputs = {*self.style_layers, *self.content_layers}
        last = max(list(layers).index(name) for name in outputs)
        needed = dict(itertools.islice(layers.items(), last + 1))
        self.outputs = {index: name for index, name in enumerate(needed) if name in outputs}
        """The names of the layers whose activations are returned, by index."""
        self.features = nn.Sequential(*needed.values())
        for name, values in zip(("mean", "std"), NORMALISATIONS[normalisation], strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        for parameter in self.requires_grad_(False).eval().parameters():
            if parameter.ndim == 4:
                # On a CPU, max pooling is 20 times faster in the channels-last memory format.
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Raises RuntimeError for pictures with a side below `min_side`."""
        activations: dict[str, Tensor] = {}
        values = (pictures - self.mean) / self.std
        values = values.contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(self.features):
            values = layer(values)
            if index in self.outputs:
                activations[self.outputs[index]] = values
        return activations

    @functools.cached_property
    def min_side(self) -> int:
        """Pixels that a picture needs along each side."""
        return next(side for side in itertools.count(1) if self._accepts(side))

    @torch.no_grad()
    def _accepts(self, side: int) -> bool:
        try:
            self(self.mean.new_zeros(1, 3, side, side))
        except RuntimeError:  # a layer's output would be empty
            return False
        return True


def check_features(name: str, normalisation: str | None) -> None:
    """Raise ValueError for features that are neither one of `NAMES` nor look like a path, and for a
    normalisation that they do not have, or that is missing. Reads no file.
    """
    if name in NAMES and normalisation not in (None, "imagenet"):
        raise ValueError(f"features {name} are normalised as imagenet, not as {normalisation}")
    if name in NAMES:
        return
    if not (os.sep in name or name.endswith(SUFFIX)):
        raise ValueError(
            f"no features {name}: there are {', '.join(NAMES)}, or the path of a safetensors file"
            f"{did_you_mean(name, NAMES)}"
        )
    if normalisation is None:
        raise ValueError(
            f"weights in {name} need normalisation={'|'.join(NORMALISATIONS)}, as they were trained"
        )


def feature_network(name: str, normalisation: str | None = None) -> Features:
    """A network by its name, one of `NAMES`, or by the path of a safetensors file of its weights.

    normalisation: a key of `NORMALISATIONS`, which weights in a file need; the others bring theirs.
    Raises UsageError for what is neither, Unavailable for weights that can't be downloaded, and
    RockfallError for damaged ones.
    """
    try:
        check_features(name, normalisation)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if name == UNTRAINED:
        network = Features(RANDOM_VGG, "imagenet")
        random_vgg.init_weights(network)
        return network
    if name in PUBLISHED:
        architecture, remote = PUBLISHED[name]
        weights = published_weights(
            remote, keep=lambda parameter: parameter.startswith("features.")
        )
        network = Features(architecture, "imagenet")
        if not _fits(weights, network):  # the user may have put any file there
            raise RockfallError(
                f"features {name}: {remote.name} in the data folder holds other weights; remove it "
                "to download them"
            )
        return _load(network, weights)
    path = Path(name).expanduser()
    if not path.is_file():
        raise UsageError(f"no features {name}: there is no such file")
    weights = read_weights(path)
    for architecture in ARCHITECTURES.values():
        network = Features(architecture, str(normalisation))
        if _fits(weights, network):
            return _load(network, weights)
    raise UsageError(
        f"{path} holds weights of neither {' nor '.join(ARCHITECTURES)}, with torchvision's names "
        "and shapes (features.0.weight, …)"
    )


def _fits(weights: Mapping[str, Tensor], network: Features) -> bool:
    """Whether `weights` has every parameter of the network; it may have more."""
    return all(
        name in weights and weights[name].shape == parameter.shape
        for name, parameter in network.state_dict().items()
    )


def _load(network: Features, weights: Mapping[str, Tensor]) -> Features:
    """Raises RockfallError for weights that are not finite."""
    for name in network.state_dict():
        if not weights[name].isfinite().all():
            raise RockfallError(f"the weights {name} of features hold numbers that are not finite")
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network
