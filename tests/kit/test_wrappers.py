"""Wrappers by name: what is written is read, nothing is evaluated, and what fits is applied."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import rockfall
from rockfall.errors import UsageError
from rockfall.kit.environments.wrappers import HOME, read_wrappers, wrapped
from rockfall.kit.trust import only_typed
from rockfall.sources.environment import Environment

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("True", "False", "None") and not __import__("keyword").iskeyword(name)
)
modules = st.none() | st.lists(names, min_size=1, max_size=3).map(".".join)
literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
calls = st.tuples(
    modules, names, st.lists(literals, max_size=2), st.dictionaries(names, literals, max_size=2)
)


@pytest.mark.long
@given(st.lists(calls, max_size=4), st.sampled_from([",", ", ", " , "]))
def test_what_is_written_is_read(wanted: Any, comma: str) -> None:
    texts = []
    for module, name, positional, named in wanted:
        given_ = [*map(repr, positional), *(f"{key}={value!r}" for key, value in named.items())]
        texts.append(f"{module + ':' if module else ''}{name}({', '.join(given_)})")
    for read in (read_wrappers(comma.join(texts)), read_wrappers(texts)):
        assert [(w.module, w.name, list(w.positional), w.named) for w in read] == [
            (module or HOME, name, positional, named) for module, name, positional, named in wanted
        ]


@given(st.text(alphabet="Aa(),:.'\"[]{}=1*- \n", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        read_wrappers(text)


@pytest.mark.parametrize(
    "text",
    [
        "A(open('x'))",
        "A(__import__('os').system('true'))",
        "A(lambda: 1)",
        "A(b)",
        "A(*[1])",
        "A(**{'a': 1})",
        "A()()",
        "A.b",
        "A(1",
        "A)",
        "'A'",
        "1",
        "A B",
        "-A",
        "a:b:C",
        "os.path:",
        "A(f'{1}')",
        "A(" * 500,
    ],
)
def test_what_is_no_wrapper_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no wrapper: write Name"):
        read_wrappers(text)


def opened(name: str = "CartPole-v1", **options: Any) -> Environment:
    source = rockfall.open_source(name, options)
    assert isinstance(source, Environment)
    return source


def test_the_first_is_the_innermost() -> None:
    rewards = [
        opened(wrappers=f"{one},{other}").batch(1, seed=0).step(torch.zeros(1).long()).reward.item()
        for one, other in (
            ("ClipReward(-1,0.5)", "ClipReward(0.75,2)"),
            ("ClipReward(0.75,2)", "ClipReward(-1,0.5)"),
        )
    ]
    assert rewards == [0.75, 0.5]


def test_wrappers_are_around_every_environment_that_is_made() -> None:
    source = opened(wrappers="FrameStackObservation(3),DtypeObservation('float64')")
    assert source.info.shape == (3, 4) and source.info.dtype == "float64"
    plain = gymnasium.make("CartPole-v1")
    stacked = gymnasium.wrappers.FrameStackObservation(plain, 3)
    first = source.make().reset(seed=5)[0]
    assert (first == stacked.reset(seed=5)[0]).all()
    for batch in (source.batch(2, seed=0), source.for_evaluation().batch(2, seed=0)):
        assert batch.observation.shape == (2, 3, 4)
        assert batch.observation.dtype == torch.float64


def test_wrappers_of_training_are_around_training_alone() -> None:
    source = opened(training_wrappers="ClipReward(-0.5,0.5)")
    actions = torch.zeros(2).long()
    assert source.batch(2, seed=0).step(actions).reward.tolist() == [0.5, 0.5]
    for measured in (source.for_evaluation(), source.for_evaluation(3).to(torch.device("cpu"))):
        assert measured.batch(2, seed=0).step(actions).reward.tolist() == [1, 1]


@pytest.mark.parametrize("form", ["vector", "tensor"])
def test_the_other_forms_have_no_wrappers_and_are_not_taken(form: Any) -> None:
    source = opened("falling-rocks-8x8", wrappers="ClipReward(-1,1)")
    assert type(source.batch(2, seed=0)).__name__ == "LoopBatch"
    with pytest.raises(UsageError, match=form):
        source.batch(2, seed=0, form=form)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wrappers": "FrameStackObservatio(4)"}, "did you mean FrameStackObservation"),
        ({"wrappers": "Env"}, "has no wrapper Env"),
        ({"wrappers": "FrameStackObservation"}, "does not fit: TypeError"),
        ({"wrappers": "FrameStackObservation('x')"}, "does not fit"),
        ({"wrappers": "AtariPreprocessing"}, "AtariPreprocessing"),
        ({"wrappers": "NormalizeReward"}, "no checkpoint would hold"),
        ({"wrappers": "RecordVideo('/tmp/x')"}, "--gif"),
        ({"training_wrappers": "FlattenObservation, FrameStackObservation(2)"}, "as they are"),
        ({"wrappers": "nowhere.to_be.found:It"}, "No module named 'nowhere'"),
        ({"wrappers": "gymnasium:Env"}, "has no wrapper Env"),
        ({"wrappers": "math:sqrt"}, "math has no wrapper sqrt$"),
        ({"wrappers": 3}, "is no wrapper"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        opened(**options)
    assert "\n" not in str(raised.value)


def test_what_a_wrapper_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gymnasium imports some of its wrappers when they are asked for."""
    for error in (ModuleNotFoundError, gymnasium.error.DependencyNotInstalled):

        def lacking(name: str, error: Any = error) -> Any:
            raise error("No module named 'jax'")

        monkeypatch.setattr(gymnasium.wrappers, "__getattr__", lacking)
        with pytest.raises(UsageError, match="wrapper JaxToNumpy: No module named 'jax'"):
            opened(wrappers="JaxToNumpy")


MODULE = """
import gymnasium
class Doubled(gymnasium.RewardWrapper):
    def reward(self, reward):
        return 2 * reward
"""


def test_one_of_another_package_is_imported_only_where_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "doubling_rewards.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    option = "FlattenObservation,doubling_rewards:Doubled"
    with only_typed(["train", f"source.wrappers={option},Other"]):
        with pytest.raises(UsageError, match="comes from a file"):
            opened(wrappers=option)
        with pytest.raises(UsageError, match="comes from a file"):
            opened(wrappers=option.split(","))
    assert "doubling_rewards" not in sys.modules
    with only_typed(["train", f"source.wrappers={option}"]):
        source = opened(wrappers=option)
    assert source.batch(1, seed=0).step(torch.zeros(1).long()).reward.tolist() == [2]


def test_one_that_does_not_fit_leaves_nothing_open() -> None:
    closed = []

    class Closing(gymnasium.Env[Any, Any]):
        def close(self) -> None:
            closed.append(self)

    env = Closing()
    with pytest.raises(UsageError):
        wrapped(env, read_wrappers("FrameStackObservation(4)"))
    assert closed == [env]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_learned_from_is_clipped_and_what_is_earned_is_told(workers: int) -> None:
    wrappers = {"training_wrappers": "ClipReward(-0.5,0.25)"}
    batch = opened(workers=workers, **wrappers).batch(2, seed=0)
    assert batch.step(torch.zeros(2).long()).reward.tolist() == [0.25, 0.25]
    assert batch.earned is not None and batch.earned.tolist() == [1, 1]
    batch.close()
    for plain in (opened(), opened(**wrappers).for_evaluation()):
        batch = plain.batch(2, seed=0)
        batch.step(torch.zeros(2).long())
        assert batch.earned is None
