"""Any Gymnasium id opens: of a file beside you, of another package, with a vector form or none."""

from __future__ import annotations

import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from rockfall.cli import rockfall
from rockfall.errors import RockfallError, UnknownName, UsageError
from rockfall.kit.environments import LoopBatch, VectorBatch, packages
from rockfall.kit.trust import only_typed
from rockfall.sources.environment import Environment
from rockfall.sources.environment_options import EnvironmentOptions
from rockfall.sources.opening import open_source

MODULE = """
import gymnasium
from click.testing import CliRunner
from gymnasium import spaces

class Here(gymnasium.Env):
    observation_space, action_space = spaces.Box(0, 1, (3,)), spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.low, {}
    def step(self, action):
        return self.observation_space.low, 1.0, True, False, {}

gymnasium.register(f"{__name__.rpartition('.')[2]}/Here-v0", entry_point=Here)
"""


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is on no path, as for an installed command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    return tmp_path


def write(beside: Path, name: str, text: str) -> str:
    path = beside / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return name


@pytest.mark.parametrize("name", ["rooms_beside_you", "houses_beside_you.rooms", "rooms_that_need"])
def test_a_module_in_the_working_directory_is_found(beside: Path, name: str) -> None:
    """And what it imports from there, now or later."""
    write(beside, "needed_by_rooms", "X = 1")
    write(beside, name, f"import needed_by_rooms\n{MODULE}")
    asked = f"{name}:{name.rpartition('.')[2]}/Here-v0"
    source = open_source(asked)
    assert isinstance(source, Environment)
    assert source.info.name == asked
    assert str(beside) == sys.path[-1]  # last, so that it hides nothing that is installed


def test_it_is_looked_for_only_where_it_was_typed(beside: Path) -> None:
    write(beside, "rooms_of_a_stranger", "raise SystemExit('run!')")
    with only_typed(["train", "pqn"]), pytest.raises(UsageError, match="comes from a file"):
        open_source("rooms_of_a_stranger:Any-v0")
    assert "rooms_of_a_stranger" not in sys.modules


def test_what_was_typed_once_is_imported_again_of_the_same_path_alone(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write(beside, "rooms_typed_once", MODULE)
    text = f"{name}:{name}/Here-v0"

    def forgotten() -> None:
        """As another process finds it."""
        sys.modules.pop(name, None)
        gymnasium.registry.pop(f"{name}/Here-v0", None)

    with only_typed(["train", "pqn", text]):
        open_source(text)
    forgotten()
    with only_typed(["play", "last"]):
        assert isinstance(open_source(text), Environment)
    forgotten()
    elsewhere = beside / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere, name, MODULE)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(beside)])
    with only_typed(["play", "last"]), pytest.raises(UsageError, match="comes from a file"):
        open_source(text)
    assert name not in sys.modules


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import not_here_at_all", "can't be imported: ModuleNotFoundError: No module named 'not"),
        ("import rooms_not", "can't be imported: ModuleNotFoundError: No module named 'rooms_not'"),
        ("from . import x", "can't be imported: ImportError"),
        ("import rooms_failing.inner", "can't be imported: ModuleNotFoundError"),
        ("1 / 0", "can't be imported: ZeroDivisionError"),
        ("def:", "can't be imported: SyntaxError"),
        ("raise SystemExit(3)", "can't be imported: SystemExit: 3"),
    ],
)
def test_why_a_module_can_not_be_imported_is_told(beside: Path, code: str, said: str) -> None:
    name = write(beside, f"rooms_failing_{abs(hash(code))}", code)
    with pytest.raises(UsageError, match=said) as raised:
        open_source(f"{name}:Any-v0")
    assert "\n" not in str(raised.value)


def test_a_module_that_is_not_there(beside: Path) -> None:
    write(beside, "rooms/__init__", "")
    for name in ("nowhere_at_all", "nowhere.at_all", "rooms.nowhere"):
        with pytest.raises(UnknownName, match=f"no module {name} in this folder, and none is inst"):
            open_source(f"{name}:Any-v0")
    assert str(beside) not in sys.path[:-1]


def test_a_module_that_registers_another_id(beside: Path) -> None:
    name = write(beside, "rooms_with_another_id", MODULE)
    with pytest.raises(UnknownName, match=r"rooms_with_another_id\.py, registers no .*/Her-v0"):
        open_source(f"{name}:{name}/Her-v0")


def test_ids_of_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says what to install."""
    monkeypatch.setattr(packages, "_is_there", lambda module: False)
    for distribution, beginnings in packages.PACKAGES.values():
        for beginning in beginnings:
            with pytest.raises(UnknownName, match=f"`pip install {distribution}`"):
                open_source(f"{beginning}Unheard-Of-v9")


def test_ids_of_an_entry_point(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's distribution in Gymnasium's group, beside one that fails."""
    text = MODULE.replace("gymnasium.register(f", "def them(): gymnasium.register(f")
    write(beside, "strangers_rooms", text)
    write(beside, "broken_rooms", "1 / 0")
    monkeypatch.syspath_prepend(beside)
    for name, value in (("broken", "broken_rooms:them"), ("strange", "strangers_rooms:them")):
        info = beside / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[gymnasium.envs]\nany = {value}\n")
    importlib.invalidate_caches()
    with only_typed(["resume"]):  # what is installed is not what a file names
        assert isinstance(open_source("strangers_rooms/Here-v0"), Environment)
    assert packages.installed_ids()["strangers_rooms"] == ["strangers_rooms/Here-v0"]


def test_of_several_versions_the_latest_is_listed() -> None:
    ids = packages.installed_ids()["gymnasium"]
    assert "CartPole-v1" in ids and "CartPole-v0" not in ids
    assert len(ids) == len(set(ids))
    everyone = {each for found in packages.installed_ids().values() for each in found}
    # Of packages in the table, what begins otherwise is of former versions.
    assert {"MountainCar-v0", "phys2d/CartPole-v1", "Taxi-v4"} <= everyone
    assert not {"PongNoFrameskip-v4", "Pong-v4"} & everyone


class Single(gymnasium.Env[Any, Any]):
    observation_space, action_space = spaces.Box(0, 9, (1,), np.float32), spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, size: int = 1, render_mode: str | None = None) -> None:
        self.size, self.render_mode = size, render_mode

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.ones(1, np.float32), float(self.size), True, False, {}

    def render(self) -> Any:
        return np.zeros((2, 2, 3), np.uint8)


class Several(VectorEnv[Any, Any, Any]):
    """A vector form that offers its state."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    made = 0

    def __init__(self, num_envs: int, size: int = 1, render_mode: str | None = None) -> None:
        type(self).made += 1
        self.num_envs, self.size, self.render_mode = num_envs, size, render_mode
        self.single_observation_space, self.single_action_space = (
            Single.observation_space,
            Single.action_space,
        )

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self.observation = np.zeros((self.num_envs, 1), np.float32)
        return self.observation, {}

    def step(self, actions: Any) -> Any:
        every = np.ones(self.num_envs, bool)
        return self.observation, every * float(self.size), ~every, ~every, {}

    def render(self) -> Any:
        return [np.zeros((2, 2, 3), np.uint8)] * self.num_envs

    def state_dict(self) -> Any:
        return {}

    def load_state_dict(self, state: Any) -> None: ...


def no_render_mode(self: Any, num_envs: int, size: int = 1) -> None:
    Several.__init__(self, num_envs, size)


def other_options(self: Any, num_envs: int, render_mode: Any = None) -> None:
    Several.__init__(self, num_envs)


def fails(self: Any, num_envs: int, **options: Any) -> None:
    raise RuntimeError("no GPU here")


VECTOR_FORMS: dict[str, Any] = {
    "whole": type("Whole", (Several,), {}),
    "no render mode": type("NoRenderMode", (Several,), {"__init__": no_render_mode}),
    "other options": type("OtherOptions", (Several,), {"__init__": other_options}),
    "fails": type("Fails", (Several,), {"__init__": fails}),
    "another reset": type(
        "Another", (Several,), {"metadata": {"autoreset_mode": AutoresetMode.NEXT_STEP}}
    ),
    "no metadata": type("NoMetadata", (Several,), {"metadata": {}}),
    "not there": "rockfall_no_such_module:Vector",
    "no state": gymnasium.vector.SyncVectorEnv,
}
VECTOR_FORMS["a function"] = partial(VECTOR_FORMS["whole"])
EXPECTED = {  # without anything, with an option, with a render mode
    "whole": (VectorBatch, VectorBatch, VectorBatch),
    "no render mode": (VectorBatch, VectorBatch, LoopBatch),
    "other options": (VectorBatch, LoopBatch, VectorBatch),
    "a function": (VectorBatch, VectorBatch, VectorBatch),
}


@pytest.mark.parametrize("kind", VECTOR_FORMS)
def test_a_vector_form_that_can_not_be_made_as_it_is_wanted_is_left(kind: str) -> None:
    name = f"RockfallVector{list(VECTOR_FORMS).index(kind)}-v0"
    gymnasium.register(name, entry_point=Single, vector_entry_point=VECTOR_FORMS[kind])
    expected = EXPECTED.get(kind, (LoopBatch,) * 3)
    plain = open_source(name)
    sized = open_source(name, {"size": 4})
    assert isinstance(plain, Environment) and isinstance(sized, Environment)
    batches = (
        plain.batch(2, seed=0),
        sized.batch(2, seed=0),
        plain.batch(2, seed=0, render_mode="rgb_array"),
    )
    assert tuple(map(type, batches)) == expected
    assert [batch.step(torch.zeros(2).long()).reward.tolist() for batch in batches] == [
        [1, 1],
        [4, 4],
        [1, 1],
    ]
    assert len(batches[2].render()) == 2
    if expected[0] is LoopBatch:
        with pytest.raises(UsageError, match="no vector form that offers its state"):
            plain.batch(2, form="vector")


def test_a_vector_form_without_a_state_is_not_made() -> None:
    """To make it may take long: ALE's starts a thread for each of its games."""

    kind = type("Bare", (VectorEnv,), {"__init__": Several.__init__, "made": 0})
    gymnasium.register("RockfallBare-v0", entry_point=Single, vector_entry_point=kind)
    source = open_source("RockfallBare-v0")
    assert isinstance(source, Environment)
    source.batch(2, seed=0)
    assert kind.made == 0  # type: ignore[attr-defined]


def test_numbers_that_are_not_finite_are_the_environments_in_a_vector_form_too() -> None:
    class Wrong(Several):
        def step(self, actions: Any) -> Any:
            observation, reward, *rest = super().step(actions)
            return observation, reward * np.nan, *rest

    gymnasium.register("RockfallWrong-v0", entry_point=Single, vector_entry_point=Wrong)
    source = open_source("RockfallWrong-v0")
    assert isinstance(source, Environment)
    with pytest.raises(RockfallError, match="RockfallWrong-v0 gave a reward of nan"):
        source.batch(2, seed=0).step(torch.zeros(2).long())


def test_ids_of_packages_are_listed_beside_registered_environments() -> None:
    listed = CliRunner().invoke(rockfall, ["list", "environments", "--json"])
    found = json.loads(listed.stdout)
    assert "CartPole-v1" in found["gymnasium"]["gymnasium"]
    named = {entry["gymnasium_id"] for entry in found["environments"]}
    assert not any(named.intersection(ids) for ids in found["gymnasium"].values())
    text = CliRunner().invoke(rockfall, ["list", "environments"]).stdout
    assert all(each in text for ids in found["gymnasium"].values() for each in ids)
    assert "CartPole-v1" not in CliRunner().invoke(rockfall, ["list"]).stdout


def test_info_tells_the_options_of_every_environment_and_what_others_reached() -> None:
    for name in ("CartPole-v1", "falling-rocks-8x8"):
        data = json.loads(CliRunner().invoke(rockfall, ["info", name, "--json"]).stdout)
        assert [option["name"] for option in data["options"]] == list(
            EnvironmentOptions.model_fields
        )
        assert data["published"].get("solved") == (475 if name == "CartPole-v1" else None)
    text = CliRunner().invoke(rockfall, ["info", "CartPole-v1"]).stdout
    assert "source.workers" in text and "solved 475" in text
