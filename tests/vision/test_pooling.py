"""Global max pooling beside PyTorch's adaptive one, which has no deterministic gradient on CUDA."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rockfall.testing import pretend_device
from rockfall_vision.pooling import GlobalMaxPool2d


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_adaptive_max_pooling_to_one_pixel(layout: torch.memory_format) -> None:
    """And its gradient goes to the same pixel where several are the largest."""
    torch.manual_seed(0)
    maps = torch.randint(3, (4, 5, 3, 6)).float().contiguous(memory_format=layout)
    found = []
    for pool in (GlobalMaxPool2d(), nn.AdaptiveMaxPool2d(1)):
        given = maps.clone().requires_grad_()
        output = pool(given)
        (output.flatten(1) * torch.arange(1.0, 6.0)).sum().backward()
        found.append((output.detach(), given.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])  # type: ignore[arg-type]


def test_it_is_deterministic_on_a_gpu() -> None:
    with pretend_device():
        maps = torch.randn(2, 3, 4, 4, device="cuda", requires_grad=True)
        torch.use_deterministic_algorithms(True)
        try:
            GlobalMaxPool2d()(maps).sum().backward()
        finally:
            torch.use_deterministic_algorithms(False)
        assert maps.grad is not None and maps.grad.sum() == 6
