"""A plain network of rectified linear units, from coordinates to colours.

What Karpathy's "Image painting" demonstration of ConvNetJS and many since have done: a picture as a
problem of regression. Such networks learn what is coarse long before what is fine (Rahaman et al.
2019, "On the Spectral Bias of Neural Networks"), so that they paint softly.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from rockfall_canvas.exact import exactly


class Dense(nn.Module):
    """Coordinates (N, 2) → colours (N, 3), through `layers` hidden ones of `hidden` units.

    The first layer's creases begin in all directions and all over the picture, where PyTorch's own
    initialisation has most of them pass near its middle.
    """

    def __init__(self, layers: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2, hidden)
        self.rest = rectified(hidden, layers - 1, hidden)
        nn.init.normal_(self.first.weight)
        nn.init.uniform_(self.first.bias, -1, 1)

    def forward(self, places: Tensor) -> Tensor:
        with exactly(places.device):
            features = self.first(places).relu()
            if len(self.rest) == 1:  # so wide a layer takes longer to convert than to sum up
                return self._painted(features)
        return self._painted(features)

    def _painted(self, features: Tensor) -> Tensor:
        colours: Tensor = self.rest(features)
        return colours


def rectified(inputs: int, layers: int, hidden: int) -> nn.Sequential:
    """Features (N, inputs) → colours (N, 3), initialised after He et al. 2015."""
    sizes = [inputs, *[hidden] * layers]
    parts: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layer = nn.Linear(before, after)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], 3))


def parameters(layers: int, hidden: int) -> int:
    """Of a `Dense`: all weights and biases."""
    return 3 * hidden + (layers - 1) * (hidden + 1) * hidden + 3 * (hidden + 1)


def width_for(count: int, layers: int) -> int:
    """Units of each of so many hidden layers with which a `Dense` has about `count` parameters."""
    hidden = 1
    while parameters(layers, 2 * hidden) <= count:
        hidden *= 2
    step = hidden
    while step := step // 2:
        if parameters(layers, hidden + step) <= count:
            hidden += step
    nearest: int = min((hidden, hidden + 1), key=lambda n: abs(parameters(layers, n) - count))
    return nearest
