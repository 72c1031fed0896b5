"""Networks that see in pictures what a style and a content are: frozen, behind one interface.

How a picture is normalised belongs to the weights, not to the network, so each of them comes with
its own.
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

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((122.679 / 255, 116.669 / 255, 104.006 / 255), (1 / 255, 1 / 255, 1 / 255)),
}
"""What weights were trained with: the mean and deviation, of red, green and blue in 0 … 1, that
bring a picture to their input. `caffe`: 0 … 255 without the mean colour of ImageNet.
"""


@dataclass(frozen=True)
class Architecture:
    """build: layers by name, in order; in a file layer n is `features.n`, as in torchvision's.

    style_weight: how much style has to count beside content for a picture that shows both.
    bytes_a_pixel: the most memory that going forth and back through it takes, for each pixel.
    """

    build: Callable[[], dict[str, nn.Module]]
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    style_weight: float
    bytes_a_pixel: int


VGG19 = Architecture(
    vgg.vgg19, vgg.STYLE_LAYERS, vgg.CONTENT_LAYERS, style_weight=40.0, bytes_a_pixel=3000
)
SQUEEZENET = Architecture(
    squeezenet.squeezenet,
    squeezenet.STYLE_LAYERS,
    squeezenet.CONTENT_LAYERS,
    style_weight=40.0,
    bytes_a_pixel=1300,
)
RANDOM = Architecture(
    random_vgg.random_vgg,
    random_vgg.STYLE_LAYERS,
    random_vgg.CONTENT_LAYERS,
    style_weight=500.0,
    bytes_a_pixel=1300,
)
ARCHITECTURES = {"SqueezeNet 1.1": SQUEEZENET, "VGG19": VGG19}
"""Those that a file may hold the weights of."""

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
"""torchvision's, trained on ImageNet."""

UNTRAINED = "random-vgg"
NAMES = (UNTRAINED, *PUBLISHED)
SUFFIX = ".safetensors"


class Features(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 1 → the activations (N, C, H', W') of its layers, by name.

    It scales its input itself, as its weights want, and computes nothing beyond its last layer.
    Its weights do not learn.

    least: pixels that a picture needs along each side.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: Architecture, normalisation: str) -> None:
        """Its weights are to be loaded; until then they are random."""
        super().__init__()
        self.style_layers = architecture.style_layers
        self.content_layers = architecture.content_layers
        self.style_weight = architecture.style_weight
        self.bytes_a_pixel = architecture.bytes_a_pixel
        with fork_rng():
            layers = architecture.build()
        wanted = {*self.style_layers, *self.content_layers}
        last = max(list(layers).index(name) for name in wanted)
        needed = dict(itertools.islice(layers.items(), last + 1))
        self.taken = {place: name for place, name in enumerate(needed) if name in wanted}
        self.features = nn.Sequential(*needed.values())
        for name, values in zip(("mean", "deviation"), NORMALISATIONS[normalisation], strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        for parameter in self.requires_grad_(False).eval().parameters():
            if parameter.ndim == 4:
                # On a CPU torch takes the greatest of channels that lie last 20 times faster.
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Raises RuntimeError for pictures of a side below `least`."""
        found: dict[str, Tensor] = {}
        values = (pictures - self.mean) / self.deviation
        values = values.contiguous(memory_format=torch.channels_last)
        for place, layer in enumerate(self.features):
            values = layer(values)
            if place in self.taken:
                found[self.taken[place]] = values
        return found

    @functools.cached_property
    def least(self) -> int:
        return next(side for side in itertools.count(1) if self._takes(side))

    @torch.no_grad()
    def _takes(self, side: int) -> bool:
        try:
            self(self.mean.new_zeros(1, 3, side, side))
        except RuntimeError:  # a layer would have nothing to give
            return False
        return True


def check_names(name: str, normalisation: str | None) -> None:
    """Raise ValueError for what is neither a name nor looks like a path, and for features that need
    another normalisation, or to be told theirs. No file is looked for.
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

    Weights in a file need `normalisation`, a key of `NORMALISATIONS`; the others bring theirs.
    Raises UsageError for what is neither, and Unavailable for what can't be downloaded.
    """
    try:
        check_names(name, normalisation)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if name == UNTRAINED:
        network = Features(RANDOM, "imagenet")
        random_vgg.draw_weights(network)
        return network
    if name in PUBLISHED:
        architecture, remote = PUBLISHED[name]
        weights = published_weights(
            remote, keep=lambda parameter: parameter.startswith("features.")
        )
        network = Features(architecture, "imagenet")
        if not _fit(weights, network):  # the user may have laid anything there
            raise RockfallError(
                f"features {name}: what lies in the folder of data in place of {remote.name} are "
                "other weights; remove it to download them"
            )
        return _loaded(network, weights)
    path = Path(name).expanduser()
    if not path.is_file():
        raise UsageError(f"no features {name}: there is no such file")
    weights = read_weights(path)
    for architecture in ARCHITECTURES.values():
        network = Features(architecture, str(normalisation))
        if _fit(weights, network):
            return _loaded(network, weights)
    raise UsageError(
        f"{path} holds weights of neither {' nor '.join(ARCHITECTURES)}, with torchvision's names "
        "and shapes (features.0.weight, …)"
    )


def _fit(weights: Mapping[str, Tensor], network: Features) -> bool:
    """Whether `weights` has all that the network needs; it may have more."""
    return all(
        name in weights and weights[name].shape == wanted.shape
        for name, wanted in network.state_dict().items()
    )


def _loaded(network: Features, weights: Mapping[str, Tensor]) -> Features:
    """Raises RockfallError for weights that are not finite."""
    for name in network.state_dict():
        if not weights[name].isfinite().all():
            raise RockfallError(f"the weights {name} of features hold numbers that are not finite")
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network
