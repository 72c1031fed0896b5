"""Agents that remember: in rollouts, in updates, in play, and over a stop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import rockfall
from rockfall.kit.environments import ModelPolicy, episodes, episodes_ended
from rockfall.sources.environment import Environment
from rockfall.testing import check_model
from rockfall_agents.memory import Memory, Recurrent
from rockfall_agents.networks import Network
from rockfall_agents.pqn import Pqn
from rockfall_agents.reinforce import Reinforce, ReinforceConfig
from rockfall_agents.rollout import FEWEST_SEQUENCES, RolloutCollector, Samples
from tests.agents.recall import RECALL

KINDS: tuple[Memory, ...] = ("gru", "lstm")


def network(kind: Memory, size: int = 4) -> Network:
    info = rockfall.SourceInfo(name="s", kinds=(), shape=(size,), dtype="float32", actions=2)
    torch.manual_seed(0)
    return Network("mlp", info, (6,), 2, memory=kind)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 7), st.integers(1, 4), st.data())
def test_unrolled_outputs_are_those_of_the_single_steps(
    kind: Memory, steps: int, envs: int, data: st.DataObject
) -> None:
    ended = torch.tensor(
        data.draw(st.lists(st.lists(st.booleans(), min_size=steps, max_size=steps),
                           min_size=envs, max_size=envs))
    )  # fmt: skip
    net, observations = network(kind), torch.randn(envs, steps, 4)
    memory = first = torch.randn(envs, net.memory_size)
    outputs = []
    for t in range(steps):
        output, memory = net.step(observations[:, t], memory)
        outputs.append(output)
        memory = torch.where(ended[:, t, None], 0.0, memory)
    unrolled = net.unroll(observations, first[:, None].expand(-1, steps, -1), ended)
    torch.testing.assert_close(unrolled, torch.stack(outputs, 1))


def test_an_lstm_keeps_most_of_its_memory_at_first() -> None:
    """Where nothing is seen: the share of its cells that its forget gate lets through."""
    recurrent = Recurrent("lstm", 5)
    memory = torch.cat((torch.zeros(1, 5), torch.full((1, 5), 2.0)), 1)
    _, after = recurrent(torch.zeros(1, 5), memory)
    torch.testing.assert_close(after[0, 5:], torch.sigmoid(torch.ones(5)) * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_back_to_the_beginning_of_an_episode_and_no_further(kind: Memory) -> None:
    net, observations = network(kind), torch.randn(1, 6, 4, requires_grad=True)
    ended = torch.tensor([[False, True, False, False, False, False]])
    memory = torch.zeros(1, 6, net.memory_size)
    net.unroll(observations, memory, ended)[0, 4].sum().backward()
    assert observations.grad is not None
    reached = observations.grad[0].abs().sum(1) > 0
    assert reached.tolist() == [False, False, True, True, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_observation_is_met_without_memory(kind: Memory) -> None:
    net, observations = network(kind), torch.randn(3, 4)
    expected = net.step(observations, torch.zeros(3, net.memory_size))[0]
    assert torch.equal(net(observations), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "form"), [("CartPole-v1", None), ("falling-rocks-8x8", "tensor")])
def test_a_rollout_is_what_stepping_by_hand_gives(kind: Memory, name: str, form: None) -> None:
    """Also the outputs for final observations, and over the border of two rollouts."""
    source = rockfall.open_source(name, {"steps": 11} if form else {})
    assert isinstance(source, Environment)
    torch.manual_seed(1)
    net = Network("mlp", source.info, (6,), 2, memory=kind)
    collector = RolloutCollector(source.batch(3, seed=0, form=form), net, pushes)
    rollouts = [collector.collect(steps) for steps in (17, 20)]
    env = source.batch(3, seed=0, form=form)
    memory = torch.zeros(3, net.memory_size)
    endings = 0
    for rollout in rollouts:
        for t in range(len(rollout.rewards)):
            assert torch.equal(rollout.memory[t], memory)
            with torch.no_grad():
                output, memory = net.step(env.observation, memory)
                assert torch.equal(rollout.outputs[t], output)
                step = env.step(pushes(output))
                following = net.step(step.final_observation, memory)[0]
            torch.testing.assert_close(rollout.next_outputs[t], following)
            ended = step.terminated | step.truncated
            endings += int(ended.sum())
            memory = memory.masked_fill(ended[:, None], 0)
        again = Samples(net, 3, len(rollout.rewards), 1)
        columns = map(again.of, (rollout.observations, rollout.memory, rollout.ended))
        torch.testing.assert_close(net.unroll(*columns), again.of(rollout.outputs))
    assert endings >= 3


def test_minibatches_are_of_whole_sequences() -> None:
    kinds: tuple[tuple[Memory, int, int], ...] = (("none", 40, 50), ("gru", 8, 10))
    for kind, count, size in kinds:
        samples = Samples(network(kind), envs=8, rollout_steps=5, batch_size=50)
        orders = samples.orders(3, torch.device("cpu"))
        assert orders.shape == (3, count)
        assert max(map(len, samples.minibatches(orders))) == min(size, count)
        column = torch.arange(40).view(5, 8)
        expected = column.flatten() if kind == "none" else column.T
        assert torch.equal(samples.of(column), expected)
        assert samples.batch_size == size
    few = Samples(network("gru"), envs=32, rollout_steps=64, batch_size=12)
    assert few.batch_size == FEWEST_SEQUENCES


class Counter:
    """Acts by how many observations of the episode it has seen."""

    memory_size = 1

    def act(self, observations: Tensor) -> Tensor:
        return torch.zeros(len(observations), dtype=torch.long)

    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        return memory[:, 0].long(), memory + 1


def test_a_policy_remembers_until_an_episode_ends() -> None:
    policy, seen = ModelPolicy(Counter()), torch.zeros(3, 2)
    assert policy(seen).tolist() == [0, 0, 0]
    assert policy(seen).tolist() == [1, 1, 1]
    episodes_ended(policy, torch.tensor([False, True, False]))
    assert policy(seen).tolist() == [2, 0, 2]
    assert policy(seen).tolist() == [3, 1, 3]
    assert ModelPolicy(Counter())(seen).tolist() == [0, 0, 0]


class Knows(Counter):
    """Plays `Recall` as well as can be: it adds up the cues that it has seen."""

    def act_next(
        self, observations: Tensor, memory: Tensor, *, deterministic: bool = True
    ) -> tuple[Tensor, Tensor]:
        memory = memory + observations[:, :1]
        return (memory[:, 0] > 0).long(), memory


def test_an_evaluation_forgets_between_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "MAX_ENVS", 4)  # so that each environment plays ten of them
    source = rockfall.open_source(RECALL)
    assert isinstance(source, Environment)
    returns = episodes.episode_returns(source, lambda _: ModelPolicy(Knows()), 40)
    assert returns.tolist() == [1.0] * 40


def test_without_memory_nothing_is_kept() -> None:
    for kind in (Pqn, Reinforce):
        config = kind.Config.build("s", {"hidden": (4,)})
        info = rockfall.SourceInfo(name="s", kinds=(), shape=(3,), dtype="float32", actions=2)
        model = kind(config, info)  # type: ignore[arg-type]
        assert model.memory_size == 0
        assert not any("recurrent" in name for name in model.state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_what_gymnasium_gives_is_played_with_memory_too(kind: Memory) -> None:
    """One environment, as it is and as a batch of one: the same actions, over its episodes."""
    source = rockfall.open_source("CartPole-v1")
    assert isinstance(source, Environment)
    torch.manual_seed(0)
    model = Reinforce(ReinforceConfig.build("s", {"hidden": (8,), "memory": kind}), source.info)
    one, batched = ModelPolicy(model), ModelPolicy(model)
    env = source.make()
    observation, _ = env.reset(seed=0)
    episodes = 0
    for _ in range(60):
        action = one(observation)
        assert action == batched(torch.from_numpy(observation)[None]).item()
        assert one.memory is not None and batched.memory is not None
        assert torch.equal(one.memory, batched.memory)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            observation, _ = env.reset()
            one.forget(True)
            episodes_ended(batched, torch.tensor([True]))
            episodes += 1
    assert episodes >= 2


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("agent", ["pqn", "reinforce"])
def test_a_cue_is_remembered(agent: str, kind: Memory, tmp_path: Path) -> None:
    settings = {"steps": 10_000, "envs": 16, "rollout_steps": 20, "batch_size": 160}
    run = rockfall.train(
        agent, RECALL, memory=kind, hidden=(16,), lr=1e-2, **settings, out=tmp_path, listeners=[]
    )
    assert run.result is not None
    assert run.result["figures"]["score"]["value"] == 1.0  # without memory: 0.5


@pytest.mark.long
@pytest.mark.parametrize(
    ("agent", "kind"), [(Pqn, "gru"), pytest.param(Reinforce, "lstm", marks=pytest.mark.slow)]
)
def test_conforms(
    agent: type[Pqn] | type[Reinforce], kind: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumes bit for bit wherever it is stopped, among the rest that the kit checks."""
    tiny = {**agent.presets["tiny"], "memory": kind, "normalize_observations": True}
    monkeypatch.setitem(agent.presets, "tiny", {**tiny, "normalize_rewards": True})
    check_model(agent.__name__.lower(), device="cpu")


def pushes(outputs: Tensor) -> Tensor:
    """Right always: CartPole falls over soon, and the bowl goes to the wall."""
    return torch.ones(len(outputs), dtype=torch.long)
