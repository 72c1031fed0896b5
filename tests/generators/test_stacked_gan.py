"""The stacked GAN: its three losses by hand, what flows where, and that it learns all classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall.errors import UsageError
from rockfall.run.run import Run
from rockfall.sources.dataset import Dataset
from rockfall_generators.stacked_gan import LevelUpdate, StackedGan, StackedGanConfig
from tests.generators.small_gans import pictures, run_of, vectors
from tests.generators.stand_ins import opened

SMALL: dict[str, Any] = {
    "hidden": 8,
    "channels": 2,
    "features": 5,
    "latent": 3,
    "encoder_epochs": 1,
    "epochs": 1,
    "joint_epochs": 1,
    "batch_size": 10,
}


def stacked(data: Dataset | None = None, **given: Any) -> StackedGan:
    torch.manual_seed(0)
    config = StackedGanConfig(**{**SMALL, **given})
    return StackedGan(config, (data or pictures(classes=3)).info)


def learned(data: Dataset, out: Path, **given: Any) -> tuple[StackedGan, Run]:
    """One that has been fitted, and neither measured nor drawn."""
    model = stacked(data, **given)
    run = run_of(model, out)
    model.fit(data, run)
    return model, run


class RecordingUpdate(LevelUpdate):
    """Takes no step, and keeps what it was given."""

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        self.real, self.fake = real, fake
        return {}

    def generator_step(self, fake: Tensor, other_losses: Tensor | float = 0.0) -> dict[str, Tensor]:
        self.generated, self.other_losses = fake, other_losses
        return {}


def recording(model: StackedGan, stage: int) -> RecordingUpdate:
    level = model.stack[stage]
    return RecordingUpdate(model.config, level.generator, level.discriminators)


# What each level minimises ----------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 1])
def test_a_level_minimises_the_conditional_and_the_entropy_loss(stage: int) -> None:
    model = stacked(conditional=2.0, entropy=3.0).eval()
    level, update = model.stack[stage], recording(model, stage)
    classes = F.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()
    conditions = classes if stage else torch.randn(4, 5)
    real = torch.randn(4, 5) if stage else torch.randn(4, 1, 8, 8)
    torch.manual_seed(1)
    made, metrics = model.step(stage, update, real, conditions)
    torch.manual_seed(1)
    noise = torch.randn(4, 3)
    torch.testing.assert_close(made, level.generator(torch.cat((noise, conditions), 1)))
    again = model.encoder[stage](made)
    if stage:  # −log p(y)
        conditional = -(again.log_softmax(1) * classes).sum(1).mean()
    else:
        conditional = ((again - conditions) ** 2).mean()
    entropy = ((level.recogniser(made) - noise) ** 2).mean()
    assert isinstance(update.other_losses, Tensor)
    torch.testing.assert_close(update.other_losses, 2 * conditional + 3 * entropy)
    torch.testing.assert_close(metrics["conditional_loss"], conditional.detach())
    torch.testing.assert_close(metrics["entropy_loss"], entropy.detach())


@pytest.mark.parametrize("stage", [0, 1])
def test_a_level_learns_from_its_own_losses_alone(stage: int) -> None:
    """The discriminator sees no graph; the generator and Q have one; the level above
    learns nothing of the level below.
    """
    model = stacked()
    model.encoder.requires_grad_(False)
    update = recording(model, stage)
    conditions = (
        torch.randn(4, 5) if not stage else F.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()
    )
    real = torch.randn(4, 5) if stage else torch.randn(4, 1, 8, 8)
    made, _ = model.step(stage, update, real, conditions)
    assert not update.fake.requires_grad
    assert not made.requires_grad
    assert update.generated.requires_grad
    assert update.real is real
    assert isinstance(update.other_losses, Tensor)
    update.other_losses.backward()
    here, other = model.stack[stage], model.stack[1 - stage]
    for part in (here.generator, here.recogniser):
        assert all(p.grad is not None for p in part.parameters())
    for part in (here.discriminators, other, model.encoder):
        assert all(p.grad is None for p in part.parameters())


def test_q_learns_with_the_generator() -> None:
    model = stacked()
    level = model.stack[0]
    update = level.build_update(model.config)
    before = {name: p.clone() for name, p in level.named_parameters()}
    model.step(0, update, torch.randn(4, 1, 8, 8), torch.randn(4, 5))
    for part in ("generator", "recogniser", "discriminators"):
        changed = [n for n, p in level.named_parameters() if not torch.equal(p, before[n])]
        assert any(name.startswith(part) for name in changed), part


class Recording(StackedGan):
    """Keeps the conditions of its levels while it learns."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: list[tuple[int, Tensor, Tensor]] = []

    def step(self, stage: int, update: LevelUpdate, real: Tensor, conditions: Tensor) -> Any:
        made, metrics = super().step(stage, update, real, conditions)
        self.seen.append((stage, conditions.clone(), made.clone()))
        return made, metrics


def test_independent_training_is_on_real_features_and_joint_on_generated_ones(
    tmp_path: Path,
) -> None:
    data = pictures(count=20, classes=2)
    torch.manual_seed(0)
    model = Recording(StackedGanConfig(**{**SMALL, "batch_size": 20}), data.info)
    model.fit(data, run_of(model, tmp_path))
    (_, conditions, _), (_, apart, _), (_, again, above), (_, jointly, _) = model.seen
    assert [stage for stage, _, _ in model.seen] == [1, 0, 1, 0]
    with torch.no_grad():
        features = model.encoder.eval()[0](model.scaling(data.train.inputs))
    for row, label in zip(apart, conditions.argmax(1), strict=True):
        (where,) = (features - row).abs().sum(1).lt(1e-4).nonzero(as_tuple=True)
        assert data.train.labels[where[0]] == label
    assert torch.equal(jointly, above)
    assert again.sum(1).eq(1).all()


@pytest.mark.long
def test_the_encoder_stays_fixed(tmp_path: Path) -> None:
    """Its weights and the statistics of its norm, while the generators learn."""
    data = pictures()
    first, _ = learned(data, tmp_path / "a", epochs=1, joint_epochs=0)
    longer, _ = learned(data, tmp_path / "b", epochs=3, joint_epochs=2)
    for name, value in first.encoder.state_dict().items():
        assert torch.equal(value, longer.encoder.state_dict()[name]), name
    assert all(parameter.requires_grad for parameter in longer.encoder.parameters())


# What it can do ---------------------------------------------------------------------------------


def test_latents_are_split_among_the_levels() -> None:
    model = stacked().eval()
    lowest, highest = model.stack
    above, below = torch.randn(4, 3), torch.randn(4, 3)
    conditions = F.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()
    features = highest.trained(torch.cat((above, conditions), 1))
    wanted = lowest.trained(torch.cat((below, features), 1))
    made = model.decode(torch.cat((above, below, conditions), 1))
    assert torch.equal(made, model.scaling.inverse(wanted))


def test_samples_come_from_the_average(tmp_path: Path) -> None:
    model, _ = learned(pictures(), tmp_path, ema=0.9)
    latents = torch.cat(
        (model.sample_noise(5, 2), model.conditions(torch.tensor([0, 1, 0, 1, 0]))), 1
    )
    before = model.decode(latents)
    for level in model.stack:
        assert level.average is not None
        for parameter in level.generator.parameters():
            torch.nn.init.zeros_(parameter)
    assert torch.equal(model.decode(latents), before)


def test_without_an_average_samples_come_from_the_generators() -> None:
    for level in stacked(ema=0).stack:
        assert level.trained is level.generator


def test_latents_end_with_the_class_and_are_searched_for() -> None:
    """What a known latent makes is found again, nearly."""
    model = stacked().eval()
    conditions = F.one_hot(torch.tensor([1, 2]), 3).float()
    torch.manual_seed(3)
    inputs = model.decode(torch.cat((torch.randn(2, 6), conditions), 1))
    latents = model.latents(inputs, torch.tensor([1, 2]))
    assert latents.shape == (2, 9)
    assert torch.equal(latents[:, 6:], conditions)
    error = (model.decode(latents).float() - inputs.float()).square().mean()
    spread = inputs.float().var()
    assert error < spread


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_either_network_generates_and_classifies_pictures(network: str) -> None:
    data = pictures(shape=(3, 12, 8), classes=3)
    model = stacked(data, network=network)
    made = model.sample(7)
    assert made.shape == (7, 3, 12, 8)
    assert made.dtype == torch.uint8
    said = model.classify(data.train.inputs[:4])
    torch.testing.assert_close(said.sum(1), torch.ones(4))


def test_generated_vectors_have_no_bounds() -> None:
    """The last layer of pictures' generators lies between −1 and 1; a vector's may not."""
    model = stacked(vectors()).eval()
    for parameter in model.stack[0].trained.parameters():
        parameter.data.mul_(50)
    assert model.generate(torch.randn(50, 8)).abs().max() > 2


@pytest.mark.long
def test_it_learns_every_class_of_small_digits(tmp_path: Path) -> None:
    """Of a class it generates what a nearest neighbour takes for that class."""
    data = opened("digits", size=4)
    given = {"hidden": 64, "features": 16, "latent": 4, "encoder_epochs": 10, "batch_size": 64}
    model, run = learned(data, tmp_path, **given, epochs=4, joint_epochs=4)
    labels = torch.arange(10).repeat(20)
    torch.manual_seed(0)
    made = model.sample_of(labels)
    distances = torch.cdist(made.flatten(1).float(), data.train.inputs.flatten(1).float())
    right = data.train.labels[distances.argmin(1)] == labels
    assert right.float().mean() > 0.7
    assert max(line.get("validation accuracy", 0) for line in run.metrics) > 0.85


# What it can't do -------------------------------------------------------------------------------


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="is left with"):
        stacked(pictures(classes=1))


def test_pictures_that_convolutions_can_not_make_are_refused() -> None:
    with pytest.raises(ValueError, match=r"source\.size"):
        stacked(pictures(shape=(1, 9, 30)), network="conv")


def test_too_many_weights_are_refused_before_they_are_made() -> None:
    with pytest.raises(ValueError, match="weights are more than"):
        stacked(hidden=100_000)


@pytest.mark.parametrize("setting", ["latent", "features", "encoder_epochs", "epochs"])
def test_none_of_what_must_be_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=setting):
        rockfall.train("stacked-gan", config={setting: 0}, out=tmp_path, listeners=[])


def test_a_last_example_alone_is_left_to_the_other_epochs(tmp_path: Path) -> None:
    model, _ = learned(pictures(count=21), tmp_path, batch_size=10)
    assert all(p.isfinite().all() for p in model.parameters())
