"""A multilayer perceptron with ReLU units, from raw coordinates to colours.

A picture as a regression problem, as in Karpathy's "Image painting" demonstration of ConvNetJS.
Without an encoding of the coordinates such a network learns low frequencies long before high ones
(spectral bias: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks"), so its pictures are
blurred.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from rockfall_canvas.precision import without_autocast


class ReluMlp(nn.Module):
    """Coordinates (N, 2) → colours (N, 3), through `layers` hidden layers of `hidden` units.

    The first layer is initialised so that the units' kinks, where the ReLU switches on, have all
    directions and lie all over the picture; by PyTorch's default most of them pass near its centre.
    """

    def __init__(self, layers: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2, hidden)
        self.rest = relu_layers(hidden, layers - 1, hidden)
        nn.init.normal_(self.first.weight)
        nn.init.uniform_(self.first.bias, -1, 1)

    def forward(self, coordinates: Tensor) -> Tensor:
        with without_autocast(coordinates.device):
            features = self.first(coordinates).relu()
            if len(self.rest) == 1:
                # A single layer is wide, and its input takes longer to cast than to multiply.
                return self._output(features)
        return self._output(features)

    def _output(self, features: Tensor) -> Tensor:
        colours: Tensor = self.rest(features)
        return colours


def relu_layers(inputs: int, layers: int, hidden: int) -> nn.Sequential:
    """Features (N, inputs) → colours (N, 3): `layers` hidden ReLU layers and a linear one.

    Hidden layers are initialised as in He et al. 2015, "Delving Deep into Rectifiers".
    """
    sizes = [inputs, *[hidden] * layers]
    parts: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layer = nn.Linear(before, after)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], 3))


def parameter_count(layers: int, hidden: int) -> int:
    """The number of weights and biases of a `ReluMlp`."""
    return 3 * hidden + (layers - 1) * (hidden + 1) * hidden + 3 * (hidden + 1)


def width_for(count: int, layers: int) -> int:
    """The units of each hidden layer with which a `ReluMlp` has nearest to `count` parameters."""
    hidden = 1
    while parameter_count(layers, 2 * hidden) <= count:
        hidden *= 2
    step = hidden
    while step := step // 2:
        if parameter_count(layers, hidden + step) <= count:
            hidden += step
    nearest: int = min((hidden, hidden + 1), key=lambda n: abs(parameter_count(layers, n) - count))
    return nearest
