"""The Gymnasium ids of other installed packages: which module to import for them.

Gymnasium knows an id once the module that registers it was imported. Packages say which one that is
by an entry point of the group `gymnasium.envs`; those that don't are in a small table.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

import gymnasium

from rockfall.errors import UsageError, did_you_mean
from rockfall.kit.blame import in_words

GROUP = "gymnasium.envs"
PACKAGES = {
    "ale_py": ("ale-py", ("ALE/",)),
    "minigrid": ("minigrid", ("MiniGrid-", "BabyAI-")),
    "minatar": ("MinAtar", ("MinAtar/",)),
    "gymnasium_robotics": (
        "gymnasium-robotics",
        ("Fetch", "Hand", "AntMaze", "PointMaze", "Adroit"),
    ),
    "highway_env": ("highway-env", ("highway-", "merge-", "roundabout-", "parking-", "racetrack-")),
    "miniworld": ("miniworld", ("MiniWorld-",)),
    "flappy_bird_gymnasium": ("flappy-bird-gymnasium", ("FlappyBird-",)),
    "gym_pusht": ("gym-pusht", ("gym_pusht/",)),
    "shimmy": ("shimmy", ("dm_control/", "bsuite/")),
}
"""Module → the distribution to install, and how the ids that it registers begin."""
EXTRAS = {
    "LunarLander": "box2d",
    "BipedalWalker": "box2d",
    "CarRacing": "box2d",
    "Ant-": "mujoco",
    "HalfCheetah-": "mujoco",
    "Hopper-": "mujoco",
    "Humanoid": "mujoco",
    "InvertedDoublePendulum-": "mujoco",
    "InvertedPendulum-": "mujoco",
    "Pusher-": "mujoco",
    "Reacher-": "mujoco",
    "Swimmer-": "mujoco",
    "Walker2d-": "mujoco",
}
"""How ids of Gymnasium's own begin → the extra of it that they need."""


def register_id(gymnasium_id: str) -> bool:
    """Whether Gymnasium knows an id, once such packages were imported as may register it."""
    if gymnasium_id in gymnasium.registry:
        return True
    # By the beginning of its name first, so that only one is imported.
    likely = sorted(_modules(), key=lambda module: not _begins(module, gymnasium_id))
    for module in likely:
        with contextlib.suppress(Exception):  # a package that is broken hides no other's ids
            _register(module)
        if gymnasium_id in gymnasium.registry:
            return True
    return False


def unregistered(module: str, gymnasium_id: str) -> str:
    """Why an id is not known, as far as its name tells, and what to do; else nothing.

    module: the one that was imported for it; empty if none was named.
    """
    if module:
        where = getattr(sys.modules[module], "__file__", None) or "a part of Python"
        hint = did_you_mean(gymnasium_id, gymnasium.registry)
        return f"{module}, {where}, registers no {gymnasium_id} with Gymnasium{hint}"
    for package, (distribution, beginnings) in PACKAGES.items():
        if gymnasium_id.startswith(beginnings):
            if not _is_there(package):
                return f"`pip install {distribution}` brings the ids of {distribution}"
            try:
                _register(package)
            except Exception as error:  # a package may raise anything
                return f"{package} can't be imported: {in_words(error)}"
            hint = did_you_mean(gymnasium_id, gymnasium.registry)
            return f"{distribution} is installed, and has no such id{hint}"
    return ""


def extra_of(gymnasium_id: str) -> str:
    """What to install for one of Gymnasium's own that needs more; empty if none is known."""
    bare = gymnasium_id.rpartition(":")[2]
    named = [extra for beginning, extra in EXTRAS.items() if bare.startswith(beginning)]
    return f"`pip install 'gymnasium[{named[0]}]'`" if named else ""


def installed_ids() -> dict[str, list[str]]:
    """Every id that can be named here, by the package that it is of, Gymnasium's own first.

    Of several versions of one, the latest. Imports those packages.
    """
    for module in _modules():
        with contextlib.suppress(Exception):  # a package that is broken hides no other's ids
            _register(module)
    found: dict[str, list[str]] = {"gymnasium": []}
    for name in _latest(gymnasium.registry):
        made = gymnasium.registry[name].entry_point or gymnasium.registry[name].vector_entry_point
        path = str(made if isinstance(made, str) else getattr(made, "__module__", ""))
        module = re.split(r"[.:]", path)[0]
        distribution, beginnings = PACKAGES.get(module, (module, ("",)))
        if name.startswith(beginnings):  # others are of former versions
            found.setdefault(distribution, []).append(name)
    return found


def import_beside(module: str) -> None:
    """Import a module that the user named: an installed one, or else one of the working directory.

    Raises ModuleNotFoundError if it is neither, UsageError with the reason if it fails.
    """
    here = os.getcwd()
    if not _is_there(module) and here not in sys.path:
        sys.path.append(here)  # last, so that it hides nothing that is installed
        importlib.invalidate_caches()
        if not _is_there(module):
            sys.path.remove(here)
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        not_there = isinstance(error, ModuleNotFoundError) and error.name
        if not_there and f"{module}.".startswith(f"{not_there}."):  # itself, and nothing it needs
            raise
        raise UsageError(f"{module} can't be imported: {in_words(error)}") from error


def _is_there(module: str) -> bool:
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _modules() -> Iterator[str]:
    """Those that are installed, of the table and by entry points."""
    for module in PACKAGES:
        if _is_there(module):
            yield module
    yield from (point.module for point in _points().values() if point.module not in PACKAGES)


def _points() -> Mapping[str, EntryPoint]:
    return {point.value: point for point in entry_points(group=GROUP)}


def _register(module: str) -> None:
    """Import it, and call what it has in Gymnasium's group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = importlib.import_module(module)
        if module == "ale_py":  # which prints a banner to standard error with every game
            found.ALEInterface.setLoggerMode(found.LoggerMode.Error)
        for point in _points().values():
            if point.module.partition(".")[0] == module.partition(".")[0]:
                registering = point.load()
                if callable(registering):
                    registering()


def _begins(module: str, gymnasium_id: str) -> bool:
    return gymnasium_id.startswith(PACKAGES.get(module, ("", ("\0",)))[1])


def _latest(ids: Iterable[str]) -> list[str]:
    """Of ids that differ in their version alone, the one with the highest."""
    best: dict[str, tuple[int, str]] = {}
    for each in ids:
        stem, _, version = each.rpartition("-v")
        number = int(version) if stem and version.isdecimal() else -1
        name = stem if number >= 0 else each
        best[name] = max(best.get(name, (-2, "")), (number, each))
    return [each for _, each in best.values()]
