"""Rollouts and λ-returns, against their definitions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

import rockfall
from rockfall.kit.environments import BatchedEnvironment, Form, Step, TensorBatch
from rockfall.sources.environment import Environment
from rockfall.testing.pretend import pretend_device
from rockfall_agents.rollout import (
    Rollout,
    RolloutCollector,
    lambda_returns,
    minibatches,
    random_orders,
)


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
    orders = random_orders(10, epochs=3, device=torch.device("cpu"))
    parts = list(minibatches(orders, size=4))
    assert [len(part) for part in parts] == [4, 4, 2] * 3
    passes = [torch.cat(parts[i : i + 3]) for i in (0, 3, 6)]
    assert all(torch.equal(order.sort().values, torch.arange(10)) for order in passes)
    assert not torch.equal(passes[0], passes[1])


def environment(name: str, **options: Any) -> Environment:
    source = rockfall.open_source(name, options)
    assert isinstance(source, Environment)
    return source


class Identity:
    """Outputs what it sees, and remembers nothing."""

    memory_size = 0

    def step(self, observations: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return observations.float().flatten(1), memory


identity = Identity()


def test_the_columns_of_a_rollout_fit_together() -> None:
    """CartPole pushed right for ever: short episodes that all end by falling over."""
    env = environment("CartPole-v1").batch(3, seed=0)
    first = env.observation.clone()
    collector = RolloutCollector(
        env, identity, lambda outputs: torch.ones(len(outputs), dtype=torch.long)
    )
    rollout = collector.collect(40)
    assert torch.equal(rollout.observations[0], first)
    assert torch.equal(rollout.outputs, rollout.observations)
    ongoing = ~(rollout.terminated | rollout.truncated)[:-1]
    assert torch.equal(rollout.next_outputs[:-1][ongoing], rollout.observations[1:][ongoing])
    assert torch.equal(rollout.next_outputs[-1][ongoing[-1]], env.observation[ongoing[-1]])
    # Fallen over means past 12 degrees, which no first observation is.
    assert (rollout.next_outputs[rollout.terminated][:, 2].abs() > 0.2).all()
    assert rollout.terminated.any() and not rollout.truncated.any()
    # One point a step, so that returns and rewards so far add up to the steps taken.
    assert collector.episodes[:, 0].sum() + collector.rewards_so_far.sum() == 3 * 40
    assert len(collector.episodes) == rollout.terminated.sum()


def test_a_truncated_episode_is_followed_by_its_own_final_observation() -> None:
    env = environment("falling-rocks-8x8").batch(2, seed=0)
    rollout = RolloutCollector(env, identity, still).collect(64)
    assert rollout.truncated[-1].all() and not rollout.truncated[:-1].any()
    before = rollout.observations[-1].clone()
    fallen = torch.zeros_like(before)
    fallen[:, 1:-1] = before[:, :-2]  # but for the new rock and the bottom row, where the bowl is
    after = rollout.next_outputs[-1].view(2, 8, 8)
    assert torch.equal(after[:, 1:-1], fallen[:, 1:-1].float())
    assert not torch.equal(after, env.observation.float())


def test_a_collector_resumes_where_it_was() -> None:
    source = environment("falling-rocks-8x8")

    collector = RolloutCollector(source.batch(4, seed=1), identity, still)
    collector.collect(50)
    state = collector.state_dict()
    kept = {
        name: part.clone() if isinstance(part, Tensor) else part for name, part in state.items()
    }
    other = RolloutCollector(source.batch(4, seed=2), identity, still)
    other.load_state_dict(kept)
    rolled = collector.collect(30)
    assert_same(rolled, other.collect(30))
    assert collector.metrics() == other.metrics()
    older = RolloutCollector(source.batch(4, seed=2), identity, still)
    older.load_state_dict({"env": kept["env"], "score": kept["score"]})
    assert_same(rolled, older.collect(30))


@pytest.mark.parametrize(("name", "form"), [("CartPole-v1", None), ("falling-rocks-8x8", "tensor")])
def test_the_score_is_the_mean_of_the_last_hundred_episodes(name: str, form: Form | None) -> None:
    source = environment(name, max_episode_steps=30) if form is None else environment(name)
    collector = RolloutCollector(source.batch(13, seed=0, form=form), identity, wandering)
    summed, lengths = torch.zeros(13), torch.zeros(13)
    ended: list[tuple[float, float]] = []
    assert collector.metrics() == {}
    for _ in range(6):
        rollout = collector.collect(50)
        for t in range(50):
            summed += rollout.rewards[t]
            lengths += 1
            for env in rollout.ended[t].nonzero().flatten().tolist():
                ended.append((summed[env].item(), lengths[env].item()))
                summed[env] = lengths[env] = 0
        if ended:
            expected = torch.tensor(ended[-100:]).mean(0)
            metrics = collector.metrics()
            assert metrics["score"].item() == pytest.approx(expected[0].item(), rel=1e-5)
            assert metrics["episode_length"].item() == pytest.approx(expected[1].item())
    assert len(ended) > 100 or form == "tensor"


@pytest.mark.parametrize("steps", [1, 7, 13, 20, 40, 57])
def test_a_form_that_can_be_recorded_is_stepped_as_any_other(steps: int) -> None:
    """Rollouts within episodes, as long as some, and across several."""
    source = environment("falling-rocks-8x8", steps=20, rock_probability=0.5)
    collectors = []
    for recordable in (True, False):
        env = source.batch(5, seed=0, form="tensor")
        assert isinstance(env, TensorBatch) and env.recordable
        env.recordable = recordable
        collectors.append(RolloutCollector(env, identity, wandering))
    for _ in range(5):
        ours, theirs = (collector.collect(steps) for collector in collectors)
        assert_same(ours, theirs)
        assert ours.rewards.any() or steps < 20
        assert_same(*(collector.episodes[None] for collector in collectors))
        states = [collector.state_dict() for collector in collectors]
        assert states[0]["env"].pop("rules") == states[1]["env"].pop("rules")
        for name, part in states[0]["env"].items():
            assert torch.equal(torch.as_tensor(part), torch.as_tensor(states[1]["env"][name])), name


@pytest.mark.parametrize(("name", "form"), [("CartPole-v1", None), ("falling-rocks-8x8", "tensor")])
def test_where_the_device_alone_knows_what_ended_the_rollout_is_the_same(
    name: str, form: Form | None
) -> None:
    source = environment(name)
    known = RolloutCollector(source.batch(5, seed=0, form=form), identity, wandering)
    env = Silent(source.batch(5, seed=0, form=form))
    unknown = RolloutCollector(env, identity, wandering)
    endings = 0
    for _ in range(3):
        assert_same(known.collect(50), unknown.collect(50))
        assert torch.equal(known.episodes, unknown.episodes)
        assert known.metrics() == unknown.metrics()
        endings += len(known.episodes)
    assert endings


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "form", "waits"),
    [
        ("falling-rocks-8x8", "tensor", 0),
        ("falling-rocks-8x8", "vector", 30),  # for the actions, which the CPU needs
        ("CartPole-v1", None, 30),
    ],
)
def test_nothing_but_the_actions_of_environments_on_the_cpu_is_waited_for(
    name: str, form: Form | None, waits: int
) -> None:
    source = environment(name)
    cpu = RolloutCollector(source.batch(5, seed=0, form=form), identity, wandering)
    with pretend_device() as device:
        env = source.batch(5, device="cuda", seed=0, form=form)
        collector = RolloutCollector(env, identity, wandering)
        collector.collect(80)  # beyond the end of the first episodes
        before = device.synchronisations
        rollout = collector.collect(30)
        assert device.synchronisations - before == waits
        assert all(column.is_cuda for column in rollout)
        rollout = Rollout(*(column.cpu() for column in rollout))
    cpu.collect(80)
    assert_same(rollout, cpu.collect(30))


class Silent:
    """A batch that does not tell whose episodes ended."""

    ended_rows = None
    earned = None

    def __init__(self, batch: BatchedEnvironment) -> None:
        self.batch, self.num_envs = batch, batch.num_envs

    @property
    def observation(self) -> Tensor:
        return self.batch.observation

    def step(self, actions: Tensor) -> Step:
        return self.batch.step(actions)


def still(outputs: Tensor) -> Tensor:
    return torch.zeros(len(outputs), dtype=torch.long, device=outputs.device)


def wandering(outputs: Tensor) -> Tensor:
    """Left or right, by what is seen."""
    return (outputs.sum(1).abs() * 1000).long() % 2


def assert_same(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
