"""Policies over every action space: what they draw, and what they say of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from torch import Tensor

import rockfall
from rockfall.kit.environments import Spaces, space_data
from rockfall_agents.distributions import Gaussian, Policy, policy_of
from tests.kit.any_space import action_spaces

STATES = 5


def info_of(acted: spaces.Space[Any]) -> rockfall.SourceInfo:
    return rockfall.SourceInfo(name="any", **space_data.describe(spaces.Box(0, 1, (1,)), acted))


def policy_over(acted: spaces.Space[Any]) -> Policy:
    return policy_of(info_of(acted))


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(action_spaces())
def test_it_draws_the_actions_of_a_batch(acted: spaces.Space[Any]) -> None:
    policy, translated = policy_over(acted), Spaces(spaces.Box(0, 1, (1,)), acted)
    outputs = torch.randn(STATES, policy.outputs, requires_grad=True)
    for actions in (policy.sample(outputs.detach()), policy.mode(outputs.detach())):
        assert actions.shape == (STATES, *translated.action_shape)
        assert actions.dtype == translated.action_dtype
        assert all(acted.contains(translated.decode(action)) for action in actions.detach().numpy())
    pi = policy(outputs)
    log_prob, entropy = pi.log_prob(actions.detach()), pi.entropy()
    assert log_prob.shape == entropy.shape == (STATES,)
    # Of a rollout (T, N, …) the same.
    rolled = policy(outputs[None]).log_prob(actions[None].detach())
    torch.testing.assert_close(rolled, log_prob[None])
    (log_prob.sum() + entropy.sum()).backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.long
@pytest.mark.parametrize(
    "acted", [spaces.Discrete(4), spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(3)]
)
def test_probabilities_of_all_actions_are_1_and_their_frequencies(acted: Any) -> None:
    torch.manual_seed(0)
    policy = policy_over(acted)
    outputs = torch.randn(1, policy.outputs)
    sides = {"Discrete": [4], "MultiDiscrete": [2, 3], "MultiBinary": [2, 2, 2]}
    grids = torch.cartesian_prod(*(torch.arange(n) for n in sides[type(acted).__name__]))
    pi = policy(outputs.expand(len(grids), -1))
    probabilities = pi.log_prob(grids).exp()
    torch.testing.assert_close(probabilities.sum(), torch.tensor(1.0))
    entropy = -(probabilities * probabilities.log()).sum()
    torch.testing.assert_close(pi.entropy()[0], entropy)
    drawn = policy.sample(outputs.expand(40_000, -1)).reshape(40_000, -1)
    for action, probability in zip(grids.reshape(len(grids), -1), probabilities, strict=True):
        frequency = (drawn == action).all(1).float().mean()
        assert abs(frequency - probability) < 0.015
    best = grids[probabilities.argmax()]
    assert torch.equal(policy.mode(outputs)[0], best)


@pytest.mark.long
def test_a_gaussian_is_in_the_environments_units() -> None:
    low, high = np.array([-2, 10, -np.inf, 0]), np.array([2, 30, np.inf, np.inf])
    policy = policy_over(spaces.Box(low, high, dtype=np.float64))
    assert isinstance(policy, Gaussian)
    nothing = torch.zeros(20_000, 4)
    drawn = policy.sample(nothing)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([0, 20.0, 0, 0]), atol=0.3, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([2, 10.0, 1, 1]), atol=0.2, rtol=0)
    torch.testing.assert_close(policy.mode(nothing)[0], torch.tensor([0, 20.0, 0, 0]))
    with torch.no_grad():
        policy.log_std.copy_(torch.tensor([-1.0, 0, 0.5, 2]))
    pi, means = policy(nothing[:1]), torch.tensor([0, 20.0, 0, 0])
    deviations = torch.tensor([2, 10.0, 1, 1]) * policy.log_std.exp()
    action = torch.tensor([[1.0, 15.0, -2.0, 0.3]])
    expected = torch.distributions.Normal(means, deviations)
    torch.testing.assert_close(pi.log_prob(action), expected.log_prob(action).sum(1))
    torch.testing.assert_close(pi.entropy()[0], expected.entropy().sum())


def test_what_follows_from_the_space_is_in_no_checkpoint() -> None:
    def keys(acted: spaces.Space[Any]) -> list[str]:
        return list(policy_over(acted).state_dict())

    assert keys(spaces.Box(-1, 1, (2,))) == ["log_std"]
    assert not keys(spaces.Discrete(3)) + keys(spaces.MultiDiscrete([2, 2]))


@pytest.mark.long
def test_the_score_gradient_of_a_gaussian_bandit_finds_its_middle() -> None:
    """The whole of policy gradients in a few lines: the mean moves to where the reward is."""
    torch.manual_seed(0)
    policy = policy_over(spaces.Box(-4, 4, (1,)))
    output = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([output, *policy.parameters()], lr=0.05)

    def reward(actions: Tensor) -> Tensor:
        return -((actions[:, 0] - 3) ** 2)

    for _ in range(200):
        outputs = output.expand(256, 1)
        actions = policy.sample(outputs.detach())
        advantage = reward(actions) - reward(actions).mean()
        loss = -(policy(outputs).log_prob(actions) * advantage).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert policy.mode(output[None]).item() == pytest.approx(3, abs=0.3)
