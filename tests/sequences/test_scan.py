"""The scan against its loop, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rockfall_sequences import scan as scanning
from rockfall_sequences.scan import scan


def loop(a: Tensor, b: Tensor, state: Tensor | None = None) -> Tensor:
    h = torch.zeros_like(b[:, 0]) if state is None else state
    found = []
    for step in range(b.shape[1]):
        h = a[:, step] * h + b[:, step]
        found.append(h)
    return torch.stack(found, 1)


def made(steps: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(steps)
    a = torch.rand(2, steps, 3, dtype=torch.float64, generator=generator).to(dtype)
    if dtype.is_complex:
        a = a * torch.polar(torch.ones(3).double(), torch.tensor([0.1, 1.0, 2.0]).double())
    b = torch.randn(2, steps, 3, dtype=dtype, generator=generator)
    return a, b, torch.randn(2, 3, dtype=dtype, generator=generator)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9, 10, 17, 50])
def test_it_is_its_loop(steps: int, dtype: torch.dtype) -> None:
    a, b, state = made(steps, dtype)
    torch.testing.assert_close(scan(a, b), loop(a, b))
    torch.testing.assert_close(scan(a, b, state), loop(a, b, state))


@pytest.mark.parametrize("most", [1, 6, 12, 10_000])
@pytest.mark.parametrize("steps", [1, 2, 7, 12, 50])
def test_in_any_number_of_blocks(steps: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 6 numbers in a step: one block, two, or as many as the root of the steps."""
    monkeypatch.setattr(scanning, "WORTH_AN_OPERATION", most)
    grads = []
    for way in (scan, loop):
        given = [each.requires_grad_() for each in made(steps, torch.complex128)]
        found = way(*given)
        found.abs().sum().backward()
        grads.append([found, *(each.grad for each in given)])
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected)


def test_blocks_are_fewer_the_wider_a_step_is() -> None:
    blocks = [scanning.blocks_for(torch.empty(8, 1_000, units)) for units in (1, 32, 128, 4_096)]
    assert blocks == [32, 32, 8, 1]


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_single_sequence_is_left_as_it_is(steps: int) -> None:
    given = [each[:1] for each in made(steps, torch.float64)[:2]]
    before = [each.clone() for each in given]
    torch.testing.assert_close(scan(*given), loop(*given))
    assert all(each.equal(was) for each, was in zip(given, before, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_gradients_by_finite_differences(steps: int, dtype: torch.dtype) -> None:
    given = [each.requires_grad_() for each in made(steps, dtype)]
    assert torch.autograd.gradcheck(scan, given)


def test_gradients_are_those_of_the_loop() -> None:
    grads = []
    for way in (scan, loop):
        given = [each.requires_grad_() for each in made(50, torch.complex128)]
        way(*given).abs().sum().backward()
        grads.append([each.grad for each in given])
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected)


def test_nothing_overflows_over_many_steps() -> None:
    a = torch.full((1, 5_000, 2), 0.01)
    a[..., 1] = 1.0
    given = [a.requires_grad_(), torch.ones(1, 5_000, 2).requires_grad_()]
    h = scan(*given)
    assert h[0, -1].tolist() == pytest.approx([1 / 0.99, 5_000])
    h.sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in given if each.grad is not None)
