"""Losses of discriminators and generators, against cross-entropy and the papers' formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall_generators.adversarial_update import AdversarialUpdateConfig
from rockfall_generators.gan import GanUpdate
from rockfall_generators.multi_gan import MultiGanUpdate
from rockfall_generators.stacked_gan import LevelUpdate
from rockfall_generators.wgan import WganUpdate
from rockfall_generators.wgan_gp import WganGpUpdate

KINDS: list[type[GanUpdate]] = [GanUpdate, WganUpdate, WganGpUpdate, MultiGanUpdate, LevelUpdate]


def logits(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(count, generator=generator, dtype=torch.float64)


def losses(
    objective: Any, real: float = 1.0, fake: float = 0.0, kind: type[GanUpdate] = GanUpdate
) -> GanUpdate:
    config = AdversarialUpdateConfig(objective=objective, smooth_real=real, smooth_fake=fake)
    return kind(config, nn.Linear(1, 1), nn.ModuleList([nn.Linear(1, 1)]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["non-saturating", "minimax"])
@settings(max_examples=20, deadline=None)
@given(real=st.floats(0.5, 1), fake=st.floats(0, 0.4), seed=st.integers(0, 99))
def test_discriminator_minimises_cross_entropy(
    kind: type[GanUpdate], name: Any, real: float, fake: float, seed: int
) -> None:
    of_real, of_fake = logits(5, seed), logits(8, seed + 1)
    expected = F.binary_cross_entropy_with_logits(
        of_real, torch.full_like(of_real, real)
    ) + F.binary_cross_entropy_with_logits(of_fake, torch.full_like(of_fake, fake))
    loss = losses(name, real, fake, kind).discriminator_loss(of_real, of_fake)
    assert torch.allclose(loss, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_generators_by_the_formulas(kind: type[GanUpdate]) -> None:
    of_fake = logits(9, 0)
    d = of_fake.sigmoid()
    for name, expected in (
        ("non-saturating", -d.log().mean()),
        ("minimax", (1 - d).log().mean()),
        ("wasserstein", -of_fake.mean()),
    ):
        assert torch.allclose(losses(name, kind=kind).generator_loss(of_fake), expected), name


def test_smoothing_is_the_discriminators_alone() -> None:
    of_fake = logits(9, 0)
    for name in ("non-saturating", "minimax"):
        smooth, plain = (losses(name, *labels) for labels in ((0.9, 0.1), (1.0, 0.0)))
        assert torch.equal(smooth.generator_loss(of_fake), plain.generator_loss(of_fake))


@pytest.mark.parametrize("kind", KINDS)
def test_critic_is_the_difference_of_means(kind: type[GanUpdate]) -> None:
    real, fake = logits(5, 0), logits(8, 1)
    value = losses("wasserstein", kind=kind).discriminator_loss(real, fake)
    assert value.item() == pytest.approx(sum(fake.tolist()) / 8 - sum(real.tolist()) / 5)


def test_smoothed_labels_pull_to_their_own_logit() -> None:
    """With target t the loss is least at log t / (1 − t), for two-sided smoothing on both sides."""
    for target in (0.9, 0.1):
        best = torch.tensor([target]).logit().double().requires_grad_()
        far = torch.zeros(1, dtype=torch.float64)
        loss_of = losses("non-saturating", 0.9, 0.1).discriminator_loss
        loss = loss_of(best, far) if target == 0.9 else loss_of(far, best)
        (slope,) = torch.autograd.grad(loss, best)
        assert slope.abs().item() < 1e-6


def test_confident_discriminators_give_finite_losses() -> None:
    confident = torch.tensor([1e4, -1e4], requires_grad=True)
    for name in ("non-saturating", "minimax", "wasserstein"):
        made = losses(name)
        loss = made.discriminator_loss(confident, confident) + made.generator_loss(confident)
        (slope,) = torch.autograd.grad(loss, confident)
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
        AdversarialUpdateConfig(**given)
