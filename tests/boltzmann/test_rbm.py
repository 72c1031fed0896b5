"""The RBM against its definition: states gone through in loops, grids, scikit-learn, autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

import rockfall
from rockfall.errors import Diverged, UsageError
from rockfall.run import checkpoint
from rockfall_boltzmann import contrastive_divergence as module
from rockfall_boltzmann.contrastive_divergence import ContrastiveDivergence
from rockfall_boltzmann.rbm import Rbm
from tests.boltzmann.machines import Loops, rbm, states, vectors

SHAPES = [(2, 3), (4, 2), (1, 1), (3, 4)]


def binary(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64).round()


# The machine ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_binary_units_by_all_states(shape: tuple[int, int], seed: int) -> None:
    made = rbm(*shape, seed=seed)
    v, h, weights = Loops(made).joint()
    with torch.no_grad():
        free = made.free_energy(torch.tensor(v)).numpy()
        on = made.hidden(torch.tensor(v)).numpy()
        means = made.mean_visible(torch.tensor(h)).numpy()
    np.testing.assert_allclose(free, -np.log(weights.sum(1)), atol=1e-10)
    np.testing.assert_allclose(on, weights @ h / weights.sum(1)[:, None], atol=1e-10)
    np.testing.assert_allclose(means, weights.T @ v / weights.sum(0)[:, None], atol=1e-10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2)])
def test_real_units_by_a_grid(shape: tuple[int, int]) -> None:
    made = rbm(*shape, seed=3, visible="gaussian")
    v, h, weights = Loops(made).joint()
    asked = v[:: max(1, len(v) // 50)]
    with torch.no_grad():
        free = made.free_energy(torch.tensor(asked)).numpy()
        on = made.hidden(torch.tensor(asked)).numpy()
        means = made.mean_visible(torch.tensor(h)).numpy()
    cell = Loops(made).visible()[1]
    rows = weights[:: max(1, len(v) // 50)]
    np.testing.assert_allclose(free, -np.log(rows.sum(1) / cell), atol=1e-9)
    np.testing.assert_allclose(on, rows @ h / rows.sum(1)[:, None], atol=1e-9)
    np.testing.assert_allclose(means, weights.T @ v / weights.sum(0)[:, None], atol=1e-9)
    variances = weights.T @ v**2 / weights.sum(0)[:, None] - means**2
    np.testing.assert_allclose(variances, 1, atol=1e-9)


def theirs(made: Rbm) -> BernoulliRBM:
    """scikit-learn's, with the same weights."""
    model = BernoulliRBM(n_components=len(made.hidden_bias), random_state=0)
    model.fit(np.zeros((2, made.visible)))
    model.components_ = made.weight.detach().numpy().T
    model.intercept_visible_ = made.visible_bias.detach().numpy()
    model.intercept_hidden_ = made.hidden_bias.detach().numpy()
    return model


def test_free_energy_and_features_are_scikit_learns() -> None:
    made = rbm(7, 5)
    v = binary(20, 7)
    with torch.no_grad():
        free, features = made.free_energy(v), made.features(v)
    np.testing.assert_allclose(free, theirs(made)._free_energy(v.numpy()))
    np.testing.assert_allclose(features, theirs(made).transform(v.numpy()))


def test_score_is_minus_the_free_energy_of_the_pictures() -> None:
    pictures = (binary(6, 1, 2, 2) * 255).byte()
    made = rbm(4, 3, info=vectors(pictures).info).float()
    v = pictures.flatten(1) / 255
    torch.testing.assert_close(made.score(pictures), -made.free_energy(v))


def test_pseudo_likelihood_is_right_on_average() -> None:
    """Against the sum over all i of log P(v_i | the others), and against scikit-learn's."""
    made = rbm(4, 3, seed=1)
    v = binary(1, 4)
    with torch.no_grad():
        free = made.free_energy(v).item()
        exact = 0.0
        for i in range(4):
            flipped = v.clone()
            flipped[0, i] = 1 - flipped[0, i]
            other = made.free_energy(flipped).item()
            exact += math.log(math.exp(-free) / (math.exp(-free) + math.exp(-other)))
        torch.manual_seed(0)
        many = v.repeat(20_000, 1)
        mine = made.pseudo_likelihood(many)
    error = (mine.std() / len(mine) ** 0.5).item()
    assert mine.mean().item() == pytest.approx(exact, abs=4 * error)
    assert theirs(made).score_samples(many.numpy()).mean() == pytest.approx(exact, abs=4 * error)
    assert error < 0.02 * abs(exact)


def moments(made: Rbm) -> tuple[Tensor, Tensor]:
    """E[v] and E[v vᵀ] by all states, or by a grid."""
    v, _, weights = Loops(made).joint()
    chances = weights.sum(1) / weights.sum()
    return torch.tensor(chances @ v), torch.tensor((chances * v.T) @ v)


def assert_moments(v: Tensor, made: Rbm) -> None:
    mean, second = moments(made)
    spread = (second.diagonal() - mean**2).sqrt().max().item()
    torch.testing.assert_close(v.mean(0), mean, atol=0.03 * spread, rtol=0)
    torch.testing.assert_close(v.T @ v / len(v), second, atol=0.1 * spread, rtol=0.02)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_sweeps_come_to_the_distribution(visible: str) -> None:
    made = rbm(2, 3, seed=5, visible=visible)
    torch.manual_seed(0)
    with torch.no_grad():
        v = torch.ones(40_000, 2, dtype=torch.float64)
        for _ in range(40):
            v, mean = made.sweep(v)
    assert_moments(v, made)
    torch.testing.assert_close(mean.mean(0), moments(made)[0], atol=0.03, rtol=0)


# Learning ---------------------------------------------------------------------------------------


class Recorded:
    """A learner's noise, the same again and again, kept to be read by the slow reference too."""

    def __init__(self, learner: ContrastiveDivergence, seed: int = 0) -> None:
        self.learner, self.seed = learner, seed
        self.drawn: list[tuple[Tensor, Tensor]] = []
        learner.noise = self.noise  # type: ignore[method-assign]

    def noise(self, sweeps: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        visible, hidden = (number - 1 for number in self.learner.theta.shape)
        for _ in range(sweeps):
            generator = torch.Generator().manual_seed(self.seed + len(self.drawn))
            of_hidden = torch.rand(size, hidden, generator=generator).logit()
            if self.learner.binary:
                of_visible = torch.rand(size, visible, generator=generator).logit()
            else:
                of_visible = torch.randn(size, visible, generator=generator)
            self.drawn.append((of_hidden, of_visible))
            yield of_hidden, of_visible


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def reference(
    made: Rbm, v: Tensor, lr: float, drawn: list[tuple[Tensor, Tensor]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W, b, c and the chains after the updates, one example and one phase at a time.

    A persistent chain's hidden units are drawn by the weights from before the last update, as
    scikit-learn does, wherever the last update had as many examples.
    """
    config = made.config
    loops = Loops(made)
    w, b, c = loops.w.copy(), loops.b.copy(), loops.c.copy()
    chains = made.chains.double().numpy().copy()
    noise = iter([(h.double().numpy(), of_v.double().numpy()) for h, of_v in drawn])
    velocity = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
    activity = np.full(len(c), config.sparsity)
    before: tuple[np.ndarray, np.ndarray] | None = None
    for batch in v.double().split(config.batch_size):
        positive, size = batch.numpy(), len(batch)
        if before is None or size < config.batch_size:
            before = w, c
        if config.method == "cd":
            before = w, c
        changes = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
        on = sigma(c + positive @ w)
        pairs = [next(noise) for _ in range(config.k)]
        if config.sparsity:
            activity = 0.9 * activity + 0.1 * on.mean(0)
        for n in range(size):
            negative = positive[n] if config.method == "cd" else chains[n]
            for sweep, (of_hidden, of_visible) in enumerate(pairs):
                up = before[1] + negative @ before[0] if sweep == 0 else c + negative @ w
                h = (up > of_hidden[n]).astype(float)
                down = b + w @ h
                noisy = down + of_visible[n]
                negative = (down > of_visible[n]).astype(float) if made.binary else noisy
            if config.method == "pcd":
                chains[n] = negative
            pull = config.sparsity_cost * (config.sparsity - activity) if config.sparsity else 0.0
            off = sigma(c + negative @ w)
            changes[0] += np.outer(positive[n], on[n] + pull) - np.outer(negative, off)
            changes[1] += positive[n] - negative
            changes[2] += on[n] + pull - off
        before = w.copy(), c.copy()
        w = w * (1 - lr * config.weight_decay)
        for number, change in enumerate(changes):
            velocity[number] = config.momentum * velocity[number] + change / size
        w, b, c = (p + lr * vel for p, vel in zip((w, b, c), velocity, strict=True))
    return w, b, c, chains


@pytest.mark.parametrize("method", ["pcd", "cd"])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"momentum": 0.7},
        {"weight_decay": 0.3},
        {"momentum": 0.5, "weight_decay": 0.3},
        {"sparsity": 0.2, "sparsity_cost": 0.8},
        {"visible": "gaussian"},
    ],
    ids=["plain", "momentum", "decay", "both", "sparsity", "gaussian"],
)
def test_updates_are_those_of_a_slow_reference(method: str, k: int, given: dict[str, Any]) -> None:
    """Four updates of four examples each and one of two."""
    made = rbm(5, 3, seed=2, batch_size=4, method=method, k=k, **given).float()
    made.chains.copy_(binary(4, 5, seed=9))
    v = binary(18, 5, seed=4).float()
    if not made.binary:
        v = v + 0.3 * torch.randn(18, 5, generator=torch.Generator().manual_seed(6))
    learner = ContrastiveDivergence(made, torch.float32)
    recorded = Recorded(learner)
    first = [p.clone() for p in (made.theta.data, made.chains)]
    with torch.no_grad():
        learner.learn(v, 0.3)
    after = [
        p.detach().clone() for p in (made.weight, made.visible_bias, made.hidden_bias, made.chains)
    ]
    made.theta.data.copy_(first[0])
    made.chains.copy_(first[1])
    wanted = reference(made, v, 0.3, recorded.drawn)
    for name, mine, theirs in zip(("W", "b", "c", "chains"), after, wanted, strict=True):
        if name == "chains" and method == "cd":  # they play no part in it
            continue
        np.testing.assert_allclose(mine.numpy(), theirs, atol=2e-5, err_msg=name)
    assert learner.theta[-1, -1] == 0, "the corner of θ is no parameter"


def exact_gradient(made: Rbm, v: Tensor) -> Tensor:
    """∂ mean log p(v) / ∂θ by autograd through log Z, a sum over all v."""
    every = torch.tensor(states(made.visible))
    score = -made.free_energy(v).mean() - (-made.free_energy(every)).logsumexp(0)
    (found,) = torch.autograd.grad(score, made.theta)
    return found


@pytest.mark.parametrize(
    ("method", "k", "dtype"),
    [
        ("pcd", 1, torch.float32),
        ("pcd", 2, torch.float32),
        ("cd", 40, torch.float32),
        ("pcd", 1, torch.bfloat16),
    ],
)
def test_an_update_follows_the_gradient_of_the_likelihood(
    method: str, k: int, dtype: torch.dtype
) -> None:
    """From 20,000 chains that are at the model's distribution, or come to it in 40 sweeps."""
    count = 20_000
    made = rbm(4, 3, seed=8, scale=0.7, batch_size=count, method=method, k=k)
    v = binary(200, 4, seed=3) * torch.tensor([1.0, 1.0, 0.0, 1.0])
    wanted = exact_gradient(made, v)
    chances = torch.tensor(Loops(made).joint()[2].sum(1))
    torch.manual_seed(0)
    chains = torch.tensor(states(4))[chances.multinomial(count, replacement=True)]
    made.float().chains.copy_(chains)
    before = made.theta.detach().clone()
    with torch.no_grad():
        ContrastiveDivergence(made, dtype).learn(v.repeat(100, 1).float(), 1.0)
    found = (made.theta.detach() - before).double()
    atol = 0.015 if dtype == torch.float32 else 0.03  # some 4 deviations of a mean of 20,000
    torch.testing.assert_close(found, wanted, atol=atol, rtol=0)
    assert wanted.abs().max() > 10 * atol


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_the_learners_chains_come_to_the_distribution(visible: str) -> None:
    """At lr 0, so that the model stays what it is; real noise."""
    made = rbm(2, 3, seed=5, visible=visible, batch_size=4000).float()
    made.chains.fill_(1.0)
    torch.manual_seed(0)
    seen = []
    with torch.no_grad():
        learner = ContrastiveDivergence(made, torch.float32)
        for step in range(60):
            learner.learn(torch.zeros(4000, 2), 0.0)
            if step >= 30:
                seen.append(made.chains.double().clone())
    assert_moments(torch.cat(seen), made.double())


def test_chains_go_on_from_block_to_block() -> None:
    """Two calls of `learn` leave what one with both blocks leaves, but for the hidden units that
    are drawn anew: with weights that hardly change, the same.
    """
    v = binary(16, 5, seed=4).float()
    found = []
    for parts in ([v], [v[:8], v[8:]]):
        made = rbm(5, 3, batch_size=4).float()
        made.chains.copy_(binary(4, 5, seed=9))
        learner = ContrastiveDivergence(made, torch.float32)
        Recorded(learner)
        with torch.no_grad():
            for part in parts:
                learner.learn(part, 1e-6)
        found.append(made.chains.clone())
    assert torch.equal(*found)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_no_noise_is_used_twice(visible: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWN", 2 * 4 * 8)  # of seven sweeps, two are drawn at once
    learner = ContrastiveDivergence(rbm(5, 3, visible=visible).float(), torch.float32)
    torch.manual_seed(0)
    for _ in range(2):
        noise = learner.noise(7, 4)
        seen = [torch.cat(next(noise), 1).clone() for _ in range(7)]
        assert all(one.shape == (4, 8) for one in seen)
        assert len(torch.cat(seen).flatten().unique()) > 210  # of 224; the quantiles are discrete


@pytest.mark.parametrize("binarise", [True, False])
def test_binarise_draws_every_time(binarise: bool) -> None:
    made = rbm(3, 2, batch_size=1000, binarise=binarise).float()
    made.theta.data.zero_()
    torch.manual_seed(0)
    shares = torch.tensor([0.1, 0.5, 0.9])
    seen: list[Tensor] = []
    learner = ContrastiveDivergence(made, torch.float32)
    with torch.no_grad():
        for _ in range(2):
            learner.learn(shares.expand(1000, 3), 0.0)
            seen.append(learner.phases[1, 1000].data.clone())
    if not binarise:
        assert torch.equal(seen[0][0], shares.expand(1000, 3))
        return
    assert all(((v == 0) | (v == 1)).all() for v in seen)
    torch.testing.assert_close(seen[0].flatten(0, 1).float().mean(0), shares, atol=0.06, rtol=0)
    assert not torch.equal(*seen)


def test_what_never_occurred_is_not_impossible() -> None:
    made = rbm(3, 2)
    torch.manual_seed(0)
    v = torch.tensor([[0.0, 1.0, 0.25]] * 100, dtype=torch.float64)
    with torch.no_grad():
        made.begin(v)
    chances = made.visible_bias.sigmoid()
    torch.testing.assert_close(chances, torch.tensor([1 / 102, 101 / 102, 0.25]).double())
    assert torch.equal(made.base_bias, made.visible_bias)


def test_momentum_and_activity_are_in_the_checkpoint() -> None:
    made = rbm(5, 3, batch_size=4, momentum=0.9, sparsity=0.2).float()
    learner, other = (ContrastiveDivergence(made, torch.float32) for _ in range(2))
    with torch.no_grad():
        learner.learn(binary(8, 5).float(), 0.1)
    assert learner.velocity.abs().max() > 0
    other.load_state_dict(learner.state_dict())
    assert torch.equal(other.velocity, learner.velocity)
    assert torch.equal(other.activity, learner.activity)


def test_learns_a_distribution() -> None:
    """Two patterns, nothing between: the likelihood, by all states, comes near the best."""
    patterns = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    v = patterns.repeat(200, 1)[torch.randperm(400, generator=torch.Generator().manual_seed(0))]
    torch.manual_seed(0)
    made = rbm(4, 3, scale=0.01, batch_size=20).float()
    with torch.no_grad():
        made.begin(v)
        learner = ContrastiveDivergence(made, torch.float32)
        for epoch in range(60):
            learner.learn(v, 0.1 * (1 - epoch / 60))
        every = torch.tensor(states(4)).float()
        chances = (-made.free_energy(every)).softmax(0)
    on_patterns = [chances[(every == pattern).all(1)].item() for pattern in patterns]
    assert sum(on_patterns) > 0.85
    assert min(on_patterns) > 0.3


# Runs -------------------------------------------------------------------------------------------


def train(out: Any, *source: str, **given: Any) -> rockfall.Run:
    given = {"hidden": 16, "epochs": 1, **given}
    return rockfall.train("rbm", *source, out=out, listeners=[], **given)


@pytest.mark.parametrize("given", [{}, {"visible": "gaussian"}, {"method": "cd", "momentum": 0.9}])
def test_divergence_keeps_the_last_good_weights(tmp_path: Any, given: dict[str, Any]) -> None:
    with pytest.raises(Diverged, match="smaller lr") as caught:
        train(tmp_path, lr=1e30, name="wild", **given)
    assert str(tmp_path) in str(caught.value)
    saved = checkpoint.read(tmp_path / "wild" / "checkpoint" / "last.safetensors")
    for name, tensor in saved["model"].items():
        assert tensor.isfinite().all(), name
        assert (tensor.abs() < 1e3).all(), name
    model: Any = rockfall.open_run("wild", out=tmp_path).model
    assert model.encode(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).isfinite().all()


def test_too_many_weights() -> None:
    info = vectors(torch.rand(5, 1000)).info
    with pytest.raises(ValueError, match=r"600,000,000 weights .* fewer hidden units"):
        rbm(1000, 600_000, info=info)


def test_too_large_a_batch() -> None:
    info = vectors(torch.rand(5, 10)).info
    with pytest.raises(ValueError, match=r"600,000,000 units .* smaller batch_size"):
        rbm(10, 20, info=info, batch_size=20_000_000)


def test_refusals_come_before_any_training(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match=r"values from 0 to 1.* visible=gaussian"):
        train(tmp_path, "gaussian-1d")
    assert not any(tmp_path.iterdir())
    train(tmp_path, "gaussian-1d", visible="gaussian")
