"""The spike-and-slab machines against an energy in loops, integrated on grids."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import rockfall
from rockfall.errors import RockfallError
from rockfall_boltzmann.mu_ssrbm import MuSsrbm, MuSsrbmConfig
from rockfall_boltzmann.spike_slab import SpikeSlab, StochasticMaximumLikelihood
from rockfall_boltzmann.ssrbm import Ssrbm, SsrbmConfig

SHAPES = [(2, 3, 1), (3, 1, 2), (1, 2, 1), (2, 1, 3)]
"""(D, M, K) whose slabs, M K ≤ 3, a grid can hold."""


def machine(
    kind: str, visible: int, hidden: int, slabs: int = 1, seed: int = 0, **settings_: Any
) -> SpikeSlab:
    """One with random parameters in double precision, all of them learned if nothing is said."""
    kind_: type[SpikeSlab] = {"ssrbm": Ssrbm, "mu-ssrbm": MuSsrbm}[kind]
    config = {"ssrbm": SsrbmConfig, "mu-ssrbm": MuSsrbmConfig}[kind]
    info = rockfall.SourceInfo(
        name="numbers",
        kinds=("vectors",),
        shape=(visible,),
        dtype="float32",
        statistics={"mean": [0.0] * visible, "std": [1.0] * visible},
    )
    settings_ = {"preprocessing": "standard", "fixed": (), **settings_}
    model = kind_(config(hidden=hidden, slabs=slabs, **settings_), info).double()
    generator = torch.Generator().manual_seed(seed)

    def normal(like: Tensor, deviation: float, mean: float = 0.0) -> Tensor:
        return mean + deviation * torch.randn(like.shape, generator=generator, dtype=like.dtype)

    for name, parameter in model.named_parameters():
        if name == "mu" and kind == "ssrbm":
            continue
        mean = 1.0 if name == "log_precision" else 0.0
        parameter.data = normal(parameter, 0.7 if name in ("weight", "mu", "bias") else 0.3, mean)
    return model


@dataclass
class Loops:
    """The energy of the paper, one term at a time; all matrices in full."""

    model: SpikeSlab

    def energy(self, v: np.ndarray, s: np.ndarray, h: np.ndarray) -> float | np.ndarray:
        """v (D,), s (M, K, …) and h (M,): s may hold a grid in its last axes."""
        w, b, mu = (p.detach().numpy() for p in (self.model.weight, self.model.bias, self.model.mu))
        alpha, held = (p.detach().numpy() for p in (self.model.alpha, self.model.lambda_))
        phi = self.model.phi.detach().numpy()
        visible, hidden, slabs = w.shape
        total: Any = 0.0
        for j in range(visible):
            total = total + v[j] ** 2 * held[j % len(held)] / 2
        for i in range(hidden):
            total = total - b[i] * h[i]
            for j in range(visible):
                total = total + h[i] * phi[i, j % phi.shape[1]] * v[j] ** 2 / 2
            for k in range(slabs):
                x = sum(v[j] * w[j, i, k] for j in range(visible))
                total = total - x * s[i, k] * h[i] + alpha[i, k] * s[i, k] ** 2 / 2
                total = total - alpha[i, k] * mu[i, k] * s[i, k] * h[i]
                total = total + alpha[i, k] * mu[i, k] ** 2 * h[i] / 2
        return total


def spikes(hidden: int) -> np.ndarray:
    """All states of the spikes (2^M, M)."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=hidden)))


def over_slabs(model: SpikeSlab, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Unnormalised p(v, s, h) of one v on a grid: (2^M, points), s (M, K, points), a cell's size.

    Equal steps integrate what vanishes at both ends to all digits (Euler and Maclaurin).
    """
    _, hidden, slabs = model.weight.shape
    line = np.linspace(-13, 13, 60)
    mesh = np.meshgrid(*[line] * (hidden * slabs), indexing="ij")
    s = np.stack([m.ravel() for m in mesh]).reshape(hidden, slabs, -1)
    loops = Loops(model)
    density = np.stack([np.exp(-loops.energy(v, s, h)) for h in spikes(hidden)])
    return density, s, (line[1] - line[0]) ** (hidden * slabs)


def examples(visible: int, count: int = 3, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, visible, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
@pytest.mark.parametrize("form", ["scalar", "diagonal"])
def test_energy_is_the_papers(kind: str, form: str) -> None:
    forms = {"precision_shape": form} | ({"phi_shape": form} if kind == "mu-ssrbm" else {})
    model = machine(kind, 3, 2, 2, **forms)
    generator = torch.Generator().manual_seed(1)
    v, s = (torch.randn(n, generator=generator).double() for n in ((4, 3), (4, 2, 2)))
    h = torch.tensor(spikes(2))
    energies = model.energy(v, s, h).detach().numpy()
    loops = Loops(model)
    wanted = [loops.energy(*(each.numpy() for each in one)) for one in zip(v, s, h, strict=True)]
    np.testing.assert_allclose(energies, wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["scalar", "diagonal"])
def test_hidden_posterior(kind: str, shape: tuple[int, int, int], form: str) -> None:
    """Free energy, P(h | v), the slabs' moments and the features, all from one sum and integral."""
    forms = {"precision_shape": form} | ({"phi_shape": form} if kind == "mu-ssrbm" else {})
    model = machine(kind, *shape, seed=sum(shape), **forms)
    v = examples(shape[0])
    free, on, features = model.free_energy(v), model.hidden_probabilities(v), model.features(v)
    _, slabs, _ = model.hidden_posterior(v)
    every = spikes(shape[1])
    for n, one in enumerate(v.numpy()):
        density, s, cell = over_slabs(model, one)
        total = density.sum() * cell
        assert free[n].item() == pytest.approx(-math.log(total), abs=1e-9)
        chances = every.T @ density.sum(1) * cell / total
        np.testing.assert_allclose(on[n].detach(), chances, atol=1e-9)
        gated = np.einsum("hi,hp,ikp->ik", every, density, s) * cell / total
        wanted = np.concatenate([chances, gated.ravel()])
        np.testing.assert_allclose(features[n].detach(), wanted, atol=1e-9)
        for h, of_h in zip(every, density, strict=True):
            mean = (s * of_h).sum(-1) / of_h.sum()
            expected = h[:, None] * slabs[n].detach().numpy()
            np.testing.assert_allclose(mean, expected, atol=1e-9)
            variance = (s**2 * of_h).sum(-1) / of_h.sum() - mean**2
            np.testing.assert_allclose(variance, 1 / model.alpha.detach(), atol=1e-9)


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
@pytest.mark.parametrize("form", ["scalar", "diagonal"])
def test_what_the_hidden_units_tell_v(kind: str, form: str) -> None:
    """E is quadratic in v and s, so that its slope and curvature are all there is to know."""
    forms = {"precision_shape": form} | ({"phi_shape": form} if kind == "mu-ssrbm" else {})
    model = machine(kind, 3, 2, 2, seed=2, **forms)
    model.weight.data *= 0.5
    for setting in spikes(2):
        h = torch.tensor(setting)
        s = torch.randn(2, 2, generator=torch.Generator().manual_seed(3)).double()

        def energy(z: Tensor, h: Tensor = h) -> Tensor:
            return model.energy(z[None, :3], z[3:].view(1, 2, 2), h[None])[0]

        zero = torch.zeros(7, dtype=torch.float64)
        curvature = torch.autograd.functional.hessian(energy, zero)
        slope = torch.autograd.functional.jacobian(energy, zero)
        # v | s, h: the slabs stay where they are.
        covariance = curvature[:3, :3].inverse()
        mean = -covariance @ (slope[:3] + curvature[:3, 3:] @ s.flatten())
        gated = (h[:, None] * s)[None]
        torch.testing.assert_close(model.visible_mean(gated, h[None])[0], mean)
        held = model.visible_precision(h[None]).expand(1, 3)[0]
        torch.testing.assert_close(torch.diag(1 / held), covariance)
        # v | h: the slabs are integrated out.
        joint = curvature.inverse()
        mean, covariance = model.visible_given_spikes(h[None])
        torch.testing.assert_close(mean[0], -(joint @ slope)[:3])
        torch.testing.assert_close(covariance[0], joint[:3, :3])


def test_no_covariance_where_slabs_take_more_precision_than_there_is() -> None:
    model = machine("ssrbm", 2, 2)
    model.weight.data *= torch.tensor([[[0.1], [100.0]]])
    every = torch.tensor(spikes(2))
    model.visible_given_spikes(every[every[:, 1] == 0])
    with pytest.raises(RockfallError, match="2 of 4 settings of the spikes"):
        model.visible_given_spikes(every)


@given(seed=st.integers(0, 10_000), slabs=st.integers(1, 2), visible=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_the_bound_is_sufficient(seed: int, slabs: int, visible: int) -> None:
    """At the bound every C_h exists, and it is the least Φ for which that is promised."""
    model = machine("mu-ssrbm", visible, 3, slabs, seed)
    assert model.log_phi is not None
    w, alpha = model.weight.detach(), model.alpha.detach()
    bound = torch.zeros(3, visible, dtype=torch.float64)
    for i, j, k, other in itertools.product(range(3), range(visible), range(slabs), range(visible)):
        bound[i, j] += (w[j, i, k] * w[other, i, k]).abs() / alpha[i, k]
    model.log_phi.data = (bound * (1 + 1e-9)).log()
    assert model.certainly_normalisable()
    model.visible_given_spikes(torch.tensor(spikes(3)))
    model.log_phi.data[1, visible - 1] -= 1e-6
    assert not model.certainly_normalisable()


def test_without_phi_nothing_is_certain() -> None:
    assert not machine("ssrbm", 2, 2).certainly_normalisable()


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
@pytest.mark.parametrize("form", ["scalar", "diagonal"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_against_autograd(kind: str, form: str, shape: tuple[int, int, int]) -> None:
    forms = {"precision_shape": form} | ({"phi_shape": form} if kind == "mu-ssrbm" else {})
    model = machine(kind, *shape, seed=7, **forms)
    v = examples(shape[0], 6)
    share = torch.tensor([0.5, 0.3, 0.2, -0.6, -0.1, -0.3]).double()
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    slopes = model.gradients(v, share)
    wanted = torch.autograd.grad(share @ model.free_energy(v), list(learned.values()))
    assert slopes.keys() == learned.keys()
    for name, slope in zip(learned, wanted, strict=True):
        torch.testing.assert_close(slopes[name], slope, msg=name)


def test_free_energy_against_finite_differences() -> None:
    """Of α, whose constant the shares that sum to 0 cancel above."""
    model = machine("mu-ssrbm", 2, 2)
    v, step = examples(2), 1e-6
    (slope,) = torch.autograd.grad(model.free_energy(v).sum(), [model.log_alpha])
    for index in itertools.product(range(2), range(1)):
        values = []
        for sign in (1, -1):
            model.log_alpha.data[index] += sign * step
            values.append(model.free_energy(v).sum().item())
            model.log_alpha.data[index] -= sign * step
        assert slope[index].item() == pytest.approx((values[0] - values[1]) / 2 / step, rel=1e-6)


def test_fixed_precisions_have_no_gradient() -> None:
    model = machine("mu-ssrbm", 2, 2, fixed=("alpha", "phi"))
    assert model.gradients(examples(2, 2), torch.tensor([1.0, -1.0]).double()).keys() == {
        "weight",
        "bias",
        "mu",
        "log_precision",
    }
    assert machine("ssrbm", 2, 2, fixed=("precision",)).gradients(
        examples(2, 2), torch.tensor([1.0, -1.0]).double()
    ).keys() == {"weight", "bias", "log_alpha"}


@dataclass
class Plane:
    """p(v) of a machine with two visible units, on a grid of its disc."""

    model: SpikeSlab
    radius: float

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """E[v], E[v vᵀ] and P(h)."""
        line = torch.linspace(-self.radius, self.radius, 401, dtype=torch.float64)
        v = torch.cartesian_prod(line, line)
        v = v[v.norm(dim=1) <= self.radius]
        with torch.no_grad():
            density = (-self.model.free_energy(v)).softmax(0)
            return density @ v, (density * v.T) @ v, density @ self.model.hidden_probabilities(v)


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
def test_chains_converge_to_the_distribution(kind: str) -> None:
    """10,000 of them, from the same place."""
    model = machine(kind, 2, 2, seed=4)
    model.weight.data *= 0.6
    model.visible_given_spikes(torch.tensor(spikes(2)))  # it can be normalised
    torch.manual_seed(0)
    v = torch.full((10_000, 2), 0.8, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(40):
            v, _ = model.gibbs_step(v)
        on = model.hidden_probabilities(v).mean(0)
    mean, second, chances = Plane(model, 12.0).moments()
    spread = second.diagonal().sqrt().mean().item()
    torch.testing.assert_close(v.mean(0), mean, atol=0.03 * spread, rtol=0)
    torch.testing.assert_close(v.T @ v / len(v), second, atol=0.05 * spread**2, rtol=0)
    torch.testing.assert_close(on, chances, atol=0.01, rtol=0)


@pytest.mark.parametrize("kind", ["ssrbm", "mu-ssrbm"])
def test_at_a_temperature_it_is_the_machine_of_divided_energies(kind: str) -> None:
    temperature = 2.5
    model, other = machine(kind, 3, 2, slabs=2), machine(kind, 3, 2, slabs=2)
    for name, parameter in other.named_parameters():
        if name.startswith("log"):
            parameter.data -= math.log(temperature)
        elif name != "mu":
            parameter.data /= temperature
    v = examples(3, 500)
    with torch.no_grad():
        torch.manual_seed(0)
        drawn, mean = model.unbounded_gibbs_step(v, temperature)
        torch.manual_seed(0)
        wanted, wanted_mean = other.unbounded_gibbs_step(v)
    torch.testing.assert_close(drawn, wanted)
    torch.testing.assert_close(mean, wanted_mean)


def test_samples_beyond_the_radius_are_scaled_back_to_it() -> None:
    model = machine("mu-ssrbm", 2, 2)
    v = examples(2, 1000)
    torch.manual_seed(0)
    free, _ = model.gibbs_step(v)
    model.radius.fill_(free.norm(dim=1).median().item())
    torch.manual_seed(0)
    kept, _ = model.gibbs_step(v)
    beyond = free.norm(dim=1) > model.radius
    torch.testing.assert_close(kept[~beyond], free[~beyond])
    on_it = torch.nn.functional.normalize(free[beyond], dim=1) * model.radius
    torch.testing.assert_close(kept[beyond], on_it)


def test_gibbs_step_returns_the_conditional_mean() -> None:
    model = machine("mu-ssrbm", 2, 2)
    v = examples(2, 50_000)
    torch.manual_seed(0)
    with torch.no_grad():
        drawn, mean = model.gibbs_step(v)
        residue = drawn - mean
    assert residue.mean().abs() < 0.01
    assert residue.std() < v.std()


def test_mean_field_multiplies_each_slab_by_one_gate() -> None:
    model = machine("mu-ssrbm", 2, 3)
    v = examples(2)
    with torch.no_grad():
        on, (_, slabs, _) = model.hidden_probabilities(v), model.hidden_posterior(v)
        wanted = torch.stack(
            [
                sum(on[n, i] * slabs[n, i, 0] * model.weight[:, i, 0] for i in range(3))
                / (model.lambda_ + sum(on[n, i] * model.phi[i] for i in range(3)))
                for n in range(len(v))
            ]
        )
        torch.testing.assert_close(model.mean_field(v), wanted)


class Quiet:
    """What a learner uses of a run."""

    def capture(self, step: Any, *_: Any) -> Any:
        return step


def test_an_update_follows_the_free_energies_gradient() -> None:
    """The slopes at which it went down, against autograd's of F at the batch and the chains."""
    torch.manual_seed(0)
    model = machine("mu-ssrbm", 3, 2, 2, batch_size=5)
    model.init_from_data(examples(3, 20))
    before = copy.deepcopy(model)
    batch = examples(3, 4, seed=6)  # the last of an epoch may be smaller than the chains are many
    with torch.no_grad():
        StochasticMaximumLikelihood(model, Quiet()).partial_fit(batch, 1e-3)  # type: ignore[arg-type]
    objective = before.free_energy(batch).mean() - before.free_energy(model.chains).mean()
    learned = {name: p for name, p in before.named_parameters() if p.requires_grad}
    slopes = torch.autograd.grad(objective, list(learned.values()))
    for (name, old), slope in zip(learned.items(), slopes, strict=True):
        new = model.get_parameter(name)
        torch.testing.assert_close(new.grad, slope, msg=name)
        # Adam's first step goes lr against the sign of each slope.
        torch.testing.assert_close(new, old - 1e-3 * slope.sign(), atol=1e-6, rtol=0, msg=name)


def test_only_weights_decay() -> None:
    """By lr times the decay, beside what Adam does."""
    torch.manual_seed(0)
    twins = []
    for decay in (0.0, 0.5):
        model = machine("mu-ssrbm", 2, 2, batch_size=5, weight_decay=decay)
        before = model.weight.detach().clone()
        torch.manual_seed(1)
        with torch.no_grad():
            model.init_from_data(examples(2, 20))
            StochasticMaximumLikelihood(model, Quiet()).partial_fit(examples(2, 5), 0.01)  # type: ignore[arg-type]
        twins.append(model)
    free, decayed = twins
    torch.testing.assert_close(decayed.weight, free.weight - 0.01 * 0.5 * before)
    torch.testing.assert_close(decayed.bias, free.bias)
    torch.testing.assert_close(decayed.log_precision, free.log_precision)


@pytest.mark.long
def test_learns_the_covariance_of_its_data() -> None:
    """Two numbers with a correlation of 0.5: the model's own, by its integral, comes to it."""
    torch.manual_seed(0)
    wanted = torch.tensor([[1.0, 0.5], [0.5, 1.0]]).double()
    v = torch.randn(2000, 2).double() @ torch.linalg.cholesky(wanted).T
    model = machine("ssrbm", 2, 1, batch_size=100)
    with torch.no_grad():
        model.init_from_data(v)
        learner = StochasticMaximumLikelihood(model, Quiet())  # type: ignore[arg-type]
        for lr in (0.05, 0.01, 0.002):
            for _ in range(15):
                learner.partial_fit(v[torch.randperm(len(v))], lr)
    _, second, _ = Plane(model, model.radius.item()).moments()
    torch.testing.assert_close(second, v.T @ v / len(v), atol=0.12, rtol=0)


def test_chains_stay_within_the_radius_and_a_warning_says_so() -> None:
    """Wells far steeper than Λ holds: v would double with every sweep."""
    torch.manual_seed(0)
    model = machine("ssrbm", 2, 2, batch_size=5)
    model.weight.data *= 100
    v = examples(2, 400)
    with torch.no_grad():
        model.init_from_data(v)
        assert not model.warning()
        learner = StochasticMaximumLikelihood(model, Quiet())  # type: ignore[arg-type]
        for _ in range(4):
            learner.partial_fit(v, 1e-6)
    assert model.radius.item() == pytest.approx(1.3 * v.norm(dim=1).max().item())
    assert (model.chains.norm(dim=1) <= model.radius * (1 + 1e-12)).all()
    assert model.clipped > 0.9
    assert "beyond the radius" in model.warning()


def test_only_training_counts_clipped_samples() -> None:
    model = machine("ssrbm", 2, 2)
    model.radius.fill_(1e-3)
    model.gibbs_step(examples(2))
    assert model.clipped == 0
