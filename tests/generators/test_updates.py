"""Both sides' steps, against the losses written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rockfall.kit.optimizers import Adam
from rockfall.kit.schedules import averaged_model
from rockfall.testing.comparing import difference
from rockfall_generators.adversarial_update import (
    AdversarialUpdate,
    AdversarialUpdateConfig,
    discriminator_accuracy,
)
from rockfall_generators.gan import GanUpdate
from rockfall_generators.multi_gan import MultiGanUpdate
from rockfall_generators.stacked_gan import LevelUpdate
from rockfall_generators.wgan import WganUpdate
from rockfall_generators.wgan_gp import WganGpUpdate
from tests.generators.small_gans import Linear, linear_update

WEIGHTS = [torch.tensor([1.0, -2.0]), torch.tensor([0.3, 0.4]), torch.tensor([-1.0, 0.2])]
NOISE = torch.randn(6, 2, generator=torch.Generator().manual_seed(5))
REAL = torch.randn(6, 2, generator=torch.Generator().manual_seed(6)) + 1


def weights_of(side: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in side.parameters()]


def fake_of(made: AdversarialUpdate) -> Tensor:
    values: Tensor = made.generator(NOISE)
    return values


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> list[list[Tensor]]:
    """The gradients that each step was taken with, instead of a step."""
    seen: list[list[Tensor]] = []

    def note(self: torch.optim.Optimizer, *_: Any) -> None:
        held = [p for group in self.param_groups for p in group["params"]]
        seen.append([p.grad.clone() for p in held if p.grad is not None])
        assert len(seen[-1]) == len(held)

    monkeypatch.setattr(Adam, "step", note)
    return seen


def bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


# Which weights change ---------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@pytest.mark.parametrize("penalty", ["none", "gradient", "r1"])
def test_each_step_changes_its_own_side_alone(optimizer: str, penalty: str) -> None:
    made = linear_update(WEIGHTS, optimizer=optimizer, penalty=penalty)
    sides = {"generator": made.generator, "discriminators": made.discriminators}
    for moved in ("discriminators", "generator", "discriminators"):
        before = {name: weights_of(side) for name, side in sides.items()}
        if moved == "generator":
            made.generator_step(fake_of(made))
        else:
            made.discriminator_step(REAL, fake_of(made).detach())
        for name, side in sides.items():
            for old, new in zip(before[name], weights_of(side), strict=True):
                assert torch.equal(old, new) == (name != moved), (moved, name)
    assert all(p.requires_grad for p in made.discriminators.parameters())


def test_other_parameters_move_with_the_generator_alone() -> None:
    beside = nn.Parameter(torch.tensor(2.0))
    made = LevelUpdate(
        AdversarialUpdateConfig(lr=0.1),
        nn.Linear(2, 2),
        nn.ModuleList([Linear(WEIGHTS[0])]),
        other_parameters=[beside],
    )
    made.discriminator_step(REAL, fake_of(made).detach())
    assert beside.item() == 2
    made.generator_step(fake_of(made), beside.square())
    assert beside.item() == pytest.approx(1.9), "Adam's first step is lr against the slope's sign"


# What they minimise -----------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(1.0, 0.0), (0.9, 0.0), (0.8, 0.15)])
def test_discriminators_minimise_the_mean_of_their_losses(
    stepped: list[list[Tensor]], labels: tuple[float, float]
) -> None:
    made = linear_update(WEIGHTS, smooth_real=labels[0], smooth_fake=labels[1])
    fake = fake_of(made).detach()
    metrics = made.discriminator_step(REAL, fake)
    leaves = [w.clone().requires_grad_() for w in WEIGHTS]
    losses = [bce(REAL @ w, labels[0]) + bce(fake @ w, labels[1]) for w in leaves]
    loss = sum(losses) / 3
    assert isinstance(loss, Tensor)
    assert metrics["discriminator_loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for mine, theirs in zip(stepped[0], torch.autograd.grad(loss, leaves), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    assert "penalty" not in metrics


@pytest.mark.parametrize("name", ["gradient", "r1"])
def test_penalty_is_added_with_its_weight(stepped: list[list[Tensor]], name: str) -> None:
    made = linear_update(WEIGHTS[:2], penalty=name, penalty_weight=7.0, objective="wasserstein")
    fake = fake_of(made).detach()
    metrics = made.discriminator_step(REAL, fake)
    leaves = [w.clone().requires_grad_() for w in WEIGHTS[:2]]
    losses = [(fake @ w).mean() - (REAL @ w).mean() for w in leaves]
    excess = [
        (w.norm() - 1) ** 2 if name == "gradient" else w.square().sum() / 2 for w in leaves
    ]  # of linear ones, wherever it is
    assert metrics["discriminator_loss"].item() == pytest.approx(sum(losses).item() / 2, rel=1e-5)  # type: ignore[union-attr]
    assert metrics["penalty"].item() == pytest.approx(sum(excess).item() / 2, rel=1e-5)
    expected: Any = (sum(losses) + 7 * sum(excess)) / 2
    for mine, theirs in zip(stepped[0], torch.autograd.grad(expected, leaves), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1e6])
@pytest.mark.parametrize("objective", ["non-saturating", "minimax", "wasserstein"])
def test_generator_minimises_its_losses_weighted_by_a_softmax(
    stepped: list[list[Tensor]], objective: str, temperature: float
) -> None:
    made = linear_update(WEIGHTS, objective=objective, temperature=temperature)
    metrics = made.generator_step(fake_of(made))
    fake = fake_of(made)
    losses = []
    for w in WEIGHTS:
        d = (fake @ w).sigmoid()
        losses.append(
            {
                "non-saturating": -d.log().mean(),
                "minimax": (1 - d).log().mean(),
                "wasserstein": -(fake @ w).mean(),
            }[objective]
        )
    values = torch.stack(losses)
    if temperature == 0:
        expected = values.mean()
    elif temperature == 1e6:
        expected = values.max()
    else:
        powers = [2.718281828459045 ** (temperature * value.item()) for value in losses]
        expected = sum(p * value for p, value in zip(powers, losses, strict=True)) / sum(powers)  # type: ignore[assignment]
    assert metrics["generator_loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    theirs = torch.autograd.grad(expected, list(made.generator.parameters()))
    for mine, slope in zip(stepped[0], theirs, strict=True):
        assert torch.allclose(mine, slope, atol=1e-5)


# One discriminator ------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("kind", [GanUpdate, WganUpdate, WganGpUpdate, LevelUpdate])
@pytest.mark.parametrize("objective", ["non-saturating", "minimax", "wasserstein"])
@pytest.mark.parametrize("penalty", ["none", "gradient", "r1"])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_every_method_with_the_same_settings_takes_the_same_steps(
    kind: type[GanUpdate], objective: str, penalty: str, clip: float
) -> None:
    """The methods differ by their settings: each of them can take another's."""
    settings: dict[str, Any] = {"objective": objective, "penalty": penalty, "clip": clip}
    ended = []
    for each in (MultiGanUpdate, kind):
        made = linear_update(WEIGHTS[:1], lr=0.1, discriminator_lr=0.1, **settings)
        update = each(made.config, made.generator, made.discriminators)
        logged = []
        for _ in range(3):
            torch.manual_seed(2)
            logged.append(update.discriminator_step(REAL, fake_of(update).detach()))
            logged.append(update.generator_step(fake_of(update)))
        ended.append((logged, weights_of(update.generator), weights_of(update.discriminators)))
    assert not difference(*ended)


# Settings ---------------------------------------------------------------------------------------


def test_clip_keeps_every_weight_small_after_the_step_and_not_before() -> None:
    made = linear_update([torch.tensor([0.3, -5.0])], clip=0.1, objective="wasserstein")
    metrics = made.discriminator_step(REAL, fake_of(made).detach())
    assert made.discriminators[0].weights.tolist() == pytest.approx([0.1, -0.1])
    w = torch.tensor([0.3, -5.0])
    expected = (fake_of(made) @ w).mean() - (REAL @ w).mean()
    assert metrics["discriminator_loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    unclipped = linear_update([torch.tensor([0.3, -5.0])])
    unclipped.discriminator_step(REAL, fake_of(unclipped).detach())
    assert unclipped.discriminators[0].weights[1] < -4.9


def test_each_side_has_its_own_learning_rate_which_decays_by_the_schedule() -> None:
    made = linear_update(WEIGHTS[:1], lr=0.1, discriminator_lr=0.3, schedule="linear")
    for progress, share in ((None, 1.0), (0.0, 1.0), (0.25, 0.75), (0.9, 0.1)):
        if progress is not None:
            made.set_learning_rates(progress)
        lrs = {side: o.param_groups[0]["lr"] for side, o in made.optimizers.items()}
        assert lrs == pytest.approx({"generator": 0.1 * share, "discriminators": 0.3 * share})


def test_adams_memories_are_the_settings() -> None:
    made = linear_update(WEIGHTS[:1], beta1=0.3, beta2=0.8)
    for optimizer in made.optimizers.values():
        assert optimizer.param_groups[0]["betas"] == (0.3, 0.8)
    plain = linear_update(WEIGHTS[:1], optimizer="rmsprop").optimizers["generator"]
    assert isinstance(plain, torch.optim.RMSprop) and plain.param_groups[0]["momentum"] == 0


def test_average_follows_the_generator_with_its_decay() -> None:
    generator = nn.Linear(2, 2)
    average = averaged_model(generator, 0.5)
    assert average is not None
    discriminators = nn.ModuleList([Linear(WEIGHTS[0])])
    made = GanUpdate(AdversarialUpdateConfig(lr=0.1), generator, discriminators, average)
    expected: list[Tensor] = []
    for update in range(12):
        made.discriminator_step(REAL, fake_of(made).detach())
        made.generator_step(fake_of(made))
        decay = min(0.5, (1 + update) / (10 + update)) if update else 0.0
        new = weights_of(generator)
        expected = [decay * e + (1 - decay) * n for e, n in zip(expected or new, new, strict=True)]
    for mine, theirs in zip(weights_of(average.module), expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
        assert not torch.allclose(mine, new[0] if mine.ndim == 2 else new[1])


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_both_optimizers_go_on_from_their_state(optimizer: str) -> None:
    def steps(made: AdversarialUpdate, count: int) -> None:
        for _ in range(count):
            made.discriminator_step(REAL, fake_of(made).detach())
            made.generator_step(fake_of(made))

    straight = linear_update(WEIGHTS, optimizer=optimizer)
    steps(straight, 5)
    stopped, resumed = (
        linear_update(WEIGHTS, optimizer=optimizer),
        linear_update(WEIGHTS, optimizer=optimizer),
    )
    steps(stopped, 3)
    resumed.generator.load_state_dict(stopped.generator.state_dict())
    resumed.discriminators.load_state_dict(stopped.discriminators.state_dict())
    resumed.load_state_dict(stopped.state_dict())
    steps(resumed, 2)
    assert not difference(straight.state_dict(), resumed.state_dict())
    assert not difference(weights_of(straight.generator), weights_of(resumed.generator))
    for side in ("generator", "discriminators"):
        assert resumed.state_dict()[side]["state"], "there is something to keep"


def test_discriminator_accuracy() -> None:
    def share(real: list[float], fake: list[float]) -> float:
        return discriminator_accuracy(torch.tensor(real), torch.tensor(fake)).item()

    assert share([3.0, 5.0], [1.0]) == 1
    assert share([103.0, 105.0], [101.0]) == 1, "of a critic, 0 says nothing"
    assert share([1.0], [3.0, 5.0]) == 0
    assert share([2.0, 2.0], [2.0, 2.0]) == 0.5
    assert share([4.0, 0.0, 5.0], [1.0, 1.0]) == pytest.approx((2 / 3 + 1) / 2)
