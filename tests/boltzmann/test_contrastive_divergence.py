"""Contrastive divergence: the fast update against the textbook's, both against loops, and what
they converge to.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rockfall.kit.randomness import binarise
from rockfall_boltzmann import fast_contrastive_divergence
from rockfall_boltzmann.contrastive_divergence import ContrastiveDivergence, SweepNoise
from rockfall_boltzmann.fast_contrastive_divergence import FastContrastiveDivergence
from rockfall_boltzmann.rbm import Rbm
from tests.boltzmann.machines import Loops, assert_moments, binary, rbm, states


class FixedNoise:
    """Replaces a learner's noise by one that is the same every time, and records it."""

    def __init__(self, learner: FastContrastiveDivergence, seed: int = 0) -> None:
        self.learner, self.seed = learner, seed
        self.recorded: list[SweepNoise] = []
        learner.noise = self.noise  # type: ignore[method-assign]

    def noise(self, sweeps: int, size: int) -> Iterator[SweepNoise]:
        visible, hidden = (number - 1 for number in self.learner.theta.shape)
        for _ in range(sweeps):
            generator = torch.Generator().manual_seed(self.seed + len(self.recorded))
            hidden_noise = torch.rand(size, hidden, generator=generator).logit()
            if self.learner.binary:
                visible_noise = torch.rand(size, visible, generator=generator).logit()
            else:
                visible_noise = torch.randn(size, visible, generator=generator)
            self.recorded.append(SweepNoise(hidden_noise, visible_noise))
            yield self.recorded[-1]


class RecordedNoise:
    """Records the random numbers that a learner draws, and the data that it binarises."""

    def __init__(self, learner: FastContrastiveDivergence) -> None:
        self.sweeps: list[SweepNoise] = []
        self.binarised: list[tuple[Tensor, Tensor]] = []
        self.sample_sweeps = learner.noise
        learner.noise = self.noise  # type: ignore[method-assign]

    def noise(self, sweeps: int, size: int) -> Iterator[SweepNoise]:
        for each in self.sample_sweeps(sweeps, size):
            self.sweeps.append(SweepNoise(each.hidden.clone(), each.visible.clone()))
            yield each

    def binarise(self, batches: Tensor, out: Tensor) -> Tensor:
        self.binarised.extend(zip(batches, binarise(batches, out).clone(), strict=True))
        return out


def textbook(model: Rbm) -> ContrastiveDivergence:
    """The reference update, of copies of a machine's parameters and chains."""
    return ContrastiveDivergence(
        model.weight.detach().clone(),
        model.visible_bias.detach().clone(),
        model.hidden_bias.detach().clone(),
        model.chains.clone(),
        model.config,
        binary=model.binary,
    )


configs = st.fixed_dictionaries(
    {
        "visible": st.sampled_from(["bernoulli", "gaussian"]),
        "binarise": st.booleans(),
        "method": st.sampled_from(["pcd", "cd"]),
        "k": st.integers(1, 4),
        "batch_size": st.integers(1, 6),
        "momentum": st.sampled_from([0.0, 0.5, 0.9]),
        "weight_decay": st.sampled_from([0.0, 0.01, 0.5]),
        "sparsity_target": st.sampled_from([0.0, 0.1, 0.4]),
        "sparsity_cost": st.sampled_from([0.1, 1.0]),
    }
)


@pytest.mark.long
@given(
    config=configs,
    visible=st.integers(1, 6),
    hidden=st.integers(1, 5),
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    lr=st.sampled_from([0.01, 0.3]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_the_fast_update_is_the_textbooks(
    config: dict[str, Any], visible: int, hidden: int, counts: list[int], lr: float, seed: int
) -> None:
    """Of the same random numbers, in float64, where rounding hardly ever changes a sample.

    counts: examples of each call; what does not fill a batch makes a smaller one.
    """
    model = rbm(visible, hidden, seed=seed, **config)
    model.chains.copy_(binary(config["batch_size"], visible, seed=seed))
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.rand(n, visible, generator=generator, dtype=torch.float64) for n in counts]
    reference, learner = textbook(model), model.contrastive_divergence(torch.float64)
    noise = RecordedNoise(learner)
    torch.manual_seed(seed)
    with torch.no_grad(), patch.object(fast_contrastive_divergence, "binarise", noise.binarise):
        for part in parts:
            learner.partial_fit(part, lr)

    sweeps, binarised = iter(noise.sweeps), iter(noise.binarised)
    for part in parts:
        for batch in part.split(config["batch_size"]):
            grey, v = next(binarised) if noise.binarised else (batch, batch)
            assert torch.equal(grey, batch)
            reference.update(v, lr, list(itertools.islice(sweeps, config["k"])))
    assert not [*sweeps, *binarised], "random numbers that nothing used"
    assert bool(noise.binarised) == (model.binary and config["binarise"])

    close = functools.partial(torch.testing.assert_close, atol=1e-9, rtol=1e-9)
    close(model.weight.detach(), reference.weight)
    close(model.visible_bias.detach(), reference.visible_bias)
    close(model.hidden_bias.detach(), reference.hidden_bias)
    close(model.chains, reference.chains)
    close(learner.chain_inputs, reference.chain_inputs)
    close(learner.activity, reference.activity)
    if config["momentum"]:
        velocities = (
            learner.velocity[:-1, :-1],
            learner.velocity[:-1, -1],
            learner.velocity[-1, :-1],
        )
        close(velocities, tuple(reference.velocities))
    assert abs(learner.theta[-1, -1]) < 1e-12, "the corner of θ is no parameter"


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def loops_update(
    model: Rbm, v: Tensor, lr: float, noise_: list[SweepNoise]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W, b, c and the chains after the updates, one example and one phase at a time.

    A persistent chain's first hidden units are sampled with the weights from before the last
    update, as scikit-learn does.
    """
    config = model.config
    loops = Loops(model)
    w, b, c = loops.w.copy(), loops.b.copy(), loops.c.copy()
    chains = model.chains.double().numpy().copy()
    noise = iter([(h.double().numpy(), of_v.double().numpy()) for h, of_v in noise_])
    velocity = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
    activity = np.full(len(c), config.sparsity_target)
    before: tuple[np.ndarray, np.ndarray] | None = None
    for batch in v.double().split(config.batch_size):
        positive, size = batch.numpy(), len(batch)
        if before is None or config.method == "cd":
            before = w, c
        changes = [np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)]
        on = sigma(c + positive @ w)
        pairs = [next(noise) for _ in range(config.k)]
        if config.sparsity_target:
            activity = 0.9 * activity + 0.1 * on.mean(0)
        for n in range(size):
            negative = positive[n] if config.method == "cd" else chains[n]
            for sweep, (hidden_noise, visible_noise) in enumerate(pairs):
                up = before[1] + negative @ before[0] if sweep == 0 else c + negative @ w
                h = (up > hidden_noise[n]).astype(float)
                down = b + w @ h
                noisy = down + visible_noise[n]
                negative = (down > visible_noise[n]).astype(float) if model.binary else noisy
            if config.method == "pcd":
                chains[n] = negative
            penalty = (
                config.sparsity_cost * (config.sparsity_target - activity)
                if config.sparsity_target
                else 0.0
            )
            off = sigma(c + negative @ w)
            changes[0] += np.outer(positive[n], on[n] + penalty) - np.outer(negative, off)
            changes[1] += positive[n] - negative
            changes[2] += on[n] + penalty - off
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
        {"sparsity_target": 0.2, "sparsity_cost": 0.8},
        {"visible": "gaussian"},
    ],
    ids=["plain", "momentum", "decay", "both", "sparsity", "gaussian"],
)
def test_updates_are_those_of_loops(method: str, k: int, given: dict[str, Any]) -> None:
    """The fast update's and the textbook's, of four batches of four examples and one of two."""
    model = rbm(5, 3, seed=2, batch_size=4, method=method, k=k, **given).float()
    model.chains.copy_(binary(4, 5, seed=9))
    v = binary(18, 5, seed=4).float()
    if not model.binary:
        v = v + 0.3 * torch.randn(18, 5, generator=torch.Generator().manual_seed(6))
    before = copy.deepcopy(model)
    reference, learner = textbook(model), model.contrastive_divergence(torch.float32)
    noise = FixedNoise(learner)
    with torch.no_grad():
        learner.partial_fit(v, 0.3)
    for number, batch in enumerate(v.split(4)):
        reference.update(batch, 0.3, noise.recorded[k * number : k * (number + 1)])
    wanted = loops_update(before, v, 0.3, noise.recorded)
    for updated in (model, reference):
        found = updated.weight, updated.visible_bias, updated.hidden_bias, updated.chains
        for name, mine, theirs in zip(("W", "b", "c", "chains"), found, wanted, strict=True):
            if name == "chains" and method == "cd":  # they play no part in it
                continue
            np.testing.assert_allclose(mine.detach(), theirs, atol=2e-5, err_msg=name)
    assert learner.theta[-1, -1] == 0, "the corner of θ is no parameter"


def exact_gradient(model: Rbm, v: Tensor) -> Tensor:
    """∂ mean log p(v) / ∂θ by autograd through log Z, a sum over all v."""
    every = torch.tensor(states(model.num_visible))
    score = -model.free_energy(v).mean() - (-model.free_energy(every)).logsumexp(0)
    (found,) = torch.autograd.grad(score, model.theta)
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
    model = rbm(4, 3, seed=8, scale=0.7, batch_size=count, method=method, k=k)
    v = binary(200, 4, seed=3) * torch.tensor([1.0, 1.0, 0.0, 1.0])
    wanted = exact_gradient(model, v)
    chances = torch.tensor(Loops(model).joint()[2].sum(1))
    torch.manual_seed(0)
    chains = torch.tensor(states(4))[chances.multinomial(count, replacement=True)]
    model.float().chains.copy_(chains)
    before = model.theta.detach().clone()
    with torch.no_grad():
        model.contrastive_divergence(dtype).partial_fit(v.repeat(100, 1).float(), 1.0)
    found = (model.theta.detach() - before).double()
    atol = 0.015 if dtype == torch.float32 else 0.03  # some 4 deviations of a mean of 20,000
    torch.testing.assert_close(found, wanted, atol=atol, rtol=0)
    assert wanted.abs().max() > 10 * atol


@pytest.mark.long
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_the_learners_chains_converge_to_the_distribution(visible: str) -> None:
    """At lr 0, so that the model stays what it is; real noise."""
    model = rbm(2, 3, seed=5, visible=visible, batch_size=4000).float()
    model.chains.fill_(1.0)
    torch.manual_seed(0)
    seen = []
    with torch.no_grad():
        learner = model.contrastive_divergence(torch.float32)
        for step in range(60):
            learner.partial_fit(torch.zeros(4000, 2), 0.0)
            if step >= 30:
                seen.append(model.chains.double().clone())
    assert_moments(torch.cat(seen), model.double())


def test_chains_go_on_from_block_to_block() -> None:
    """Two calls of `partial_fit` leave the chains that one with both blocks leaves."""
    v = binary(16, 5, seed=4).float()
    found = []
    for parts in ([v], [v[:8], v[8:]]):
        model = rbm(5, 3, batch_size=4).float()
        model.chains.copy_(binary(4, 5, seed=9))
        learner = model.contrastive_divergence(torch.float32)
        FixedNoise(learner)
        with torch.no_grad():
            for part in parts:
                learner.partial_fit(part, 1e-6)
        found.append(model.chains.clone())
    assert torch.equal(*found)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_no_noise_is_used_twice(visible: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of seven sweeps, the noise of two is drawn at once.
    monkeypatch.setattr(fast_contrastive_divergence, "NOISE_AT_ONCE", 2 * 4 * 8)
    learner = rbm(5, 3, visible=visible).float().contrastive_divergence(torch.float32)
    torch.manual_seed(0)
    for _ in range(2):
        noise = learner.noise(7, 4)
        seen = [torch.cat(next(noise), 1).clone() for _ in range(7)]
        assert all(one.shape == (4, 8) for one in seen)
        assert len(torch.cat(seen).flatten().unique()) > 210  # of 224; the quantiles are discrete


@pytest.mark.parametrize("binarised", [True, False])
def test_data_is_binarised_every_time(binarised: bool) -> None:
    model = rbm(3, 2, batch_size=1000, binarise=binarised).float()
    model.theta.data.zero_()
    torch.manual_seed(0)
    shares = torch.tensor([0.1, 0.5, 0.9])
    seen: list[Tensor] = []
    learner = model.contrastive_divergence(torch.float32)
    with torch.no_grad():
        for _ in range(2):
            learner.partial_fit(shares.expand(1000, 3), 0.0)
            seen.append(learner.buffers[1, 1000].data.clone())
    if not binarised:
        assert torch.equal(seen[0][0], shares.expand(1000, 3))
        return
    assert all(((v == 0) | (v == 1)).all() for v in seen)
    torch.testing.assert_close(seen[0].flatten(0, 1).float().mean(0), shares, atol=0.06, rtol=0)
    assert not torch.equal(*seen)


def test_momentum_and_activity_are_in_the_checkpoint() -> None:
    model = rbm(5, 3, batch_size=4, momentum=0.9, sparsity_target=0.2).float()
    learner, other = (model.contrastive_divergence(torch.float32) for _ in range(2))
    with torch.no_grad():
        learner.partial_fit(binary(8, 5).float(), 0.1)
    assert learner.velocity.abs().max() > 0
    other.load_state_dict(learner.state_dict())
    assert torch.equal(other.velocity, learner.velocity)
    assert torch.equal(other.activity, learner.activity)


@pytest.mark.parametrize("kind", ["fast", "textbook"])
def test_learns_a_distribution(kind: str) -> None:
    """Two patterns, nothing between: the likelihood, by all states, comes near the best."""
    patterns = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    v = patterns.repeat(200, 1)[torch.randperm(400, generator=torch.Generator().manual_seed(0))]
    torch.manual_seed(0)
    model = rbm(4, 3, scale=0.01, batch_size=20).float()
    with torch.no_grad():
        model.init_from_data(v)
        learner, reference = model.contrastive_divergence(torch.float32), textbook(model)
        for epoch in range(60):
            lr = 0.1 * (1 - epoch / 60)
            if kind == "fast":
                learner.partial_fit(v, lr)
                continue
            for batch in v.split(20):
                reference.update(batch, lr, reference.sample_noise(20))
        if kind == "textbook":
            model.weight.copy_(reference.weight)
            model.visible_bias.copy_(reference.visible_bias)
            model.hidden_bias.copy_(reference.hidden_bias)
        every = torch.tensor(states(4)).float()
        chances = (-model.free_energy(every)).softmax(0)
    on_patterns = [chances[(every == pattern).all(1)].item() for pattern in patterns]
    assert sum(on_patterns) > 0.85
    assert min(on_patterns) > 0.3
