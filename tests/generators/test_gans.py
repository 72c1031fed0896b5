"""What each member of the family has of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rockfall.registry import registry
from rockfall_generators.adversarial import AdversarialModel
from rockfall_generators.cgan import Cgan
from rockfall_generators.dcgan import Dcgan
from rockfall_generators.gan import Gan
from rockfall_generators.multi_gan import MultiGan
from rockfall_generators.wgan import Wgan, WganUpdate
from rockfall_generators.wgan_gp import WganGp
from tests.generators.small_gans import built, fitted, pictures, vectors
from tests.generators.stand_ins import dataset

KINDS: dict[str, type[AdversarialModel]] = {
    "gan": Gan, "dcgan": Dcgan, "wgan": Wgan, "wgan-gp": WganGp, "cgan": Cgan, "multi-gan": MultiGan
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_they_are_registered(name: str) -> None:
    spec = registry().models.find(name).spec
    assert spec.load() is KINDS[name]
    assert {"samples", "blends"} <= set(spec.capabilities)
    assert (name == "cgan") == all(kind.startswith("labelled") for kind in spec.learns_from)


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(1, 4, 4), (2,)])
def test_every_generator_moves_towards_the_data(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    """A sign that is wrong anywhere sends it away."""
    drawn = len(shape) == 3
    data = pictures(60, shape) if drawn else vectors(60, *shape)
    if drawn:
        data.train.inputs.copy_(data.train.inputs // 8 + 200)
    network = "conv" if drawn and name == "dcgan" else "mlp"
    settings: dict[str, Any] = {
        "network": network, "channels": 8, "hidden": 32, "lr": 0.001, "discriminator_lr": 0.01,
        "epochs": 20, "ema": 0.0, "clip": 0.1 if name == "wgan" else 0.0, "augment": (),
        "discriminator_steps": 1, "pretrain": 5,
    }  # fmt: skip
    model = built(KINDS[name], data, **settings)
    if not drawn:
        list(model.generator.parameters())[-1].data.fill_(4.0)
    real = model.scaling(data.train.inputs).mean(0)

    def away() -> float:
        torch.manual_seed(0)
        return (model.scaling(model.sample(500)).mean(0) - real).abs().mean().item()

    before = away()
    fitted(model, data, tmp_path)
    assert away() < 0.85 * before


def test_dcgan_is_of_convolutions_and_none_of_the_others() -> None:
    for name, kind in KINDS.items():
        model = kind(kind.Config(batch_size=2), pictures().info)
        layers = [type(layer) for layer in model.generator.modules()]
        assert (nn.ConvTranspose2d in layers) == (name == "dcgan")
        assert (nn.Linear in layers) is True
    resized = built(Dcgan, pictures(), upsampling="resize")
    layers = [type(layer) for layer in resized.generator.modules()]
    assert nn.Upsample in layers and nn.ConvTranspose2d not in layers
    plain = built(Dcgan, pictures(), network="mlp")
    assert not any(isinstance(layer, nn.Conv2d) for layer in plain.modules())


@pytest.mark.parametrize("kind", [Wgan, WganGp])
def test_wasserstein_ones_have_a_critic(kind: type[AdversarialModel]) -> None:
    config = kind.Config()
    assert config.objective == "wasserstein"
    assert config.discriminator_steps > 1
    update = built(kind, vectors()).build_update()
    assert isinstance(update, WganUpdate)
    real, fake = torch.randn(5), torch.randn(5)
    assert torch.equal(update.discriminator_loss(real, fake), fake.mean() - real.mean())
    assert torch.equal(update.generator_loss(fake), -fake.mean())
    assert (config.clip > 0) == (kind is Wgan)
    assert (config.penalty == "gradient") == (kind is WganGp)


def test_the_critic_of_wgan_is_clipped_and_its_generator_not(tmp_path: Path) -> None:
    data = vectors()
    model = built(Wgan, data, lr=0.01, discriminator_lr=0.01, discriminator_steps=1, clip=0.01)
    fitted(model, data, tmp_path)
    largest = [p.abs().max().item() for p in model.discriminators.parameters()]
    assert max(largest) == pytest.approx(0.01)
    assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.1


def test_wgan_gp_logs_its_penalty(tmp_path: Path) -> None:
    data = vectors()
    run = fitted(built(WganGp, data), data, tmp_path)
    assert all(line["penalty"] >= 0 for line in run.metrics)
    assert sum("penalty" in line for line in run.metrics) == 4


def test_multi_gan_has_discriminators_that_differ_and_its_temperature() -> None:
    model = built(MultiGan, vectors(), discriminators=4, temperature=0.3)
    assert len(model.discriminators) == 4
    inputs = torch.randn(5, 3)
    logits = [discriminator(inputs) for discriminator in model.discriminators]
    for number, one in enumerate(logits):
        assert one.shape == (5,)
        assert not any(torch.allclose(one, other) for other in logits[number + 1 :])
    update = model.build_update()
    assert update.config.temperature == 0.3
    assert len(update.optimizers["discriminators"].param_groups[0]["params"]) == 4 * 6
    assert "temperature" not in Gan.Config.model_fields


# Classes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_both_networks_of_cgan_are_conditioned_on_the_class(network: Any) -> None:
    model = built(Cgan, pictures(classes=3), network=network)
    noise = torch.randn(2, 3).repeat(3, 1)
    conditions = model.conditions(torch.tensor([0, 0, 1, 1, 2, 2]))
    model.eval()
    with torch.no_grad():
        made = model.generator(torch.cat((noise, conditions), 1))
        (discriminator,) = model.discriminators
        same = made[:1].expand(6, -1, -1, -1)
        logits = discriminator(model.discriminator_input(same, conditions))
    assert not torch.allclose(made[0], made[2]) and not torch.allclose(made[2], made[4])
    assert torch.allclose(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2]) and not torch.allclose(logits[2], logits[4])


class GeneratesClass(nn.Module):
    """Of a class k numbers that are all k."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def forward(self, latents: Tensor) -> Tensor:
        conditions = latents[:, self.latent :]
        return (conditions @ torch.arange(conditions.shape[1]).float())[:, None].expand(-1, 2)


@pytest.fixture
def trained(tmp_path: Path) -> Cgan:
    """It has learned one example of class 0, three of 1 and none of 2 in four."""
    inputs = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).repeat(20, 1)
    labels = torch.tensor([0, 1, 1, 1]).repeat(10)
    data = dataset(inputs, inputs, (labels, labels), ("a", "b", "c"))
    model = built(Cgan, data, ema=0.0)
    fitted(model, data, tmp_path)
    assert isinstance(model, Cgan)
    model.generator = GeneratesClass(model.config.latent)
    return model


def test_cgan_generates_the_class_that_is_asked_for(trained: Cgan) -> None:
    labels = torch.tensor([2, 0, 1, 1])
    assert trained.sample_of(labels)[:, 0].tolist() == [2, 0, 1, 1]


def test_cgan_generates_classes_as_often_as_in_the_data(trained: Cgan) -> None:
    torch.manual_seed(0)
    made = trained.sample(4000)[:, 0].long()
    shares = made.bincount(minlength=3) / 4000
    assert torch.allclose(shares, torch.tensor([0.25, 0.75, 0.0]), atol=0.02)


def test_latents_of_cgan_end_with_the_class(trained: Cgan) -> None:
    found = trained.latents(torch.zeros(3, 2), torch.tensor([1, 0, 2]))
    assert torch.equal(found[:, -3:], torch.eye(3)[[1, 0, 2]])
    assert trained.decode(found)[:, 0].tolist() == [1, 0, 2]
    blended = found[:2].mean(0, keepdim=True)
    assert trained.decode(blended)[0, 0].item() == pytest.approx(0.5)


def test_generated_examples_are_discriminated_with_their_own_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are real ones with their own."""
    inputs = torch.arange(40.0)[:, None] % 4
    labels = torch.arange(40) % 4
    data = dataset(inputs, inputs, (labels, labels), ("a", "b", "c", "d"))
    model = built(Cgan, data, ema=0.0)
    seen: list[Tensor] = []
    model.discriminators[0].register_forward_hook(lambda *given: seen.append(given[1][0].detach()))

    def generate(conditions: Tensor) -> Tensor:
        values = model.scaling(conditions.argmax(1, keepdim=True))
        noise = model.sample_noise(len(conditions))
        return values + 0 * model.generator(torch.cat((noise, conditions), 1))

    monkeypatch.setattr(model, "generate", generate)
    fitted(model, data, tmp_path)
    for inputs in seen:
        first = model.scaling.inverse(inputs[:, :1])[:, 0].round().long()
        assert torch.equal(first, inputs[:, 1:].argmax(1))


def test_a_penalty_of_cgan_leaves_the_classes_alone() -> None:
    assert built(Cgan, pictures(shape=(3, 8, 8))).build_update().data_channels == 3
    assert built(Cgan, vectors(size=5)).build_update().data_channels == 5
