"""REINFORCE: its loss has the gradient that the theory says, and it learns."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

import rockfall
from rockfall.errors import ConfigError
from rockfall_agents.distributions import Softmax
from rockfall_agents.reinforce import Reinforce, ReinforceConfig, surrogate


def policy(logits: Tensor) -> Categorical:
    return Softmax(logits.shape[-1])(logits)


def test_textbook_gradient_is_that_of_the_expected_reward() -> None:
    """A bandit whose arms are played as often as π says: ∂ Σ_a π_a r_a / ∂z_i = π_i (r_i − r̄)."""
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    rewards = torch.tensor([1.0, 4.0, -2.0])
    actions = torch.arange(3).repeat_interleave((probabilities * 10).round().long())
    for baseline in (0.0, 2.5):  # any constant leaves the gradient as it is
        logits = probabilities.log().requires_grad_()
        log_prob = policy(logits.expand(10, 3)).log_prob(actions)
        surrogate(
            log_prob, log_prob.detach(), rewards[actions] - baseline, clip=0
        ).mean().backward()
        expected = probabilities * (rewards - (probabilities * rewards).sum())
        assert logits.grad is not None
        torch.testing.assert_close(logits.grad, expected)


def test_clipped_gradient_is_the_textbook_one_until_the_policy_has_moved() -> None:
    torch.manual_seed(0)
    logits = torch.randn(20, 4, requires_grad=True)
    actions, advantages = torch.randint(4, (20,)), torch.randn(20)
    log_prob = policy(logits).log_prob(actions)
    gradients = [
        torch.autograd.grad(
            surrogate(log_prob, log_prob.detach(), advantages, clip).sum(),
            logits,
            retain_graph=True,
        )[0]
        for clip in (0.0, 0.2)
    ]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [
        (1.3, 1.0, False),  # already beyond the clip range: no gradient
        (0.7, -1.0, False),
        (0.7, 1.0, True),  # it moved the wrong way: the gradient leads back
        (1.3, -1.0, True),
        (1.1, 1.0, True),
    ],
)
def test_clip_stops_the_gradient_where_there_is_nothing_more_to_gain(
    ratio: float, advantage: float, moves: bool
) -> None:
    log_prob = torch.tensor([ratio]).log().requires_grad_()
    surrogate(log_prob, torch.zeros(1), torch.tensor([advantage]), clip=0.2).backward()
    assert log_prob.grad is not None and bool(log_prob.grad.item()) == moves


def test_samples_are_those_of_the_policy_to_the_bit() -> None:
    torch.manual_seed(0)
    logits = torch.randn(500, 4)
    torch.manual_seed(1)
    expected = policy(logits).sample()
    torch.manual_seed(1)
    assert torch.equal(Softmax(4).sample(logits), expected)


def test_the_last_output_is_the_baseline_and_does_not_matter_to_the_policy() -> None:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=4)
    model = Reinforce(ReinforceConfig.build("reinforce"), info)
    outputs = torch.randn(500, 5)
    torch.manual_seed(1)
    drawn = model.explore(outputs)
    torch.manual_seed(1)
    assert torch.equal(drawn, model.explore(outputs + 9 * torch.tensor([0, 0, 0, 0, 1])))
    observations = torch.randn(30, 3)
    torch.manual_seed(1)
    drawn = model.act(observations, deterministic=False)
    torch.manual_seed(1)
    assert torch.equal(drawn, policy(model.network(observations)[:, :4]).sample())


def test_begins_nearly_uniform_and_acts_by_the_most_probable() -> None:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=4)
    torch.manual_seed(0)
    model = Reinforce(ReinforceConfig.build("reinforce"), info)
    observations = torch.randn(30, 3)
    outputs = model.network(observations)
    assert policy(outputs[:, :4]).entropy().mean().item() == pytest.approx(math.log(4), abs=1e-2)
    assert torch.equal(model.act(observations), outputs[:, :4].argmax(1))


def test_several_epochs_need_a_clip() -> None:
    with pytest.raises(ConfigError, match="epochs=1"):
        ReinforceConfig.build("reinforce", {"clip": 0, "epochs": 2})


@pytest.mark.long
@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 100_000},
        {"steps": 60_000, "network": "conv"},
        {"preset": "textbook", "steps": 200_000, "batch_size": 512},
    ],
    ids=["default", "conv", "textbook"],
)
def test_learns_to_catch(settings: dict[str, Any], tmp_path: Path) -> None:
    run = rockfall.train(
        "reinforce",
        "falling-rocks-8x8",
        source_options={"size": 5},
        envs=64,
        out=tmp_path,
        listeners=[],
        **settings,
    )
    assert run.result is not None
    assert run.result["figures"]["score"]["percent_of_oracle"] > 95  # at random: 53
