"""A convolutional network up to the layers that are asked for, behind one interface.

The input normalisation belongs to the weights, not to the architecture, so published weights come
with theirs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rockfall.errors import RockfallError
from rockfall.kit.randomness import fork_rng

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((122.679 / 255, 116.669 / 255, 104.006 / 255), (1 / 255, 1 / 255, 1 / 255)),
}
"""Input normalisations: mean and standard deviation of red, green and blue in 0 … 1. `caffe` stands
for values in 0 … 255 minus the mean colour of ImageNet.
"""


@dataclass(frozen=True)
class Architecture:
    """name: as its authors write it.
    build: makes the layers, by name and in order; layer n is `features.n` in a file of weights, as
        in torchvision's.
    width: channels of the last layer.
    side: pixels along the longer side at which its activations tell most of what a picture shows,
        by classifying CIFAR-10 from them.
    """

    name: str
    build: Callable[[], dict[str, nn.Module]]
    width: int
    side: int


class FeatureNetwork(nn.Module):
    """(N, 3, H, W) float RGB in 0 … 1 → activations (N, C, H', W') of some layers, by name.

    It normalises its input itself, and has no layers beyond the last that is needed. Its weights
    are frozen.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, architecture: Architecture, normalisation: str, layers: Sequence[str] = ()
    ) -> None:
        """normalisation: a key of `NORMALISATIONS`. layers: names of those whose activations are
        wanted; none: of the last. Weights are random until they are loaded.

        Raises ValueError for a layer that there is not.
        """
        super().__init__()
        self.architecture = architecture
        with fork_rng():
            built = architecture.build()
        wanted = set(layers or [list(built)[-1]])
        if unknown := wanted - built.keys():
            raise ValueError(
                f"{architecture.name} has no layer {', '.join(sorted(unknown))}: {', '.join(built)}"
            )
        last = max(list(built).index(name) for name in wanted)
        needed = dict(itertools.islice(built.items(), last + 1))
        self.names = tuple(needed)
        """Of the layers in `features`, in order."""
        self.outputs = {index: name for index, name in enumerate(self.names) if name in wanted}
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

    def fits(self, weights: Mapping[str, Tensor]) -> bool:
        """Whether `weights` has every parameter, by name and shape; it may have more."""
        return all(
            name in weights and weights[name].shape == parameter.shape
            for name, parameter in self.state_dict().items()
        )

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights, which fit. Raises RockfallError for some that are not finite."""
        for name in self.state_dict():
            if not weights[name].isfinite().all():
                raise RockfallError(
                    f"the weights {name} of features hold numbers that are not finite"
                )
        self.load_state_dict({name: weights[name] for name in self.state_dict()})
