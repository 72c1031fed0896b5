"""The games' values, against cross-entropy and the papers' formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from rockfall_generators.duel import DuelConfig
from rockfall_generators.objectives import objective


def logits(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(count, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", ["non-saturating", "minimax"])
@settings(max_examples=20, deadline=None)
@given(real=st.floats(0.5, 1), fake=st.floats(0, 0.4), seed=st.integers(0, 99))
def test_discriminator_minimises_cross_entropy(
    name: Any, real: float, fake: float, seed: int
) -> None:
    of_real, of_fake = logits(5, seed), logits(8, seed + 1)
    expected = F.binary_cross_entropy_with_logits(
        of_real, torch.full_like(of_real, real)
    ) + F.binary_cross_entropy_with_logits(of_fake, torch.full_like(of_fake, fake))
    assert torch.allclose(objective(name, real, fake).discriminator(of_real, of_fake), expected)


def test_generators_by_the_formulas() -> None:
    said = logits(9, 0)
    d = said.sigmoid()
    for name, expected in (
        ("non-saturating", -d.log().mean()),
        ("minimax", (1 - d).log().mean()),
        ("wasserstein", -said.mean()),
    ):
        made: Any = objective(name, 1.0, 0.0)  # type: ignore[arg-type]
        assert torch.allclose(made.generator(said), expected), name


def test_smoothing_is_the_discriminators_alone() -> None:
    said = logits(9, 0)
    for name in ("non-saturating", "minimax"):
        smooth, plain = (objective(name, *labels) for labels in ((0.9, 0.1), (1.0, 0.0)))  # type: ignore[arg-type]
        assert torch.equal(smooth.generator(said), plain.generator(said))


def test_critic_is_the_difference_of_means() -> None:
    real, fake = logits(5, 0), logits(8, 1)
    value = objective("wasserstein", 1.0, 0.0).discriminator(real, fake)
    assert value.item() == pytest.approx(sum(fake.tolist()) / 8 - sum(real.tolist()) / 5)


def test_smoothed_labels_pull_to_their_own_logit() -> None:
    """With target t the loss is least at log t / (1 − t), for two-sided smoothing on both sides."""
    for target in (0.9, 0.1):
        best = torch.tensor([target]).logit().double().requires_grad_()
        far = torch.zeros(1, dtype=torch.float64)
        both = objective("non-saturating", 0.9, 0.1)
        loss = both.discriminator(best, far) if target == 0.9 else both.discriminator(far, best)
        (slope,) = torch.autograd.grad(loss, best)
        assert slope.abs().item() < 1e-6


def test_sure_discriminators_give_finite_losses() -> None:
    sure = torch.tensor([1e4, -1e4], requires_grad=True)
    for name in ("non-saturating", "minimax", "wasserstein"):
        made: Any = objective(name, 1.0, 0.0)  # type: ignore[arg-type]
        loss = made.discriminator(sure, sure) + made.generator(sure)
        (slope,) = torch.autograd.grad(loss, sure)
        assert loss.isfinite() and slope.isfinite().all(), name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objective": "wasserstein", "smooth_real": 0.9}, "wasserstein has no labels to smooth"),
        ({"objective": "wasserstein", "smooth_fake": 0.1}, "wasserstein has no labels to smooth"),
        ({"smooth_real": 0.3, "smooth_fake": 0.7}, "smooth_real=0.3 must be more than"),
        ({"smooth_real": 0.5, "smooth_fake": 0.5}, "smooth_real=0.5 must be more than"),
    ],
)
def test_labels_that_make_no_sense_are_refused_as_settings(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DuelConfig(**given)
