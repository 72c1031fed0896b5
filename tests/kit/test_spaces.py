"""Spaces of every kind: what a batch shows and takes is what the environment gave and gets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rockfall.errors import RockfallError, UsageError
from rockfall.kinds import require_kind
from rockfall.kit.environments import LoopBatch, Spaces, VectorBatch, parts_of, space_data
from rockfall.registry import registry
from rockfall.run.schema import DEEPEST, InfoSchema, _deeper_than
from rockfall.sources.environment import Environment
from rockfall.sources.info import SourceInfo
from rockfall.testing.batches import check_batch
from tests.agents.every_space import ACTIONS, every_space_registered
from tests.kit.any_space import AnySpaces, action_spaces, observation_spaces

CPU = torch.device("cpu")
FEW = settings(max_examples=30, deadline=None)


def info_of(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> SourceInfo:
    """The description of an environment as `run.json` gives it back."""
    info = SourceInfo(name="any", **space_data.describe(observed, acted))
    again = SourceInfo.from_json(json.loads(json.dumps(info.to_json(), allow_nan=False)))
    assert again == info
    return again


@FEW
@given(observation_spaces(), action_spaces())
def test_a_reopened_description_is_the_same_spaces(
    observed: spaces.Space[Any], acted: spaces.Space[Any]
) -> None:
    info = info_of(observed, acted)
    for original, rebuilt in zip((observed, acted), space_data.spaces_of(info), strict=True):
        assert rebuilt == original
        assert space_data.plain(rebuilt) == space_data.plain(original)
    assert sum(np.prod(part.shape) for part in parts_of(info)) == np.prod(info.shape)
    InfoSchema.model_validate(json.loads(json.dumps(info.to_json())))


@FEW
@given(observation_spaces(), st.integers(0, 99))
def test_an_observation_is_what_gymnasium_flattens(observed: spaces.Space[Any], seed: int) -> None:
    info = info_of(observed, spaces.Discrete(2))
    observed.seed(seed)
    shown = observed.sample()
    encoded = Spaces.of(info).encode(shown)
    assert (encoded.shape, str(encoded.dtype)) == (info.shape, info.dtype)
    flat = np.asarray(spaces.flatten(observed, shown))
    np.testing.assert_array_equal(encoded.flatten(), flat.astype(encoded.dtype))
    torch.from_numpy(encoded)  # every dtype is one of PyTorch's
    if info.low is not None and info.high is not None:
        assert (encoded >= info.low).all() and (encoded <= info.high).all()
    start = 0
    for part in parts_of(info):
        end = start + int(np.prod(part.shape))
        numbers = encoded.flatten()[start:end].astype(float)
        assert part.low is None or (numbers >= part.low).all(), part
        assert part.high is None or (numbers <= part.high).all(), part
        start = end


@pytest.mark.long
@FEW
@given(observation_spaces(), action_spaces(), st.booleans())
def test_a_batch_shows_and_takes_any_space(
    observed: spaces.Space[Any], acted: spaces.Space[Any], reuses: bool
) -> None:
    """Each environment asserts that what it is given is of its space."""
    info = info_of(observed, acted)

    def made(envs: int = 3) -> LoopBatch:
        batch = LoopBatch([AnySpaces(observed, acted, reuses=reuses) for _ in range(envs)], CPU)
        batch.reset(5)
        return batch

    batch, generator = made(), torch.Generator().manual_seed(0)
    draw = Spaces.of(info).random
    shown, ends = [batch.observation], 0
    for _ in range(12):
        actions = draw(3, generator)
        step = batch.step(actions)
        assert step.observation.shape == (3, *info.shape)
        assert str(step.observation.dtype) == f"torch.{info.dtype}"
        going = ~(step.terminated | step.truncated)
        assert torch.equal(step.observation[going], step.final_observation[going])
        ends += int((~going).sum())
        shown.append(step.observation)
    assert ends
    saved = batch.state_dict()
    other = made()
    other.load_state_dict(saved)
    assert torch.equal(other.observation, batch.observation)
    actions = draw(3, generator)
    for one, two in zip(batch.step(actions), other.step(actions), strict=True):
        assert torch.equal(one, two)


class Stateful(SyncVectorEnv):
    """A vector form that says it offers its state."""

    def state_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    load_state_dict = state_dict


@settings(max_examples=15, deadline=None)
@given(observation_spaces(), action_spaces())
def test_a_vector_form_is_translated_as_its_single_environments_are(
    observed: spaces.Space[Any], acted: spaces.Space[Any]
) -> None:
    """Beside the same environments in a loop of their own, without any translation."""
    vector = Stateful(
        [lambda: AnySpaces(observed, acted)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    batch, translated = VectorBatch(vector, CPU), Spaces(observed, acted)
    batch.reset(4)
    alone = [AnySpaces(observed, acted) for _ in range(2)]
    shown = [env.reset(seed=4 + index)[0] for index, env in enumerate(alone)]
    generator = torch.Generator().manual_seed(0)
    for _ in range(12):
        for row, one in zip(batch.observation, shown, strict=True):
            np.testing.assert_array_equal(row, translated.encode(one))
        actions = translated.random(2, generator)
        step = batch.step(actions)
        for index, env in enumerate(alone):
            shown[index], reward, *ends, _ = env.step(translated.decode(actions.numpy()[index]))
            final = step.final_observation[index]
            np.testing.assert_array_equal(final, translated.encode(shown[index]))
            assert step.reward[index].item() == pytest.approx(reward, rel=1e-5)
            if any(ends):
                shown[index] = env.reset()[0]
    batch.close()


@pytest.mark.parametrize("acted", ACTIONS)
@pytest.mark.parametrize("observed", [pytest.param("Dict", marks=pytest.mark.long), "Discrete"])
def test_a_batch_of_it_keeps_the_contract(observed: str, acted: str) -> None:
    with every_space_registered():
        check_batch(Environment(f"Any{observed}{acted}-v0"), "plain")


def test_final_observations_are_those_before_the_reset_also_of_one_memory() -> None:
    box = spaces.Box(-1.0, 1.0, (2,), np.float64)
    batches = []
    for reuses in (False, True):
        batch = LoopBatch([AnySpaces(box, spaces.Discrete(2), reuses=reuses)], CPU)
        batch.reset(3)
        batches.append([batch.step(torch.tensor([1])) for _ in range(20)])
    for plain, reusing in zip(*batches, strict=True):
        for one, two in zip(plain, reusing, strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize("start", [-3, -1, 0, 1, 7])
def test_discrete_actions_are_counted_from_0_here_and_from_start_there(start: int) -> None:
    env = AnySpaces(spaces.Box(0, 1, (1,)), spaces.Discrete(4, start=start))
    batch = LoopBatch([env], CPU)
    batch.reset(0)
    for action in (0, 3):
        batch.step(torch.tensor([action]))
    assert env.taken == [start, start + 3]


@FEW
@given(action_spaces())
def test_random_actions_are_in_the_space_and_reach_all_of_it(acted: spaces.Space[Any]) -> None:
    translated = Spaces(spaces.Box(0, 1, (1,)), acted)
    drawn = translated.random(200, torch.Generator().manual_seed(1))
    again = translated.random(200, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, again)
    given_ = translated.decode_many(drawn.numpy())
    assert all(acted.contains(translated.decode(action)) for action in drawn.numpy())
    flat = given_.reshape(200, -1).astype(float)
    match acted:
        case spaces.Discrete():
            assert set(flat.flatten()) == set(range(int(acted.start), int(acted.start + acted.n)))
        case spaces.MultiDiscrete():
            for column, low, count in zip(
                flat.T, acted.start.flatten(), acted.nvec.flatten(), strict=True
            ):
                assert set(column) == set(range(int(low), int(low + count)))
        case spaces.MultiBinary():
            assert ((flat.min(0) == 0) & (flat.max(0) == 1)).all()
        case spaces.Box() if acted.is_bounded():
            low, high = acted.low.flatten(), acted.high.flatten()
            margin = 0.1 * (high.astype(float) - low) + (acted.dtype.kind in "iub")
            assert (flat.min(0) <= low + margin).all() and (flat.max(0) >= high - margin).all()


def test_a_box_action_is_clipped_to_its_bounds_and_no_further() -> None:
    acted = spaces.Box(np.array([-1, -np.inf]), np.array([2, np.inf]), dtype=np.float64)
    translated = Spaces(spaces.Box(0, 1, (1,)), acted)
    wild = np.array([[-5, -5], [5, 5], [0.5, 1e9]], np.float32)
    np.testing.assert_array_equal(translated.decode_many(wild), [[-1, -5], [2, 5], [0.5, 1e9]])
    assert translated.decode(wild[0]).dtype == np.float64
    np.testing.assert_array_equal(wild[0], [-5, -5])  # the batch's own is left as it was


@FEW
@given(observation_spaces(), action_spaces())
def test_act_takes_one_observation_or_those_of_a_vector_environment(
    observed: spaces.Space[Any], acted: spaces.Space[Any]
) -> None:
    from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

    translated = Spaces.of(info_of(observed, acted))
    observed.seed(0)
    ones = [observed.sample() for _ in range(3)]
    many = concatenate(observed, ones, create_empty_array(observed, 3))
    assert batch_space(observed, 3).contains(many)
    drawn = translated.random(3, torch.Generator().manual_seed(0)).numpy()
    seen: list[Any] = []

    def choose(encoded: Any) -> Any:
        seen.append(encoded)
        return drawn[: len(encoded)]

    action = translated.act(choose, ones[0])
    assert acted.contains(action)
    actions = translated.act(choose, many)
    assert len(actions) == 3
    np.testing.assert_array_equal(np.asarray(actions[0]), np.asarray(action))
    assert seen[0].shape == (1, *translated.shape) and seen[1].shape == (3, *translated.shape)
    assert len(translated.act(choose, create_empty_array(observed, 0))) == 0
    assert seen[2].shape == (0, *translated.shape)
    np.testing.assert_array_equal(seen[0][0], seen[1][0])


@pytest.mark.parametrize(
    "given_",
    [
        np.zeros((2, 3, 4)),
        np.zeros(5),
        np.zeros((8, 2)),
        np.zeros((2, 8)),
        {"a": 1},
        "x",
        None,
        [],
        [[1], [2, 3]],
    ],
)
def test_act_refuses_what_is_no_observation(given_: Any) -> None:
    translated = Spaces(spaces.Box(-1, 1, (4,)), spaces.Discrete(2))
    for refusing in (translated, Spaces(spaces.Tuple([translated.observed]), translated.acted)):
        with pytest.raises(UsageError, match="observation"):
            refusing.act(lambda encoded: encoded, given_)


@pytest.mark.parametrize(
    ("space", "wrong"),
    [
        (spaces.Dict(a=spaces.Discrete(3)), {"a": 3}),
        (spaces.Dict(a=spaces.Discrete(3)), {"b": 0}),
        (spaces.Dict(a=spaces.Discrete(3)), {"a": "x"}),
        (spaces.Dict(a=spaces.Discrete(3)), None),
        (spaces.Dict(a=spaces.Discrete(3)), {"a": -1}),
        (spaces.Discrete(3, start=5), 4),
        (spaces.Discrete(3, start=5), 8),
        (spaces.MultiDiscrete([3, 3], start=[0, 5]), np.array([0, 4])),
        (spaces.Tuple([spaces.Discrete(2), spaces.Discrete(2)]), (0,)),
        (spaces.Tuple([spaces.Box(0, 1, (2,)), spaces.Discrete(2)]), (np.zeros(3), 1)),
        (spaces.Box(0, 1, (2, 3)), np.zeros((3, 2))),
        (spaces.Box(0, 1, (2, 3)), np.zeros(6)),
        (spaces.Box(0, 1, (4,)), np.zeros((1, 4))),
        (spaces.MultiBinary(3), np.zeros(2)),
    ],
)
def test_an_observation_out_of_its_space_is_named(space: spaces.Space[Any], wrong: Any) -> None:
    with pytest.raises(RockfallError, match="is not of") as raised:
        Spaces(space, spaces.Discrete(2)).encode(wrong)
    assert "\n" not in str(raised.value)


class Own(spaces.Space[Any]):
    """A space that Gymnasium does not know."""


def nested(depth: int) -> spaces.Space[Any]:
    return spaces.Dict(inner=nested(depth - 1)) if depth else spaces.MultiDiscrete([[2, 2]])


FAULTY: list[tuple[spaces.Space[Any], str]] = [
    (spaces.Text(9), "observations are Text"),
    (spaces.Sequence(spaces.Discrete(2)), "observations are Sequence"),
    (spaces.Graph(spaces.Box(0, 1, (2,)), None), "observations are Graph"),
    (spaces.OneOf([spaces.Discrete(2), spaces.Discrete(3)]), "observations are OneOf"),
    (Own(), "of the space Own"),
    (spaces.Discrete(10_000_000), "Discrete of 10,000,000 values"),
    (spaces.Box(0, 1, (0,)), "holds no number"),
    (spaces.Tuple([]), "empty Tuple"),
    (spaces.Dict({1: spaces.Discrete(2)}), "keys are no text"),
    (nested(8), "8 Dicts or Tuples in each other"),
    (
        spaces.Dict(image=spaces.Box(0, 1, (2, 2)), mission=spaces.Text(9)),
        r"observation 'mission' is Text.*FilterObservation\(\['image'\]\)",
    ),
    (
        spaces.Tuple([spaces.Discrete(2), spaces.Dict(deep=spaces.Text(3))]),
        "observation '1/deep' is Text",
    ),
]


@pytest.mark.parametrize(("space", "named"), FAULTY)
def test_a_space_in_the_way_is_named_with_what_would_help(
    space: spaces.Space[Any], named: str
) -> None:
    with pytest.raises(UsageError, match=named) as raised:
        Spaces(space, spaces.Discrete(2))
    assert "\n" not in str(raised.value)
    info = info_of(space, spaces.Discrete(2))
    assert info.kinds == ("environment",)
    with pytest.raises(UsageError, match=named):  # of a reopened run
        Spaces.of(info)
    pqn = registry().models.find("pqn").spec
    with pytest.raises(UsageError, match=f"no agent learns from any: .*{named}"):
        require_kind(pqn, "any", info.kinds, space_data.in_the_way_of(info))


@pytest.mark.parametrize(
    "space",
    [spaces.Tuple([spaces.Discrete(2)]), spaces.Dict(a=spaces.Discrete(2)), spaces.Text(3), Own()],
)
def test_actions_that_no_agent_chooses_are_named(space: spaces.Space[Any]) -> None:
    with pytest.raises(UsageError, match=f"its actions are {type(space).__name__}, and agents"):
        Spaces(spaces.Discrete(2), space)


DISCRETE = {"type": "Discrete", "n": 2, "start": 0}


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Text"},
        {**DISCRETE, "n": 0},
        {**DISCRETE, "n": "2"},
        {**DISCRETE, "more": 1},
        {"type": "Discrete", "n": 2},
        {"type": "MultiDiscrete", "nvec": [2, [3]], "start": [0, 0], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": [2, 3], "start": [0], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": [], "start": [], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": [2], "start": [0], "dtype": "object"},
        {"type": "MultiBinary", "shape": [2], "n": -1},
        {"type": "Box", "shape": [2], "dtype": "float32", "low": [0.0], "high": 1.0},
        {"type": "Box", "shape": [-2], "dtype": "float32", "low": 0.0, "high": 1.0},
        {"type": "Dict", "spaces": [DISCRETE]},
        {"type": "Tuple", "spaces": {"a": DISCRETE}},
        {"type": "Dict", "spaces": {"a": {"type": "Text"}}},
    ],
)
@pytest.mark.parametrize("field", ["observation_space", "action_space"])
def test_a_file_says_no_space_that_there_is_not(data: Any, field: str) -> None:
    good = info_of(spaces.Box(0, 1, (2,)), spaces.Discrete(2)).to_json()
    with pytest.raises(ValidationError):
        InfoSchema.model_validate(json.loads(json.dumps({**good, field: data})))


def test_a_description_as_deep_as_may_be_is_read_from_a_file() -> None:
    info = info_of(nested(space_data.DEEPEST), spaces.Discrete(2))
    assert not _deeper_than({"info": info.to_json()}, DEEPEST)
