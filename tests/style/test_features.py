"""Which layers of the kit's feature networks the losses compare."""

from __future__ import annotations

import pytest
import torch

from rockfall.kit.features import FEATURE_NETWORKS
from rockfall_style.features import LOSS_LAYERS, Features, feature_network


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_the_losses_have_their_layers_of_every_network_of_the_kit(name: str) -> None:
    architecture = FEATURE_NETWORKS[name].architecture
    with torch.device("meta"):
        layers = architecture.build()
    losses = LOSS_LAYERS[architecture.name]
    assert {*losses.style_layers, *losses.content_layers} <= layers.keys()


def test_it_returns_what_the_losses_compare_and_no_more() -> None:
    network = feature_network("random-vgg")
    assert isinstance(network, Features)
    found = network(torch.rand(1, 3, 32, 32))
    assert found.keys() == {*network.style_layers, *network.content_layers}
    assert network.min_side == 16
