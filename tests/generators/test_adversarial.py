"""The trainer of all GANs: alternation, inputs, samples, refusals."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rockfall
from rockfall.errors import Diverged, UsageError
from rockfall.kit import checkpoint
from rockfall.kit.randomness import fork_rng
from rockfall.run.run import Run
from rockfall.testing.comparing import difference
from rockfall.testing.rehearsal import StoppedForTest
from rockfall_generators import adversarial, penalties
from rockfall_generators.adversarial import SPREAD, AdversarialModel
from rockfall_generators.adversarial_update import AdversarialUpdate
from rockfall_generators.cgan import Cgan
from rockfall_generators.dcgan import Dcgan
from rockfall_generators.gan import Gan, GanUpdate
from rockfall_generators.multi_gan import MultiGan
from rockfall_generators.wgan import Wgan
from rockfall_generators.wgan_gp import WganGp
from tests.generators.small_gans import built, fitted, pictures, run_of, vectors

KINDS: list[type[AdversarialModel]] = [Gan, Dcgan, Wgan, WganGp, Cgan, MultiGan]
MOVING: dict[str, Any] = {
    "lr": 0.01, "discriminator_lr": 0.01, "pretrain": 0, "discriminator_steps": 1
}  # fmt: skip


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """D and G, in the order of their steps."""
    taken: list[str] = []

    def watch(method: str) -> None:
        take = getattr(GanUpdate, method)

        def step(self: GanUpdate, *args: Any) -> Any:
            taken.append(method[0].upper())
            return take(self, *args)

        monkeypatch.setattr(GanUpdate, method, step)

    watch("discriminator_step")
    watch("generator_step")
    return taken


# Shapes of all kinds ----------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((1, 8, 8), "mlp"),
        ((3, 6, 12), "conv"),
        ((3, 6, 5), "mlp"),
        ((1, 2, 2), "conv"),
        ((1, 1, 1), "mlp"),
        ((1,), "mlp"),
        ((4,), "mlp"),
    ],
)
def test_every_method_learns_from_every_data(
    tmp_path: Path, kind: type[AdversarialModel], shape: tuple[int, ...], network: str
) -> None:
    count = 21  # a last batch of one, which has no variance
    drawn = len(shape) == 3
    data = pictures(count, shape) if drawn else vectors(count, *shape)
    augment = ("shift", "cutout", "colour") if drawn else ()
    model = built(
        kind, data, **MOVING | {"network": network, "augment": augment, "penalty": "gradient"}
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run = fitted(model, data, tmp_path)
    assert run.step == 3
    after = model.state_dict()
    moved = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert {name.split(".")[0] for name in moved} >= {"generator", "discriminators", "average"}
    assert all(value.isfinite().all() for value in after.values())
    inputs, labels = data.train[:4]
    with fork_rng(0):
        made = model.sample(7)
    assert made.shape == (7, *data.info.shape)
    assert made.dtype == inputs.dtype
    with torch.no_grad():
        latents = model.latents(inputs, labels)
    assert latents.shape == (4, 3 + (2 if kind is Cgan else 0))
    assert torch.equal(model.decode(latents), model.decode(latents))


def test_only_a_conditional_one_can_generate_a_class() -> None:
    for kind in KINDS:
        assert hasattr(kind, "sample_of") == (kind is Cgan)


def test_many_are_generated_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(Dcgan, pictures())
    latents = torch.randn(23, 3)
    whole = model.decode(latents)
    sizes: list[int] = []
    model.trained.register_forward_hook(lambda *given: sizes.append(len(given[2])))
    monkeypatch.setattr(adversarial, "CHUNK", 10 * 64)
    parts = model.decode(latents)
    assert sizes == [10, 10, 3]
    monkeypatch.setattr(adversarial, "CHUNK", 1)
    assert torch.equal(model.decode(latents[:1]), model.decode(latents)[:1])
    assert sizes[3:] == [1] * 24
    assert (whole.int() - parts.int()).abs().max() <= 1


def test_generated_values_cover_the_range_of_the_data() -> None:
    """Of pictures no more, of vectors about as far as they are spread."""
    drawn = built(Gan, pictures(), latent=8, hidden=64)
    with torch.no_grad():
        values = drawn.generator(100 * torch.randn(50, 8))
    assert values.abs().max() <= 1
    numbers = built(Gan, vectors())
    last = list(numbers.trained.parameters())[-1]
    last.data.fill_(1.5)
    for parameter in list(numbers.trained.parameters())[:-1]:
        parameter.data.zero_()
    info = numbers.scaling
    expected = info.offset + 1.5 * info.scale
    assert torch.allclose(numbers.sample(4), expected.expand(4, -1))


def test_noise_has_its_distribution() -> None:
    normal, uniform = (
        built(Gan, vectors(), noise=noise, latent=5) for noise in ("normal", "uniform")
    )
    torch.manual_seed(0)
    drawn = normal.sample_noise(20_000)
    assert drawn.shape == (20_000, 5)
    assert drawn.mean().abs() < 0.02 and abs(drawn.std().item() - 1) < 0.02
    assert drawn.abs().max() > 3
    even = uniform.sample_noise(20_000)
    assert even.min() >= -1 and even.max() <= 1
    assert abs(even.var().item() - 1 / 3) < 0.01 and even.mean().abs() < 0.02
    assert normal.spherical is True
    assert uniform.spherical is False
    mixture = built(Gan, vectors(), noise="mixture", latent=5)
    apart = mixture.sample_noise(20_000)
    component = apart.argmax(1)
    assert (component.bincount() / 20_000 - 0.2).abs().max() < 0.02
    rest = apart - torch.eye(5)[component]
    assert rest.std() == pytest.approx(SPREAD, rel=0.02) and rest.abs().max() < 0.2
    assert mixture.spherical is False


@pytest.mark.long
def test_latents_invert_the_generator() -> None:
    model = built(Gan, pictures(), latent=4, hidden=32)
    for layer in model.trained.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data *= 3
    torch.manual_seed(0)
    wanted = model.sample(3)
    labels = torch.full((3,), -1)
    with torch.no_grad():
        back = model.decode(model.latents(wanted, labels))
    error = (back.float() - wanted.float()).square().mean((1, 2, 3))
    others = model.sample(2000).float()
    for example in range(3):
        nearest = (others - wanted[example].float()).square().mean((1, 2, 3)).min()
        assert error[example] < nearest / 2


# The schedule -----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pretrain": 0, "discriminator_steps": 1}, "DG" * 8),
        ({"pretrain": 3, "discriminator_steps": 1}, "DDD" + "DG" * 5),
        ({"pretrain": 0, "discriminator_steps": 3}, "DDDG" * 2 + "DD"),
        ({"pretrain": 1, "discriminator_steps": 2}, "D" + "DDG" * 3 + "D"),
        ({"pretrain": 100, "discriminator_steps": 1}, "D" * 8),
    ],
)
def test_updates_alternate(
    tmp_path: Path, steps: list[str], settings: dict[str, int], expected: str
) -> None:
    """Eight batches in two epochs, across whose border it is counted on."""
    data = vectors(40)
    run = fitted(built(Gan, data, epochs=2, **settings), data, tmp_path)
    assert "".join(steps) == expected
    lines = [line for line in run.metrics if "discriminator_loss" in line]
    assert len(lines) == 8
    learned = "".join("DG" if "generator_loss" in line else "D" for line in lines)
    assert learned == expected


def test_a_generator_whose_turn_has_not_come_does_not_learn(tmp_path: Path) -> None:
    data = vectors(40)
    model = built(Gan, data, pretrain=4)
    before = [parameter.clone() for parameter in model.generator.parameters()]
    fitted(model, data, tmp_path)
    assert all(map(torch.equal, before, model.generator.parameters()))
    assert all(map(torch.equal, before, model.trained.parameters()))


def test_learning_rates_decay_from_epoch_to_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(
        AdversarialUpdate, "set_learning_rates", lambda self, progress: seen.append(progress)
    )
    data = vectors(40)
    fitted(built(Gan, data, epochs=4), data, tmp_path)
    assert seen == [0, 0.25, 0.5, 0.75]


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Gan, {"ema": 0.9, "schedule": "linear", "discriminator_steps": 2}),
        (Wgan, {"optimizer": "rmsprop", "pretrain": 3}),
        (MultiGan, {"spectral_norm": True, "network": "conv", "augment": ("shift", "cutout")}),
        (Cgan, {"penalty": "r1"}),
    ],
)
def test_resumed_both_optimizers_are_as_if_nothing_had_been(
    tmp_path: Path, kind: type[AdversarialModel], settings: dict[str, Any]
) -> None:
    data = pictures(45)
    settings = {**MOVING, "epochs": 3, **settings}

    def ended(run: Run) -> dict[str, Any]:
        run.save("last")
        return checkpoint.read(run.directory.checkpoint("last"))

    expected = ended(fitted(built(kind, data, **settings), data, tmp_path))
    stopped = run_of(built(kind, data, **settings), tmp_path, checkpoint_every=0, stop_at=7)
    torch.manual_seed(1)
    with pytest.raises(StoppedForTest):
        stopped.model.fit(data, stopped)
    torch.manual_seed(2)
    resumed = Run(stopped.directory, stopped.record, built(kind, data, **settings))
    resumed.resume()
    resumed.model.fit(data, resumed)
    found = ended(resumed)
    for side in ("generator", "discriminators"):
        kept = expected["kept"]["duel"][side]
        assert kept["state"], f"the {side}'s optimizer has moments"
        assert not difference(kept, found["kept"]["duel"][side])
    assert not difference(expected["model"], found["model"])
    assert not difference(expected["random"]["torch"], found["random"]["torch"])


# What the discriminator is and sees -------------------------------------------------------------


def test_real_and_generated_inputs_are_augmented_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example that a discriminator is given has gone through it, none without."""
    given: list[Tensor] = []

    def mark(values: Tensor, names: Any) -> Tensor:
        assert names == ("shift", "colour")
        given.append(values)
        return values * 0 + len(given)

    monkeypatch.setattr(adversarial, "augment", mark)
    data = pictures(10)
    model = built(Gan, data, **MOVING, augment=("shift", "colour"))
    judged: list[set[float]] = []
    model.discriminators[0].register_forward_hook(
        lambda *seen: judged.append(set(seen[1][0].flatten().tolist()))
    )
    fitted(model, data, tmp_path)
    assert judged[:2] == [{1.0, 2.0}, {3.0}], "real and made by D, and made ones by G"
    assert torch.equal(given[0].sort(0).values, model.scaling(data.train.inputs).sort(0).values)
    assert not given[1].requires_grad
    assert given[2].requires_grad


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_spectral_norm_bounds_every_layer(network: Any) -> None:
    model = built(Gan, pictures(), network=network, spectral_norm=True, channels=4, hidden=16)
    discriminator = model.discriminators[0]
    layers = [
        layer for layer in discriminator.modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    assert len(layers) == 3
    for layer in layers:
        original: Any = layer.parametrizations.weight.original  # type: ignore[union-attr]
        original.data *= 50
    with torch.no_grad():
        for _ in range(100):  # a power iteration each
            discriminator(torch.randn(2, 1, 8, 8))
    discriminator.eval()
    for layer in layers:
        assert isinstance(layer.weight, Tensor)
        norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert norm.item() == pytest.approx(1, abs=1e-3)
    if network == "mlp":  # and so the whole of it
        one, other = torch.randn(50, 1, 8, 8), torch.randn(50, 1, 8, 8)
        with torch.no_grad():
            apart = (discriminator(one) - discriminator(other)).abs()
        assert (apart <= 1.001 * (one - other).flatten(1).norm(dim=1)).all()


def test_without_spectral_norm_there_is_no_bound() -> None:
    model = built(Gan, pictures(), spectral_norm=False)
    layers = list(model.discriminators.modules())
    assert not any(hasattr(layer, "parametrizations") for layer in layers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_logit_depends_on_its_own_example_alone(
    kind: type[AdversarialModel], network: Any
) -> None:
    """A batch norm in D would tell real from made by their means, and break the penalties."""
    data = pictures(shape=(1, 8, 8))
    model = built(kind, data, network=network)
    model.train()
    conditions = model.conditions(torch.tensor([0, 1, 0, 1]))
    seen = model.discriminator_input(torch.randn(4, 1, 8, 8), conditions).requires_grad_()
    for discriminator in model.discriminators:
        (slope,) = torch.autograd.grad(discriminator(seen)[1], seen)
        assert slope[1].abs().max() > 0
        assert not slope[[0, 2, 3]].any()


# Samples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_samples_are_of_the_average_if_there_is_one(ema: float) -> None:
    model = built(Gan, vectors(), ema=ema)
    with fork_rng(0):
        before = model.sample(5)
    for parameter in model.generator.parameters():
        parameter.data.zero_()
    with fork_rng(0):
        after = model.sample(5)
    assert torch.equal(before, after) == bool(ema)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    sides = (model.generator, model.discriminators)
    assert count == sum(p.numel() for side in sides for p in side.parameters())


def test_to_sample_leaves_norms_and_modes_as_they_were() -> None:
    model = built(Dcgan, pictures())
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert not model.sample(5).requires_grad
    assert not difference(state, model.state_dict())
    assert all(layer.training for layer in model.modules())


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "source", "given", "message"),
    [
        ("dcgan", {"size": 9}, {}, r"never gives 9 × 9.* source\.size=8 .*mlp"),
        ("gan", {}, {"latent": 0}, "latent: input should be greater than or equal to 1"),
        ("gan", {"limit": 30}, {"batch_size": 1}, "batch_size: input should be greater"),
        ("wgan", {}, {"smooth_real": 0.9}, "objective=wasserstein has no labels to smooth"),
        ("gan", {}, {"hidden": 100_000}, "weights are more than 200,000,000"),
        ("dcgan", {}, {"channels": 10_000}, "weights are more than 200,000,000"),
        ("gan", {}, {"hidden": 10**30}, "hidden: input should be less than or equal to"),
        ("dcgan", {}, {"network": "transformer"}, "network: input should be 'mlp' or 'conv'"),
        ("cgan", {"classes": 7}, {}, "digits is left with 1"),
        ("gan", {}, {"augment": "flip"}, "augment.*input should be 'shift', 'cutout' or 'colour'"),
        ("multi-gan", {}, {"discriminators": 0}, "discriminators: input should be greater"),
    ],
)
def test_what_can_t_be_is_said_before_anything_is_written(
    tmp_path: Path, model: str, source: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    drawn = torch.get_rng_state()
    with pytest.raises(UsageError, match=message) as caught:
        rockfall.train(model, source_options=source, out=tmp_path, listeners=[], **given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    torch.set_rng_state(drawn)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"augment": ("shift",)}, "augment is for pictures, and made-up has none"),
        ({"network": "conv"}, r"not for inputs of shape \(3,\): network=mlp takes them"),
    ],
)
def test_vectors_are_no_pictures(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built(Gan, vectors(), **given)


def test_nan_in_a_penalty_is_named_and_spares_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()

    def breaks(discriminator: Any, real: Tensor, *_: Any) -> Tensor:
        return discriminator(real).sum() * (float("nan") if next(calls) == 5 else 0.0)

    monkeypatch.setattr(penalties, "gradient_penalty", breaks)
    data = vectors(40)
    model = built(WganGp, data, epochs=5)
    run = run_of(model, tmp_path, checkpoint_every=0)
    with pytest.raises(Diverged, match=r"penalty"):
        model.fit(data, run)
    saved = checkpoint.read(run.directory.checkpoint("last"))
    assert saved["step"] == 5
    assert all(value.isfinite().all() for value in saved["model"].values())
