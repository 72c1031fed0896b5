"""The residual network has the paper's layers, its blocks add, and it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import rockfall
from rockfall_vision.resnet import Block, Resnet
from tests.vision.sources import info


@pytest.mark.parametrize("blocks", [1, 3])
def test_six_n_plus_two_layers(blocks: int) -> None:
    model = Resnet(Resnet.Config(blocks=blocks), info((3, 32, 32)))
    weighty = [m for m in model.network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    shortcuts = [m for m in weighty if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert len(weighty) - len(shortcuts) == 6 * blocks + 2
    assert len(shortcuts) == 2  # where a stage begins narrower


def test_sizes_of_the_stages() -> None:
    model = Resnet(Resnet.Config(blocks=2), info((3, 32, 32)))
    layers = model.layers(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    sizes = [tuple(v.shape[1:]) for name, v in layers.items() if name.endswith("Block")]
    assert sizes == [(16, 32, 32)] * 2 + [(32, 16, 16)] * 2 + [(64, 8, 8)] * 2


def test_a_block_with_a_residual_of_zero_is_the_identity() -> None:
    block = Block(4, 4, stride=1)
    last = block.residual[-1]
    assert isinstance(last, nn.Conv2d)
    nn.init.zeros_(last.weight)
    values = torch.randn(2, 4, 6, 6)  # negative ones too: nothing is rectified on the way
    assert torch.equal(block(values), values)


@pytest.mark.parametrize("side", [8, 28, 32, 40])
def test_any_size_of_picture_reaches_the_end(side: int) -> None:
    model = Resnet(Resnet.Config(width=4), info((1, side, side))).eval()
    assert model.classify(torch.zeros(2, 1, side, side, dtype=torch.uint8)).shape == (2, 10)


@pytest.mark.slow
def test_learns_digits(tmp_path: Path) -> None:
    run = rockfall.train("resnet", out=tmp_path, listeners=[], threads=1)
    assert run.result is not None
    assert run.result["figures"]["test accuracy"]["value"] > 0.98
