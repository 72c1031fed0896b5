"""REINFORCE: its loss has the gradient that the theory says, and it learns."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.errors import ConfigError
from rockfall_agents.reinforce import (
    Reinforce,
    ReinforceConfig,
    policy,
    sample,
    surrogate,
)


def with_baseline(logits: Tensor) -> Tensor:
    """Outputs as the network gives them: the logits and, last, a number that must not matter."""
    return torch.cat([logits, torch.full_like(logits[..., :1], 123.0)], -1)


def test_textbook_gradient_is_that_of_the_expected_reward() -> None:
    """A bandit whose arms are played as often as π says: ∂ Σ_a π_a r_a / ∂z_i = π_i (r_i − r̄)."""
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    rewards = torch.tensor([1.0, 4.0, -2.0])
    actions = torch.arange(3).repeat_interleave((probabilities * 10).round().long())
    for baseline in (0.0, 2.5):  # any constant leaves the gradient as it is
        logits = probabilities.log().requires_grad_()
        log_prob = policy(with_baseline(logits.expand(10, 3))).log_prob(actions)
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
    log_prob = policy(with_baseline(logits)).log_prob(actions)
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


def test_the_policy_is_the_softmax_of_all_outputs_but_the_last() -> None:
    logits = torch.randn(7, 5)
    torch.testing.assert_close(policy(with_baseline(logits)).probs, logits.softmax(1))


def test_samples_are_those_of_the_policy_to_the_bit() -> None:
    torch.manual_seed(0)
    outputs = with_baseline(torch.randn(500, 4))
    torch.manual_seed(1)
    expected = policy(outputs).sample()
    torch.manual_seed(1)
    assert torch.equal(sample(outputs), expected)


def test_begins_nearly_uniform_and_acts_by_the_most_probable() -> None:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=4)
    torch.manual_seed(0)
    model = Reinforce(ReinforceConfig.build("reinforce"), info)
    observations = torch.randn(30, 3)
    outputs = model.network(observations)
    assert policy(outputs).entropy().mean().item() == pytest.approx(math.log(4), abs=1e-2)
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
