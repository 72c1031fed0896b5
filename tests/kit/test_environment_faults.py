"""What environments do wrong, and how it is told: before the training, or where it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import rockfall
from rockfall.errors import RockfallError, UsageError
from rockfall.kit.environments import LoopBatch, play_episodes
from rockfall.kit.environments.checking import check_first_step

CPU = torch.device("cpu")
SHARED = np.zeros(2, np.float32)
"""One observation of all environments that reuse it."""


class Honest(gymnasium.Env[Any, Any]):
    """Counts its steps, and ends after three."""

    observation_space: spaces.Space[Any] = spaces.Box(-9, 9, (2,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.count, self.number = 0, self.np_random.integers(5)
        return self.see(), {}

    def step(self, action: Any) -> Any:
        self.count += 1
        return self.see(), self.reward(), *self.ends(), {}

    def see(self) -> Any:
        return np.array([self.count, self.number], np.float32)

    def reward(self) -> Any:
        return 1.0

    def ends(self) -> Any:
        return False, self.count >= 3


@pytest.fixture
def fresh_id() -> Iterator[Callable[[Any], str]]:
    """The id of an environment that is registered for a test."""
    name = "RockfallFaulty-v0"

    def register(kind: Any) -> str:
        gymnasium.register(name, entry_point=kind)
        return name

    yield register
    gymnasium.registry.pop(name, None)


class Reusing(Honest):
    """Writes each observation over the last one: of this environment, or of all."""

    def __init__(self, buffer: Any = None) -> None:
        self.buffer = np.zeros(2, np.float32) if buffer is None else buffer

    def see(self) -> Any:
        self.buffer[:] = self.count, self.number
        return self.buffer


@pytest.mark.parametrize("shared", [False, True], ids=["each its own", "one for all"])
def test_an_observation_that_is_written_over_was_copied_before(shared: bool) -> None:
    """Step by step what an environment gives that makes a new array each time."""
    reusing = LoopBatch([Reusing(SHARED if shared else None) for _ in range(3)], CPU)
    honest = LoopBatch([Honest() for _ in range(3)], CPU)
    assert torch.equal(reusing.reset(4), honest.reset(4))
    kept = []
    for number in range(8):
        ours, theirs = (batch.step(torch.zeros(3).long()) for batch in (reusing, honest))
        kept.append((ours, theirs))
        for one, other in kept[-2:]:  # a batch may overwrite an observation two steps later
            for part, wanted in zip(one, other, strict=True):
                assert torch.equal(part, wanted), number
        again = LoopBatch([Honest() for _ in range(3)], CPU)
        again.reset(1)
        again.load_state_dict(reusing.state_dict())
        assert torch.equal(again.observation, honest.observation)


def changed(**methods: Any) -> type[Honest]:
    return type("Odd", (Honest,), methods)


class NoSeed(Honest):
    def reset(self) -> Any:  # type: ignore[override]
        return super().reset()


class NoOptions(Honest):
    def reset(self, seed: Any = None) -> Any:  # type: ignore[override]
        return super().reset(seed=seed)


def exits(*_: Any, **__: Any) -> Any:
    raise SystemExit(3)


def without_info(self: Any, action: Any) -> Any:
    return *Honest.step(self, action)[:4], None if self.count > 1 else {}


def fails(*_: Any, **__: Any) -> Any:
    raise KeyError("wheel")


BOX = spaces.Box(-1, 1, (2,), np.float32)
PAIR = spaces.Dict(a=BOX, b=spaces.Discrete(3))
FAULTS = {
    "old reset": (
        changed(reset=lambda self, seed=None, options=None: BOX.sample()),
        "no info|Gym's",
    ),
    "old step": (
        changed(step=lambda self, a: (BOX.sample(), 0.0, False, {})),
        "4 values, as Gym's",
    ),
    "three values": (changed(step=lambda self, a: (BOX.sample(), 0.0, False)), "gives 3 values"),
    "nothing": (changed(step=lambda self, a: None), "step.. gives None"),
    "no seed": (NoSeed, "takes no seed"),
    "no options": (NoOptions, "takes no options"),
    "exits": (changed(reward=exits), "step.. fails: SystemExit: 3"),
    "no info of a step": (
        changed(step=lambda self, a: (*Honest.step(self, a)[:4], None)),
        "gives None as the info",
    ),
    "overflow": (changed(see=lambda self: np.array([1e300, 0])), "too large for single precision"),
    "large reward": (changed(reward=lambda self: -1e39), "-1e.39 .too large"),
    "no info": (changed(reset=lambda self, seed=None, options=None: (BOX.sample(), 3)), "reset"),
    "raises": (
        changed(reward=fails),
        "step.. fails: KeyError: 'wheel' .test_environment_faults.py",
    ),
    "raises at reset": (changed(see=fails), "reset.. fails: KeyError"),
    "shape": (changed(see=lambda self: np.zeros(3)), r"shape \(3,\), and its space has \(2,\)"),
    "axis": (changed(see=lambda self: np.zeros((2, 1))), r"shape \(2, 1\)"),
    "text": (changed(see=lambda self: "here"), "no array of numbers, but a str"),
    "none": (changed(see=lambda self: None), "no array of numbers, but None"),
    "ragged": (changed(see=lambda self: [[1], [1, 2]]), "no array of numbers, but a list"),
    "nan": (changed(see=lambda self: np.array([np.nan, 0])), "with nan in it"),
    "infinite": (changed(see=lambda self: np.array([np.inf, 0])), "with inf in it"),
    "fractions": (
        changed(
            see=lambda self: np.array([0.5, 0.5]),
            observation_space=spaces.Box(0, 255, (2,), np.uint8),
        ),
        "float64, and its space is of uint8",
    ),
    "array as reward": (changed(reward=lambda self: np.ones(1)), r"an array of shape \(1,\)"),
    "list as reward": (changed(reward=lambda self: [1.0]), r"a list of shape \(1,\)"),
    "no reward": (changed(reward=lambda self: None), "None as the reward"),
    "text as reward": (changed(reward=lambda self: "1"), "a str as the reward"),
    "nan reward": (changed(reward=lambda self: float("nan")), "a reward of nan"),
    "end": (changed(ends=lambda self: (None, False)), "None as terminated"),
    "cut": (changed(ends=lambda self: (False, np.zeros(2))), "an array as truncated"),
    "no space": (changed(observation_space=None), "no observation_space"),
    "no actions": (changed(action_space=3), "no action_space"),
    "index": (
        changed(observation_space=spaces.Discrete(2), see=lambda self: 2),
        "not in its space",
    ),
    "keys": (
        changed(observation_space=PAIR, see=lambda self: {"a": np.zeros(2)}),
        r"with \['a'\], and its space has \['a', 'b'\]",
    ),
    "part": (
        changed(observation_space=PAIR, see=lambda self: {"a": np.zeros(5), "b": 1}),
        r"part a, of shape \(5,\)",
    ),
    "tuple": (
        changed(observation_space=spaces.Tuple([BOX]), see=lambda self: np.zeros(2)),
        "no tuple of 1 parts",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_before_anything_is_learned(fault: str) -> None:
    kind, said = FAULTS[fault]
    with pytest.raises(UsageError, match=said) as raised:
        check_first_step(kind(), "Odd-v0")
    assert str(raised.value).startswith("Odd-v0")
    assert "\n" not in str(raised.value)


HARMLESS: dict[str, type[Honest]] = {
    "honest": Honest,
    "float64": changed(see=lambda self: np.zeros(2)),
    "a list": changed(see=lambda self: [0, 1]),
    "whole numbers": changed(
        see=lambda self: np.array([3.0, 4.0]), observation_space=spaces.Box(0, 255, (2,), np.uint8)
    ),
    "scalar": changed(see=lambda self: 0.5, observation_space=spaces.Box(0, 1, (), np.float32)),
    "scalar as array": changed(
        see=lambda self: np.array([0.5]), observation_space=spaces.Box(0, 1, (), np.float32)
    ),
    "NumPy's": changed(
        reward=lambda self: np.float64(1), ends=lambda self: (np.bool_(False), np.array(True))
    ),
    "an int and a reward of int": changed(
        see=lambda self: np.int64(1),
        observation_space=spaces.Discrete(2),
        reward=lambda self: 1,
        ends=lambda self: (0, 0),
    ),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_does_no_harm_is_taken(kind: str) -> None:
    assert check_first_step(HARMLESS[kind](), "Odd-v0") == ()
    batch = LoopBatch([HARMLESS[kind](), HARMLESS[kind]()], CPU)
    batch.reset(0)
    for _ in range(5):
        step = batch.step(torch.zeros(2).long())
        assert step.reward.tolist() == [1, 1]
        assert step.observation.shape == step.final_observation.shape == batch.observation.shape


def test_what_leaves_its_bounds_is_told_and_taken() -> None:
    kind = changed(see=lambda self: np.array([3.0, 100.0]))
    assert check_first_step(kind(), "Odd-v0") == (
        "Odd-v0: reset() gives an observation outside of the bounds of its space",
        "Odd-v0: step() gives an observation outside of the bounds of its space",
    )


LATER = {
    "nan reward": ({"reward": lambda self: np.nan if self.count > 1 else 0.0}, "a reward of nan"),
    "infinite": ({"reward": lambda self: -np.inf if self.count > 1 else 0}, "a reward of -inf"),
    "large": ({"reward": lambda self: 1e39 if self.count > 1 else 0}, r"1e\+39 .too large"),
    "none": ({"reward": lambda self: None if self.count > 1 else 0}, "gives None as the reward"),
    "overflow": (
        {
            "see": lambda self: np.full(2, 1e39 if self.count > 1 else 0),
            "observation_space": spaces.Box(-np.inf, np.inf, (2,), np.float64),
        },
        r"observation of 1e\+39 .too large",
    ),
    "exits": ({"reward": lambda self: exits() if self.count > 1 else 0}, "SystemExit: 3"),
    "text": ({"reward": lambda self: "1.5" if self.count > 1 else 0}, "gives a str as the reward"),
    "no info": ({"step": without_info}, "step.. gives None as the info, which is a dict"),
    "four values": (
        {"step": lambda self, action: Honest.step(self, action)[: 5 if self.count < 2 else 4]},
        "step.. gives 4 values, as Gym's before 0.26 did; Gymnasium has step",
    ),
    "nothing": (
        {"step": lambda self, action: Honest.step(self, action) if self.count < 2 else None},
        "step.. gives None; Gymnasium has step",
    ),
    "no end": (
        {"ends": lambda self: (False, None if self.count > 1 else False)},
        "step.. gives None as truncated, which is True or False",
    ),
    "the end as text": (
        {"ends": lambda self: ("no" if self.count > 1 else False, False)},
        "step.. gives a str as terminated",
    ),
    "other than 0 and 1": (
        {
            "see": lambda self: np.array([0, 7 if self.count > 1 else 1], np.int8),
            "observation_space": spaces.MultiBinary(2),
        },
        r"step.. gives an observation of \[0 7\], which is not in its space, MultiBinary\(2\)",
    ),
    "past its number": (
        {"see": lambda self: 5 * self.count, "observation_space": spaces.Discrete(9)},
        "step.. gives an observation of 10, which is not in its space",
    ),
    "words": (
        {"see": lambda self: "left" if self.count > 1 else np.zeros(2)},
        "step.. gives an observation that is no array of numbers, but a str",
    ),
    "a part is missing": (
        {
            "see": lambda self: {"a": 0} | ({"b": 1} if self.count < 2 else {}),
            "observation_space": spaces.Dict(a=spaces.Discrete(2), b=spaces.Discrete(2)),
        },
        r"step.. gives an observation with \['a'\], and its space has \['a', 'b'\]",
    ),
    "a bare reset": (
        {
            "reset": lambda self, **given: (
                Honest.reset(self, **given) if not hasattr(self, "count") else np.zeros(2)
            )
        },
        "reset.. gives an array, as Gym's before 0.26 did",
    ),
    "array": (
        {"reward": lambda self: np.zeros((1,) if self.count > 1 else ())},
        r"an array of shape \(1,\) as the reward",
    ),
    "nan": (
        {"see": lambda self: np.full(2, np.nan if self.count > 1 else 0)},
        "observation of nan",
    ),
    "shape": (
        {"see": lambda self: np.zeros(3 if self.count > 1 else 2)},
        r"step.. gives an observation of shape \(3,\), and its space has \(2,\)",
    ),
    "raises": ({"reward": lambda self: 1 / (2 - self.count)}, "fails: ZeroDivisionError"),
    "second reset": (
        {"see": lambda self: np.zeros(2) if self.np_random.random() < 0.9 else fails()},
        "fails: KeyError: 'wheel'",
    ),
}


@pytest.mark.parametrize("fault", LATER)
def test_a_fault_that_shows_later_is_the_environments(fault: str) -> None:
    methods, said = LATER[fault]
    kind = changed(**methods)
    check_first_step(kind(), "Odd-v0")
    batch = LoopBatch([kind()], CPU)
    batch.reset(1)
    with pytest.raises(RockfallError, match=said) as raised:
        [batch.step(torch.zeros(1).long()) for _ in range(200)]
    assert "Odd" in str(raised.value)


@pytest.mark.parametrize(
    "frame",
    [
        np.full((2, 3, 3), 255, np.uint8),
        np.ones((2, 3, 3)),
        np.ones((2, 3, 3), np.float32) * 7,
        np.ones((2, 3), bool),
        np.full((2, 3), 255, np.uint8),
        np.full((2, 3, 1), 300, np.int64),
        np.full((2, 3, 4), 255, np.uint8),
        np.ones((2, 3, 4), bool).tolist(),
    ],
    ids=["as it should be", "floats", "floats past 1", "bools", "grey", "ints", "alpha", "list"],
)
def test_a_frame_is_a_picture_whatever_it_is_made_of(frame: Any) -> None:
    batch = LoopBatch([changed(render=lambda self: frame)()], CPU)
    batch.reset(0)
    (picture,) = batch.render()
    assert isinstance(picture, np.ndarray) and picture.dtype == np.uint8
    assert picture.shape == (2, 3, 3) and (picture == 255).all()


@pytest.mark.parametrize(
    "render",
    [
        fails,
        exits,
        *(lambda self, frame=frame: frame for frame in (None, [], 3, {}, [[1], [1, 2]])),
        *(
            lambda self, shape=shape: np.zeros(shape, np.uint8)
            for shape in ((3, 50, 50), (0, 0, 3), (0, 5), (5,), (2, 5, 5, 3), (5, 5, 2))
        ),
        lambda self: np.full((5, 5, 3), "x"),
        lambda self: np.zeros((5, 5, 3), complex),
    ],
)
def test_what_is_no_frame_is_the_environments(render: Any) -> None:
    batch = LoopBatch([changed(render=render)()], CPU)
    batch.reset(0)
    with pytest.raises(RockfallError, match=r"^Odd: render\(\)") as raised:
        batch.render()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("closing", [fails, exits])
def test_what_goes_wrong_at_the_end_costs_nothing(closing: Any, fresh_id: Any) -> None:
    """Every environment is closed, and the fault is told with the source."""
    closed = []

    def close(self: Any) -> None:
        closed.append(self)
        closing()

    kind = changed(close=close)
    LoopBatch([kind() for _ in range(3)], CPU).close()
    assert len(closed) == 3
    source = rockfall.Environment(fresh_id(kind))
    (said,) = source.warnings
    assert "close() fails" in said


def test_a_return_that_overflows_is_the_environments(fresh_id: Any) -> None:
    """Each reward is a number, and their sum is none."""
    source = rockfall.Environment(fresh_id(changed(reward=lambda self: 3e38)))
    with pytest.raises(RockfallError, match="a return of inf"):
        play_episodes(source, lambda batch: source.baseline("random", batch), 4)


def test_what_draws_is_chosen_by_a_verb_alone() -> None:
    for mode in ("human", "rgb_array", None):
        with pytest.raises(UsageError, match="render_mode is not an option"):
            rockfall.Environment("CartPole-v1", {"render_mode": mode})
