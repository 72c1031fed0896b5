"""Gram matrices, losses and their slopes, beside NumPy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rockfall_style.losses import content_loss, gram, style_loss, total_variation


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_is_the_products_of_channels(layout: torch.memory_format) -> None:
    features = drawn(2, 3, 4, 5).contiguous(memory_format=layout)
    expected = np.einsum("nchw,ndhw->ncd", features.numpy(), features.numpy()) / (3 * 4 * 5)
    np.testing.assert_allclose(gram(features).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_its_slope_is_that_of_the_product(layout: torch.memory_format) -> None:
    """Along directions that are not symmetric, which a style loss never asks for."""
    features = drawn(2, 3, 4, 5).contiguous(memory_format=layout).requires_grad_()
    asked = drawn(2, 3, 3, seed=1)
    (found,) = torch.autograd.grad((gram(features) * asked).sum(), features)
    plain = torch.einsum("nchw,ndhw->ncd", features, features) / 60
    (expected,) = torch.autograd.grad((plain * asked).sum(), features)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


def test_a_gram_of_bf16_is_float32() -> None:
    assert gram(drawn(1, 2, 3, 3).bfloat16()).dtype == torch.float32


def test_a_slope_of_float32_comes_through_autocast() -> None:
    """Which multiplies in bf16 whatever it is given, and goes back outside."""
    features = torch.randn(1, 3, 4, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = gram(features).square().sum()
    loss.backward()
    plain = torch.einsum("nchw,ndhw->ncd", features, features) / 60
    (expected,) = torch.autograd.grad(plain.square().sum(), features)
    torch.testing.assert_close(features.grad, expected, rtol=0.05, atol=0.01)


def test_style_loss_is_relative_and_the_mean_of_the_layers() -> None:
    features = {"a": drawn(1, 2, 3, 4), "b": drawn(1, 3, 2, 2, seed=1), "other": drawn(1, 1, 1, 1)}
    wanted = {name: gram(drawn(*features[name].shape, seed=2)) for name in ("a", "b")}
    parts = [
        ((gram(features[name]) - grams) ** 2).sum() / (grams**2).sum()
        for name, grams in wanted.items()
    ]
    expected = (parts[0] + parts[1]) / 2
    torch.testing.assert_close(style_loss(features, wanted), expected)
    thousandfold = {name: grams * 1000 for name, grams in wanted.items()}
    brighter = {name: values * 1000**0.5 for name, values in features.items()}
    torch.testing.assert_close(style_loss(brighter, thousandfold), expected)


def test_style_loss_of_a_batch_is_the_mean_of_its_pictures() -> None:
    features = drawn(3, 2, 4, 4)
    wanted = {"a": gram(drawn(1, 2, 4, 4, seed=1))}
    each = [style_loss({"a": one[None]}, wanted) for one in features]
    torch.testing.assert_close(style_loss({"a": features}, wanted), torch.stack(each).mean())


def test_content_loss_is_relative() -> None:
    wanted = {"a": drawn(1, 2, 3, 4)}
    assert content_loss(wanted, wanted) == 0
    nothing = {"a": torch.zeros(1, 2, 3, 4, dtype=torch.float64)}
    assert content_loss(nothing, wanted) == pytest.approx(1)
    assert content_loss({"a": wanted["a"] * 3}, wanted) == pytest.approx(4)


def test_total_variation_by_hand() -> None:
    picture = torch.tensor([[[[0.0, 1.0], [3.0, 3.0]]]])
    assert total_variation(picture) == pytest.approx((1 + 0 + 9 + 4) / 4)


def test_slopes_are_those_of_finite_differences() -> None:
    wanted = {"a": gram(drawn(1, 2, 3, 4, seed=1))}
    content = {"a": drawn(1, 2, 3, 4, seed=2)}

    def losses(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        given = {"a": values}
        return style_loss(given, wanted), content_loss(given, content), total_variation(values)

    assert torch.autograd.gradcheck(losses, (drawn(2, 2, 3, 4).requires_grad_(),))
