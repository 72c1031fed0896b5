"""Imports point one way: no circle in any distribution, and in the core from each floor down."""

from __future__ import annotations

import pytest

from tests.architecture.modules import PACKAGES, circle, graph, imported, modules

FLOORS = (
    ("errors",),
    ("kit",),
    ("specs",),
    ("catalogue", "hooks"),
    ("registry",),
    ("capabilities", "kinds", "config", "first_steps", "summary", "packages"),
    ("sources",),
    ("run",),
    ("model", "evaluation", "parallel"),
    ("model_pictures",),
    ("progress",),
    ("building",),
    ("completing", "lengthening"),
    ("training",),
    ("verbs",),
    ("pages",),
    ("scaffold",),
    ("plugin",),
    ("commands", "trackers", "builtin"),
    ("cli",),
    ("__main__", "testing", "estimators"),
)
"""The rooms of the core from the ground up. A module imports from its own room and from floors
below; two rooms on one floor don't know each other.
"""


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_there_is_no_circle(package: str) -> None:
    found = circle(graph(package))
    assert not found, " → ".join(found)


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_core_imports_from_its_floors_down() -> None:
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    wrong = []
    for name, targets in graph("rockfall").items():
        if name == "rockfall":  # the face of it all
            continue
        for target in targets - {"rockfall"}:
            here, there = room_of(name), room_of(target)
            if here != there and floor[here] <= floor[there]:
                wrong.append(f"{name} → {target}")
    assert not wrong, "\n".join(wrong)


def test_every_room_of_the_core_is_on_a_floor() -> None:
    rooms = {room_of(name) for name in modules("rockfall") if name != "rockfall"}
    assert rooms == {room for floor in FLOORS for room in floor}


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_the_kit_imports_the_errors_alone() -> None:
    for name, targets in graph("rockfall").items():
        if room_of(f"{name}.") == "kit":
            assert {room_of(target) for target in targets} <= {"kit", "errors"}, name


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"rockfall"}))
def test_no_plugin_imports_another(package: str) -> None:
    others = PACKAGES.keys() - {package, "rockfall"}
    for name, path in modules(package).items():
        found = {module for module, _ in imported(path) if module.split(".")[0] in others}
        if package.endswith("_plugin"):  # that of an environment, beside it
            own = package.removesuffix("_plugin")
            found = {module for module in found if module.split(".")[0] != own}
        assert not found, f"{name} imports {', '.join(sorted(found))}"


def test_the_core_imports_no_plugin() -> None:
    for name, path in modules("rockfall").items():
        found = {module for module, _ in imported(path) if module.split(".")[0] in PACKAGES}
        assert all(module.split(".")[0] == "rockfall" for module in found), name
