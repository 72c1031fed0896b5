"""`check_dataset`, `check_picture` and `check_environment` say what is wrong with each source."""

from __future__ import annotations

import itertools
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from rockfall.catalogue import Catalogue
from rockfall.errors import Unavailable
from rockfall.kit.preparation import Preparation
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.specs import DatasetSpec, EnvironmentSpec, PictureSpec
from rockfall.testing import check_dataset, check_environment, check_picture
from rockfall.testing.complaints import offline

Check = Callable[..., None]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Where targets of this file's specs are."""
    made = ModuleType("faulty_sources")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


# Datasets --------------------------------------------------------------------------------------


def pictures(seed: int = 0, repeats: int = 0) -> dict[str, Split]:
    """100 random pictures in two classes; `repeats` of the test ones are also in train."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(256, (100, 1, 4, 4), dtype=torch.uint8, generator=generator)
    inputs[80 : 80 + repeats] = inputs[:repeats]
    labels = torch.arange(100) % 2
    parts = {"train": slice(0, 60), "validation": slice(60, 80), "test": slice(80, 100)}
    return {name: Split(inputs[rows], labels[rows]) for name, rows in parts.items()}


def dataset(splits: dict[str, Split] | None = None, **changes: Any) -> Dataset:
    fields: dict[str, Any] = {
        "name": "made-up",
        "splits": splits or pictures(),
        "kinds": ("pictures", "labelled-pictures"),
        "classes": ("even", "odd"),
        **changes,
    }
    return Dataset(fields.pop("name"), fields.pop("splits"), **fields)


def mapped(change: Callable[[Split], Split]) -> dict[str, Split]:
    return {name: change(split) for name, split in pictures().items()}


OPENED = itertools.cycle((1, 2))
"""A number for each time, never that of the time before."""


def other_each_time() -> Dataset:
    return dataset(pictures(seed=next(OPENED)))


def keep_odd(classes: list[str] | None) -> Dataset:
    if not classes:
        return dataset()
    odd = mapped(lambda s: Split(*s[s.labels == 1]))
    return dataset(odd, classes=("odd",))


DATASETS: dict[str, tuple[Callable[..., Any], str]] = {
    "another name": (lambda: dataset(name="other"), "it calls itself other"),
    "other kinds": (lambda: dataset(kinds=("pictures",)), "its spec says that it is"),
    "not a dataset": (lambda: "digits", "opening it gives a str, not a Dataset"),
    "labels out of range": (
        lambda: dataset(mapped(lambda s: Split(s.inputs, s.labels + 1))),
        "split train: labels go from 1 to 2, and there are 2 classes",
    ),
    "labels of another type": (
        lambda: dataset(mapped(lambda s: Split(s.inputs, s.labels.int()))),
        "labels must be int64",
    ),
    "pictures that are floats": (
        lambda: dataset(mapped(lambda s: Split(s.inputs / 255, s.labels))),
        "pictures must be uint8",
    ),
    "pictures without channels": (
        lambda: dataset(mapped(lambda s: Split(s.inputs[:, 0], s.labels))),
        r"pictures must be \(N, C, H, W\)",
    ),
    "an empty split": (
        lambda: dataset({**pictures(), "validation": Split(*pictures()["validation"][:0])}),
        "split validation: it is empty",
    ),
    "a class without examples": (
        lambda: dataset(classes=("even", "odd", "prime")),
        "training has no example of prime",
    ),
    "no classes": (lambda: dataset(classes=()), "labelled kinds have classes"),
    "a leak": (
        lambda: dataset(pictures(repeats=5)),
        r"25.0% of test is in train too, while 0.0% of train is there twice",
    ),
    "other each time": (other_each_time, "opened again, it"),
    "a preparation that makes others": (
        lambda: dataset(preparation=Preparation(size=(4, 3), channels=1)),
        "its preparation makes another picture of test example 0",
    ),
    "takes any option": (lambda **_: dataset(), "it takes options that it does not know"),
    "raises": (lambda: 1 / 0, "ZeroDivisionError"),
    "classes that change nothing": (
        lambda classes=None: dataset(),
        r"classes=odd leaves it \('even', 'odd'\)",
    ),
    "classes with their old labels": (
        lambda classes=None: keep_odd(classes),
        "classes=odd leaves train other examples, or labels other than 0",
    ),
    "a limit that changes nothing": (
        lambda limit=None: dataset(),
        "limit=2 leaves 60 examples in train, not 2",
    ),
    "a limit of test too": (
        lambda limit=None: dataset(mapped(lambda s: Split(*s[:limit]))),
        "limit changes test",
    ),
    "a size that changes nothing": (
        lambda size=None: dataset(),
        r"size=5 makes them \(1, 4, 4\)",
    ),
}


@pytest.fixture
def check_made_dataset(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Check:
    catalogue = Catalogue(DatasetSpec)
    monkeypatch.setattr(registry(), "datasets", catalogue)

    def run(make: Callable[..., Any], **fields: Any) -> None:
        module.make = make  # type: ignore[attr-defined]
        values: dict[str, Any] = {
            "name": "made-up",
            "summary": "made up",
            "target": "faulty_sources:make",
            "kinds": ("pictures", "labelled-pictures"),
            "licence": "MIT",
            "reference": "here",
            **fields,
        }
        catalogue.add("rockfall-vision", DatasetSpec(**values))
        check_dataset("made-up")

    return run


def test_a_good_dataset_passes(check_made_dataset: Check) -> None:
    check_made_dataset(lambda seed=0: dataset(pictures(seed)))


def test_data_that_repeats_itself_is_no_leak(check_made_dataset: Check) -> None:
    few = mapped(lambda s: Split(s.labels.view(-1, 1, 1, 1).byte(), s.labels))
    check_made_dataset(lambda: dataset(few))


@pytest.mark.parametrize("case", DATASETS)
def test_a_faulty_dataset_is_told(case: str, check_made_dataset: Check) -> None:
    make, complaint = DATASETS[case]
    with pytest.raises(AssertionError, match="dataset rockfall-vision:made-up: .*" + complaint):
        check_made_dataset(make)


def test_a_dataset_says_its_licence(check_made_dataset: Check) -> None:
    with pytest.raises(AssertionError, match="names no licence"):
        check_made_dataset(dataset, licence="")


def test_data_that_can_t_be_had_is_no_fault(check_made_dataset: Check) -> None:
    def nowhere() -> Dataset:
        raise Unavailable("no network")

    with pytest.raises(Unavailable, match=r"^no network$"):
        check_made_dataset(nowhere)


# Pictures --------------------------------------------------------------------------------------


def stripes() -> Tensor:
    return (torch.arange(60, dtype=torch.uint8) % 7).reshape(1, 6, 10).expand(3, -1, -1)


PICTURES: dict[str, tuple[Callable[..., Any], str]] = {
    "fractions": (lambda: stripes() / 255, "its pixels are torch.float32"),
    "grey": (lambda: stripes()[:1], r"it is \(1, 6, 10\), not \(3, H, W\)"),
    "one colour": (lambda: torch.full((3, 4, 4), 9).byte(), "it is all of one colour"),
    "other each time": (
        lambda: stripes() + next(OPENED),
        "opened again, it is another",
    ),
    "raises": (lambda: 1 / 0, "ZeroDivisionError"),
}


@pytest.fixture
def check_made_picture(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Check:
    catalogue = Catalogue(PictureSpec)
    monkeypatch.setattr(registry(), "pictures", catalogue)

    def run(make: Callable[..., Any], **fields: Any) -> None:
        module.make = make  # type: ignore[attr-defined]
        values: dict[str, Any] = {
            "name": "made-up",
            "summary": "made up",
            "target": "faulty_sources:make",
            "licence": "MIT",
            "reference": "here",
            **fields,
        }
        catalogue.add("rockfall-vision", PictureSpec(**values))
        check_picture("made-up")

    return run


def test_a_good_picture_passes(check_made_picture: Check) -> None:
    check_made_picture(stripes)


@pytest.mark.parametrize("case", PICTURES)
def test_a_faulty_picture_is_told(case: str, check_made_picture: Check) -> None:
    make, complaint = PICTURES[case]
    with pytest.raises(AssertionError, match="picture rockfall-vision:made-up: .*" + complaint):
        check_made_picture(make)


@pytest.mark.parametrize("field", ["licence", "reference"])
def test_a_picture_says_where_it_is_from(field: str, check_made_picture: Check) -> None:
    with pytest.raises(AssertionError, match=field):
        check_made_picture(stripes, **{field: ""})


def test_offline_refuses_other_machines_alone() -> None:
    with offline():
        with pytest.raises(AssertionError, match="needs the network"):
            socket.create_connection(("localhost", 9))
        with socket.socket() as wire, pytest.raises(AssertionError, match="needs the network"):
            wire.connect(("127.0.0.1", 9))
    here, there = socket.socketpair()
    here.close()
    there.close()


# Environments ----------------------------------------------------------------------------------


class Coin(gymnasium.Env[np.ndarray, np.int64]):
    """Guess a coin's side, eight times."""

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.thrown = 0
        return self.throw(), {}

    def step(self, action: Any) -> Any:
        reward = self.reward(int(action) == self.side)
        self.thrown += 1
        return self.throw(), reward, self.thrown == 8, False, {}

    def throw(self) -> np.ndarray:
        self.side = self.draw()
        return np.array([self.side], np.float32)

    def draw(self) -> int:
        return int(self.np_random.integers(2))

    def reward(self, right: bool) -> float:
        return float(right)

    def render(self) -> Any:
        return "heads" if self.side else "tails"


class Coins(VectorEnv[Any, Any, Any]):
    """Several, as a vector form that offers its state."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int = 1, **_: Any) -> None:
        self.num_envs = num_envs
        self.single_observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.thrown = 0
        self.throw()
        return self.observation, {}

    def throw(self) -> None:
        self.sides = self.np_random.integers(2, size=self.num_envs)

    @property
    def observation(self) -> Any:
        return self.sides[:, None].astype(np.float32)

    def step(self, actions: Any) -> Any:
        reward = (actions == self.sides) * self.worth
        self.thrown += 1
        over = np.full(self.num_envs, self.thrown == 8)
        self.throw()
        info: dict[str, Any] = {}
        if over.all():
            info = {"final_obs": self.observation, "_final_obs": over}
            self.thrown = 0
            self.throw()
        return self.observation, reward, over, np.zeros_like(over), info

    worth = 1.0

    def state_dict(self) -> dict[str, Any]:
        state = self.np_random.bit_generator.state
        return {"sides": self.sides, "thrown": self.thrown, "random": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sides, self.thrown = state["sides"], state["thrown"]
        self.np_random.bit_generator.state = state["random"]


class DrawsGlobally(Coin):
    def throw(self) -> np.ndarray:
        super().throw()
        return np.random.random(1).astype(np.float32)  # never the same twice, as a coin may be


class NeverEnds(Coin):
    def step(self, action: Any) -> Any:
        self.thrown = 0
        return super().step(action)


class LeavesItsSpace(Coin):
    def throw(self) -> np.ndarray:
        return super().throw() * 2


class DrawsNoText(Coin):
    def render(self) -> Any:
        return None


class PaysDouble(Coins):
    worth = 2.0


class ForgetsItsGenerator(Coins):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sides, self.thrown = state["sides"], state["thrown"]


class DrawsToSave(Coins):
    def state_dict(self) -> dict[str, Any]:
        self.np_random.random()
        return super().state_dict()


def left(env: Any) -> Callable[[Any], Any]:
    return lambda seen: np.zeros(len(seen), np.int64)


def whim(env: Any) -> Callable[[Any], Any]:
    generator = np.random.default_rng()
    return lambda seen: generator.integers(2, size=len(seen))


@pytest.fixture
def check_made_environment(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Iterator[Check]:
    catalogue = Catalogue(EnvironmentSpec)
    monkeypatch.setattr(registry(), "environments", catalogue)

    def run(plain: type, vector: type | None = None, policy: Any = left, **changes: Any) -> None:
        gymnasium.register("Coin-v0", entry_point=plain, vector_entry_point=vector)
        module.Coin, module.policy = plain, policy  # type: ignore[attr-defined]
        spec = EnvironmentSpec(
            name="coin",
            summary="guess",
            target="faulty_sources:Coin",
            gymnasium_id="Coin-v0",
            kinds=("environment", "discrete-actions"),
            baselines={"left": "faulty_sources:policy"},
        )
        catalogue.add("rockfall-vision", replace(spec, **changes))
        check_environment("coin")

    yield run
    gymnasium.registry.pop("Coin-v0", None)


@pytest.mark.parametrize("vector", [None, Coins])
def test_a_good_environment_passes(vector: type | None, check_made_environment: Check) -> None:
    check_made_environment(Coin, vector)


@pytest.mark.parametrize(
    ("plain", "vector", "complaint"),
    [
        (DrawsGlobally, None, "gymnasium's check_env: "),
        (NeverEnds, None, "its plain form: no episode ended within 500 random steps"),
        (LeavesItsSpace, None, "gymnasium's check_env: "),
        (DrawsNoText, None, "render mode ansi gives a NoneType"),
        (Coin, PaysDouble, "random play scores .* in the plain form and .* in the vector form"),
        (Coin, ForgetsItsGenerator, "its vector form: given its state, another goes on differe"),
        (Coin, DrawsToSave, "its vector form: to take its state changes what comes"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_faulty_environment_is_told(
    plain: type,
    vector: type | None,
    complaint: str,
    check_made_environment: Check,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rockfall.testing.batches.LONGEST", 500)
    with pytest.raises(AssertionError, match="environment rockfall-vision:coin: .*" + complaint):
        check_made_environment(plain, vector)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kinds": ("environment",)}, "its spec says that it is environment, opened it is"),
        ({"gymnasium_id": "Nothing-v0"}, "does not register Nothing-v0"),
        ({"policy": whim}, "baseline left: with the same seed, it scored differently"),
    ],
)
def test_a_spec_that_is_not_true_is_told(
    changes: dict[str, Any], complaint: str, check_made_environment: Check
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_made_environment(Coin, Coins, **changes)
