"""Muon against the singular value decomposition, and against torch's own for matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rockfall_vision.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(8, 8), (6, 40), (40, 6)])
def test_singular_values_are_brought_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    diagonal = u.T @ orthogonalise(matrix[None], steps=5)[0] @ v.T
    assert ((diagonal.diag() > 0.5) & (diagonal.diag() < 1.3)).all()
    assert (diagonal - diagonal.diag().diag()).abs().max() < 0.05  # bfloat16


def test_a_gradient_of_zero_is_no_step() -> None:
    zero = torch.zeros(2, 3, 5)
    assert torch.equal(orthogonalise(zero, steps=3), zero)


def stepped(
    optimizer: torch.optim.Optimizer, weights: nn.Parameter, slopes: list[Tensor]
) -> Tensor:
    for slope in slopes:
        weights.grad = slope.view_as(weights).clone()
        optimizer.step()
    return weights.detach()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
def test_as_torch_takes_its_steps(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    start, slopes = torch.randn(shape), [torch.randn(shape) for _ in range(4)]
    mine, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    settings = {"momentum": 0.7, "weight_decay": 0.3}
    found = stepped(Muon([mine], 0.1, ns_steps=5, **settings), mine, slopes)
    expected = stepped(torch.optim.Muon([theirs], 0.1, **settings), theirs, slopes)  # type: ignore[arg-type]
    assert (found - expected).norm() < 0.02 * (expected - start).norm()  # bfloat16


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_kernel_is_a_matrix_of_its_filters(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    start, slopes = torch.randn(8, 4, 3, 3), [torch.randn(8, 4, 3, 3) for _ in range(3)]
    kernel = nn.Parameter(start.clone().contiguous(memory_format=layout))
    matrix = nn.Parameter(start.flatten(1).clone())
    found = stepped(Muon([kernel], 0.1), kernel, slopes)
    expected = stepped(Muon([matrix], 0.1), matrix, slopes)
    assert (found.flatten(1) - expected).norm() < 0.02 * (expected - start.flatten(1)).norm()


def test_what_has_no_gradient_stays() -> None:
    weights = nn.Parameter(torch.ones(3, 4))
    Muon([weights], 0.1, weight_decay=0.5).step()
    assert torch.equal(weights, torch.ones(3, 4))


def test_each_is_stepped_as_if_alone() -> None:
    """Also two of one shape, whose gradients are of different size, and one with a transposed."""
    torch.manual_seed(0)
    starts = [torch.randn(shape) for shape in ((6, 9), (6, 9), (9, 6), (6, 1, 3, 3))]
    slopes = [torch.randn_like(start) * 10.0**k for k, start in enumerate(starts)]
    together = [nn.Parameter(start.clone()) for start in starts]
    for weights, slope in zip(together, slopes, strict=True):
        weights.grad = slope.clone()
    Muon(together, 0.1, weight_decay=0.1).step()
    for weights, start, slope in zip(together, starts, slopes, strict=True):
        alone = nn.Parameter(start.clone())
        expected = stepped(Muon([alone], 0.1, weight_decay=0.1), alone, [slope])
        torch.testing.assert_close(weights.detach(), expected)


def test_a_learning_rate_may_be_a_tensor() -> None:
    """As it is in a captured step."""
    torch.manual_seed(0)
    start, slopes = torch.randn(8, 20), [torch.randn(8, 20) for _ in range(3)]
    results = []
    for lr in (0.1, torch.tensor(0.1)):
        weights = nn.Parameter(start.clone())
        results.append(stepped(Muon([weights], lr, weight_decay=0.3), weights, slopes))  # type: ignore[arg-type]
    torch.testing.assert_close(*results)
