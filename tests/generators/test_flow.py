"""The flow against closed forms: between two Gaussians velocities, paths and losses are known."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import rockfall
from rockfall.errors import UsageError
from rockfall.run.run import Run
from rockfall.sources.dataset import Dataset
from rockfall_generators.cflow import Cflow, CflowConfig
from rockfall_generators.flow import Flow, FlowConfig
from rockfall_generators.unet import UNetVelocity
from rockfall_generators.velocity import (
    MAX_FREQUENCY,
    MIN_TIME_LEFT,
    TIME_FEATURES,
    DenseVelocity,
    time_embedding,
)
from tests.generators.small_gans import pictures, run_of
from tests.generators.stand_ins import dataset, opened

DEFAULTS = FlowConfig().model_dump()
MEAN, DEVIATION = torch.tensor([0.7, -0.4]), torch.tensor([0.3, 1.6])


class Exact(nn.Module):
    """The velocity from N(0, 1) to N(MEAN, DEVIATION²), number by number, by conditioning:

    E[x₁ − x₀ | x_t] = m + cov(x₁ − x₀, x_t) / var(x_t) · (x_t − t m).
    """

    def forward(self, values: Tensor, times: Tensor) -> Tensor:
        t = times[:, None]
        covariance = t * DEVIATION**2 - (1 - t)
        variance = (1 - t) ** 2 + (t * DEVIATION) ** 2
        return MEAN + covariance / variance * (values - t * MEAN)


def points(count: int = 300) -> Dataset:
    """Vectors (N, 2), each number about −1 or about 1."""
    drawn = torch.randn(count, 2, generator=torch.Generator().manual_seed(5))
    drawn = drawn.sign() + drawn / 10
    return dataset(drawn, drawn)


def flow(data: Dataset | None = None, **given: Any) -> Flow:
    torch.manual_seed(0)
    config = FlowConfig(**{"hidden": 16, "blocks": 1, "batch_size": 20, **given})
    return Flow(config, (data or points()).info)


def exact(steps: int = 16, times: str = "uniform") -> Flow:
    """One that follows the exact velocity, and whose values are its inputs."""
    model = flow(ema=0, steps=steps, times=times)
    model.velocity = Exact()
    model.scaling.offset.zero_()
    model.scaling.scale.fill_(1)
    return model


# From noise to data and back --------------------------------------------------------------------


def test_noise_ends_where_the_paths_of_two_gaussians_do() -> None:
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        exact(64).decode(noise), MEAN + DEVIATION * noise, atol=5e-3, rtol=5e-3
    )


def test_half_the_step_size_makes_a_quarter_of_the_error() -> None:
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    errors = [
        (exact(steps).decode(noise) - (MEAN + DEVIATION * noise)).abs().max().item()
        for steps in (4, 8, 16)
    ]
    for coarse, fine in itertools.pairwise(errors):  # of Euler's method it is 2
        assert coarse / fine > 3


def test_samples_have_the_moments_of_the_data() -> None:
    torch.manual_seed(0)
    made = exact(32).sample(50_000)
    torch.testing.assert_close(made.mean(0), MEAN, atol=0.03, rtol=0)
    torch.testing.assert_close(made.std(0), DEVIATION, atol=0.01, rtol=0.02)


def test_latents_are_the_noise_of_examples() -> None:
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(2))
    model = exact(64)
    labels = torch.full((500,), -1)
    found = model.latents(MEAN + DEVIATION * noise, labels)
    torch.testing.assert_close(found, noise, atol=0.02, rtol=0.01)
    torch.testing.assert_close(model.decode(found), MEAN + DEVIATION * noise, atol=0.02, rtol=0.01)


def test_more_examples_than_are_integrated_at_once_are_integrated_alike() -> None:
    model = exact(4)
    noise = torch.randn(2500, 2, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(model.decode(noise)[2100:2200], model.decode(noise[2100:2200]))


@pytest.mark.parametrize("data", [points(), pictures(shape=(1, 3, 5))])
def test_steps_go_from_noise_to_the_sample(data: Dataset) -> None:
    model = flow(data, steps=5)
    nn.init.normal_(model.trained.get_parameter("outward.weight"))
    torch.manual_seed(4)
    steps = list(model.sample_steps(7))
    torch.manual_seed(4)
    noise = torch.randn(7, model.scaling.numel)
    torch.manual_seed(4)
    assert torch.equal(steps[-1], model.sample(7))
    assert len(steps) == 6
    assert torch.equal(steps[0], model.inputs(noise))
    assert all(step.shape == data.train.inputs[:7].shape for step in steps)
    assert not torch.equal(steps[-1], steps[-2])


# Learning ---------------------------------------------------------------------------------------


def least_loss() -> float:
    """E Var(x₁ − x₀ | x_t), the mean over t from 0 to 1 and both numbers."""
    t = (np.arange(100_000)[:, None] + 0.5) / 100_000
    variances = DEVIATION.numpy().astype(float) ** 2
    covariances = t * variances - (1 - t)
    within = (1 - t) ** 2 + t**2 * variances
    return float((1 + variances - covariances**2 / within).mean())


def test_the_exact_velocity_has_the_least_loss() -> None:
    """A reversed time, or a reversed path, would have another."""
    torch.manual_seed(0)
    model = exact()
    examples = MEAN + DEVIATION * torch.randn(400_000, 2)
    assert model.loss(model.velocity, examples).item() == pytest.approx(least_loss(), rel=0.01)


@pytest.mark.parametrize(
    ("times", "quantile"), [("uniform", stats.uniform.cdf), ("logit-normal", None)]
)
def test_times_have_their_distribution(times: str, quantile: Any) -> None:
    torch.manual_seed(0)
    drawn = flow(times=times).sample_times(20_000).double().numpy()
    if quantile is None:  # the logits are normal
        drawn, quantile = np.log(drawn / (1 - drawn)), stats.norm.cdf
    assert stats.kstest(drawn, quantile).pvalue > 0.01


def test_embedding_of_times() -> None:
    times = torch.tensor([0.0, 0.25, 1.0])
    embedding = time_embedding(times)
    for row, time in zip(embedding, times.tolist(), strict=True):
        angles = [
            time * MAX_FREQUENCY ** (k / (TIME_FEATURES // 2 - 1))
            for k in range(TIME_FEATURES // 2)
        ]
        wanted = [*map(math.cos, angles), *map(math.sin, angles)]
        torch.testing.assert_close(row, torch.tensor(wanted), atol=2e-3, rtol=0)


def test_a_network_points_to_where_it_says() -> None:
    """One that says the same of all carries all of it there, in as many steps as there are."""
    model = flow(ema=0, steps=40)
    torch.nn.init.constant_(model.velocity.get_parameter("outward.bias"), 1.5)
    values, times = torch.randn(5, 2), torch.tensor([0.0, 0.3, 0.5, 0.7, 0.9])
    left = (1 - times)[:, None]
    torch.testing.assert_close(model.velocity(values, times), (1.5 - values) / left)
    ended = model.scaling(model.decode(values))
    torch.testing.assert_close(ended, torch.full((5, 2), 1.5), atol=3 * MIN_TIME_LEFT, rtol=0)


def test_velocities_are_finite_where_nothing_of_the_way_is_left() -> None:
    """There one begins when the noise of examples is asked for."""
    model = flow(pictures(shape=(1, 3, 5)), steps=3)
    found = model.latents(torch.zeros(4, 1, 3, 5, dtype=torch.uint8), torch.zeros(4))
    assert found.isfinite().all()


def test_velocities_depend_on_values_and_times() -> None:
    network = DenseVelocity(3, 8, 2)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    values = torch.randn(5, 3)
    here = network(values, torch.full((5,), 0.2))
    assert not torch.allclose(here, network(values, torch.full((5,), 0.3)))
    assert not torch.allclose(here, network(values + 1, torch.full((5,), 0.2)))
    alone = network(values[2:3], torch.full((1,), 0.2))
    torch.testing.assert_close(here[2:3], alone)


def learned(data: Dataset, out: Path, **given: Any) -> tuple[Flow, Run]:
    """A flow that has been fitted, and neither measured nor drawn."""
    model = flow(data, **given)
    run = run_of(model, out)
    model.fit(data, run)
    return model, run


def preset(name: str, out: Path) -> Flow:
    """Fitted to a registered source with its preset."""
    return learned(opened(name), out, **{**DEFAULTS, **Flow.presets[name]})[0]


def test_samples_are_by_the_average(tmp_path: Path) -> None:
    model, _ = learned(points(), tmp_path, epochs=3, ema=0.9)
    noise = torch.randn(5, 2)
    before = model.decode(noise)
    averaged, newest = model.trained.state_dict(), model.velocity.state_dict()
    assert any(not torch.equal(averaged[key], newest[key]) for key in newest)
    for parameter in model.velocity.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(model.decode(noise), before)


def test_without_an_average_samples_are_by_the_network_itself(tmp_path: Path) -> None:
    model, _ = learned(points(), tmp_path, epochs=1, ema=0)
    assert model.trained is model.velocity


def test_learning_lowers_the_loss_of_the_same_noise(tmp_path: Path) -> None:
    given = {"hidden": 32, "epochs": 10, "batch_size": 50, "lr": 1e-2, "ema": 0}
    _, run = learned(points(), tmp_path, **given)
    losses = [line["validation_loss"] for line in run.metrics if "validation_loss" in line]
    assert len(losses) == 10
    assert losses[-1] < 0.93 * losses[0]


@pytest.mark.long
def test_it_learns_one_gaussian(tmp_path: Path) -> None:
    made = preset("gaussian-1d", tmp_path).sample(10_000)
    assert made.mean().item() == pytest.approx(4, abs=0.1)
    assert made.var().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_it_finds_all_modes_of_the_ring(tmp_path: Path) -> None:
    made = preset("ring", tmp_path).sample(5000)
    angles = torch.arange(8) * (math.pi / 4)
    centres = 2 * torch.stack((angles.cos(), angles.sin()), 1)
    distance, mode = torch.cdist(made, centres).min(1)
    assert (mode.bincount(minlength=8) > 400).all()
    assert (distance < 0.1).float().mean() > 0.8


# What it can't do -------------------------------------------------------------------------------


def test_too_many_weights_are_refused_before_they_are_made() -> None:
    with pytest.raises(ValueError, match="weights are more than"):
        flow(hidden=100_000)


@pytest.mark.parametrize("setting", ["hidden", "blocks", "steps", "epochs", "batch_size"])
def test_none_of_what_must_be_is_refused(setting: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=setting):
        rockfall.train("flow", config={setting: 0}, out=tmp_path, listeners=[])


# The U-Net, classes and solvers -------------------------------------------------------------------


def conditional(data: Dataset, **given: Any) -> Cflow:
    torch.manual_seed(0)
    settings: Any = {"hidden": 16, "blocks": 1, "channels": 4, "batch_size": 20, **given}
    model = Cflow(CflowConfig(**settings), data.info)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 13, 9), (3, 32, 16)])
def test_a_unet_takes_any_sides(shape: tuple[int, ...]) -> None:
    network = UNetVelocity(shape, 4, conditions=3)
    nn.init.normal_(network.outward.weight)
    values = torch.randn(2, math.prod(shape), requires_grad=True)
    velocities = network(values, torch.rand(2), torch.eye(3)[:2])
    assert velocities.shape == values.shape
    velocities.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_classes_and_times_change_the_velocity(network: str) -> None:
    model = conditional(opened("digits"), network=network)
    points, times = torch.randn(1, 64).expand(3, -1), torch.tensor([0.3, 0.3, 0.6])
    conditions = torch.eye(10)[[0, 1, 1]]
    found = model.sampling_velocity(points, times, conditions)
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[1], found[2])


def test_guidance_goes_beyond_the_class() -> None:
    model = conditional(opened("digits"), guidance=3.0)
    points, times, conditions = torch.randn(4, 64), torch.rand(4), torch.eye(10)[:4]
    of_class = model.trained(points, times, conditions)
    of_all = model.trained(points, times, torch.zeros(4, 10))
    found = model.sampling_velocity(points, times, conditions)
    torch.testing.assert_close(found, of_all + 3 * (of_class - of_all), rtol=1e-4, atol=1e-5)
    nothing = torch.zeros(4, 10)
    torch.testing.assert_close(model.sampling_velocity(points, times, nothing), of_all)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_classes_are_withheld_as_often_as_asked(share: float) -> None:
    model = conditional(opened("digits"), unconditional=share)
    seen: list[Tensor] = []

    def network(points: Tensor, times: Tensor, conditions: Tensor) -> Tensor:
        seen.append(conditions)
        return points

    given: Any = network
    conditions = torch.eye(10)[torch.zeros(8000, dtype=torch.int64)]
    model.training_velocity(given, torch.zeros(8000, 64), torch.zeros(8000), conditions)
    kept = seen[0].sum(1)
    assert ((kept == 0) | (kept == 1)).all()
    assert (kept == 0).float().mean().item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("midpoint", 2)])
def test_solvers_have_their_order(solver: str, order: int) -> None:
    """Of twice the steps the error is a half, or a quarter: dx/dt = −2 t x has x₁ = x₀ / e."""

    class Decay(nn.Module):
        def forward(self, values: Tensor, times: Tensor) -> Tensor:
            return -2 * times[:, None] * values

    errors = []
    for steps in (20, 40):
        model = flow(steps=steps, solver=solver, ema=0).double()
        model.velocity = Decay()
        *_, found = model.integrate(torch.ones(1, 2).double(), 0.0, 1.0)
        errors.append(abs(found[0, 0].item() - math.exp(-1)))
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.15)


def test_colour_has_a_unet_and_vectors_have_none() -> None:
    made = torch.zeros(30, 3, 12, 12, dtype=torch.uint8)
    assert Flow.preset_for(dataset(made, made).info) == "colour"
    assert Flow.preset_for(points().info) == Flow.preset_for(opened("digits").info) == ""
    with pytest.raises(ValueError, match="network=mlp"):
        flow(network="conv")


def test_blends_of_classes_are_shares() -> None:
    model = conditional(opened("digits"))
    noise, classes = torch.randn(3, 64), torch.zeros(3, 10)
    classes[:, 2:4] = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, -0.2]])
    found = model.decode(torch.cat((noise, classes), 1))
    classes[:, 2:4] = torch.tensor([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    assert torch.equal(found, model.decode(torch.cat((noise, classes), 1)))


def test_the_noise_of_an_example_is_that_of_its_class() -> None:
    model = conditional(opened("digits"), steps=200)
    inputs, labels = opened("digits").test[:4]
    latents = model.latents(inputs, labels)
    assert torch.equal(latents[:, 64:], model.conditions(labels))
    assert (model.decode(latents).int() - inputs.int()).abs().max() <= 1
