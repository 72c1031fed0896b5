"""Rollouts and λ-returns, against their definitions."""

from __future__ import annotations

import torch
from torch import Tensor

import rockfall
from rockfall.sources.environment import Environment
from rockfall_agents.rollout import Rollout, RolloutCollector, lambda_returns, minibatches


def random_rollout(steps: int, envs: int, *, endings: float) -> tuple[Rollout, Tensor]:
    ended = torch.rand(steps, envs) < endings
    terminated = ended & (torch.rand(steps, envs) < 0.5)
    rewards = torch.randn(steps, envs)
    nothing = torch.empty(0)
    rollout = Rollout(
        nothing, nothing, rewards, terminated, ended & ~terminated, nothing, nothing, nothing
    )
    return rollout, torch.randn(steps, envs)


def by_definition(rollout: Rollout, values: Tensor, gamma: float, lam: float) -> Tensor:
    """G_t as the λ-weighted mean of all n-step returns (Sutton and Barto 2018, equation 12.3)."""
    rewards, terminated, truncated = rollout.rewards, rollout.terminated, rollout.truncated
    returns = torch.zeros_like(rewards)
    steps, envs = rewards.shape
    for env in range(envs):
        for start in range(steps):
            n_step: list[float] = []
            summed, t = 0.0, start
            while True:
                discount = gamma ** (t - start)
                summed += discount * rewards[t, env].item()
                ended = bool(terminated[t, env] or truncated[t, env]) or t == steps - 1
                bootstrap = 0.0 if terminated[t, env] else values[t, env].item()
                n_step.append(summed + discount * gamma * bootstrap)
                if ended:
                    break
                t += 1
            *earlier, last = n_step
            weighed = sum((1 - lam) * lam**n * g for n, g in enumerate(earlier))
            returns[start, env] = weighed + lam ** len(earlier) * last
    return returns


def test_lambda_returns_are_the_weighted_n_step_returns() -> None:
    torch.manual_seed(0)
    for gamma, lam in ((0.9, 0.7), (1.0, 1.0), (0.5, 0.0)):
        for endings in (0.0, 0.3, 1.0):
            rollout, values = random_rollout(9, 3, endings=endings)
            expected = by_definition(rollout, values, gamma, lam)
            torch.testing.assert_close(lambda_returns(rollout, values, gamma, lam), expected)


def test_returns_less_the_baseline_are_generalised_advantages() -> None:
    """Σ (γλ)^l δ_{t+l} up to the episode's end (Schulman et al. 2016, equation 16)."""
    torch.manual_seed(0)
    gamma, lam = 0.9, 0.8
    rollout, following = random_rollout(12, 4, endings=0.3)
    ended = rollout.terminated | rollout.truncated
    values = torch.randn(12, 4)
    values[1:] = torch.where(ended[:-1], values[1:], following[:-1])
    delta = rollout.rewards + gamma * following * ~rollout.terminated - values
    expected = torch.zeros(12, 4)
    for start in range(12):
        alive = torch.ones(4)
        for t in range(start, 12):
            expected[start] += alive * (gamma * lam) ** (t - start) * delta[t]
            alive = alive * ~ended[t]
    advantages = lambda_returns(rollout, following, gamma, lam) - values
    torch.testing.assert_close(advantages, expected)


def test_minibatches_pass_over_everything_in_new_orders() -> None:
    torch.manual_seed(0)
    parts = list(minibatches(10, epochs=3, size=4, device=torch.device("cpu")))
    assert [len(part) for part in parts] == [4, 4, 2] * 3
    passes = [torch.cat(parts[i : i + 3]) for i in (0, 3, 6)]
    assert all(torch.equal(order.sort().values, torch.arange(10)) for order in passes)
    assert not torch.equal(passes[0], passes[1])


def environment(name: str) -> Environment:
    source = rockfall.open_source(name)
    assert isinstance(source, Environment)
    return source


def identity(observations: Tensor) -> Tensor:
    return observations.float().flatten(1)


def test_the_columns_of_a_rollout_fit_together() -> None:
    """CartPole pushed right for ever: short episodes that all end by falling over."""
    env = environment("CartPole-v1").batch(3, seed=0)
    first = env.observation.clone()
    collector = RolloutCollector(env)
    rollout = collector.collect(
        40, identity, lambda outputs: torch.ones(len(outputs), dtype=torch.long)
    )
    assert torch.equal(rollout.observations[0], first)
    assert torch.equal(rollout.outputs, rollout.observations)
    ongoing = ~(rollout.terminated | rollout.truncated)[:-1]
    assert torch.equal(rollout.next_outputs[:-1][ongoing], rollout.observations[1:][ongoing])
    assert torch.equal(rollout.next_outputs[-1][ongoing[-1]], env.observation[ongoing[-1]])
    # Fallen over means past 12 degrees, which no first observation is.
    assert (rollout.next_outputs[rollout.terminated][:, 2].abs() > 0.2).all()
    assert rollout.terminated.any() and not rollout.truncated.any()
    # One point a step, so that returns and rewards so far add up to the steps taken.
    assert rollout.episode_returns.sum() + collector.rewards_so_far.sum() == 3 * 40
    assert len(rollout.episode_returns) == rollout.terminated.sum()


def test_a_truncated_episode_is_followed_by_its_own_final_observation() -> None:
    env = environment("falling-rocks-8x8").batch(2, seed=0)
    rollout = RolloutCollector(env).collect(
        64, identity, lambda outputs: torch.zeros(2, dtype=torch.long)
    )
    assert rollout.truncated[-1].all() and not rollout.truncated[:-1].any()
    before = rollout.observations[-1].clone()
    fallen = torch.zeros_like(before)
    fallen[:, 1:-1] = before[:, :-2]  # but for the new rock and the bottom row, where the bowl is
    after = rollout.next_outputs[-1].view(2, 8, 8)
    assert torch.equal(after[:, 1:-1], fallen[:, 1:-1].float())
    assert not torch.equal(after, env.observation.float())


def test_a_collector_resumes_where_it_was() -> None:
    source = environment("falling-rocks-8x8")

    def still(outputs: Tensor) -> Tensor:
        return torch.zeros(len(outputs), dtype=torch.long)

    collector = RolloutCollector(source.batch(4, seed=1))
    collector.collect(50, identity, still)
    state = collector.state_dict()
    kept = {"env": state["env"], "score": state["score"].clone()}
    other = RolloutCollector(source.batch(4, seed=2))
    other.load_state_dict(kept)
    for ours, theirs in zip(
        collector.collect(30, identity, still), other.collect(30, identity, still), strict=True
    ):
        assert torch.equal(ours, theirs)
