"""A space of every kind, and the table of what each agent takes.

`python -m tests.agents.every_space` writes it into the README of the agents.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rockfall.errors import RockfallError
from rockfall.kinds import require_kind
from rockfall.kit.environments import space_data
from rockfall.registry import registry
from rockfall.sources.info import SourceInfo
from tests.kit.any_space import AnySpaces

README = Path(__file__).parents[2] / "plugins" / "agents" / "README.md"
BEGIN, END = "<!-- spaces: python -m tests.agents.every_space -->", "<!-- end of spaces -->"

PICTURE = spaces.Box(0, 255, (9, 9, 3), np.uint8)
VECTOR = spaces.Box(-1, 1, (3,))
OBSERVATIONS: dict[str, spaces.Space[Any]] = {
    "Vector": VECTOR,
    "Doubles": spaces.Box(-np.inf, np.inf, (2, 2, 1, 1), np.float64),
    "Number": spaces.Box(0, 9, (), np.int64),
    "Discrete": spaces.Discrete(5, start=-2),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2], start=[1, -1]),
    "MultiBinary": spaces.MultiBinary((2, 3)),
    "Tuple": spaces.Tuple([spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)]),
    "Dict": spaces.Dict(
        camera=PICTURE, inner=spaces.Dict(speed=spaces.Box(-9, 9, (2,)), gear=spaces.Discrete(3))
    ),
}
ACTIONS: dict[str, spaces.Space[Any]] = {
    "Discrete": spaces.Discrete(3, start=-1),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2], start=[5, 0]),
    "MultiBinary": spaces.MultiBinary(4),
    "Box": spaces.Box(np.array([-2.0, 0]), np.array([2.0, 5]), dtype=np.float64),
    "Grid": spaces.Box(-1, 1, (2, 2)),
    "One": spaces.Box(-1, 2, ()),
    "Held": spaces.Box(np.array([0, -3, 1e6]), np.array([1, -3, 1e6]), dtype=np.float64),
    "Whole": spaces.Box(-3, 5, (2,), np.int32),
    "Half": spaces.Box(np.zeros(2, np.float32), np.array([np.inf, 1], np.float32)),
    "Unbounded": spaces.Box(-np.inf, np.inf, (2,)),
}

SEEN: dict[str, spaces.Space[Any]] = {
    "`Box` of numbers": VECTOR,
    "`Box`, a picture or grid": PICTURE,
    "`Discrete`, `MultiDiscrete`": OBSERVATIONS["Discrete"],
    "`MultiBinary`": OBSERVATIONS["MultiBinary"],
    "`Dict`, `Tuple` of these": OBSERVATIONS["Tuple"],
    "`Dict`, `Tuple` with pictures": OBSERVATIONS["Dict"],
    "`Text`": spaces.Text(9),
    "`Sequence`": spaces.Sequence(VECTOR),
    "`Graph`": spaces.Graph(VECTOR, None),
    "`OneOf`": spaces.OneOf([VECTOR, PICTURE]),
}
DONE: dict[str, spaces.Space[Any]] = {
    "`Discrete`, from any `start`": ACTIONS["Discrete"],
    "`MultiDiscrete`": ACTIONS["MultiDiscrete"],
    "`MultiBinary`": ACTIONS["MultiBinary"],
    "`Box` with bounds": ACTIONS["Box"],
    "`Box` without": ACTIONS["Unbounded"],
    "`Dict`, `Tuple`": spaces.Dict(a=spaces.Discrete(2)),
}


@contextlib.contextmanager
def every_space_registered() -> Iterator[None]:
    """While open, `AnyDictBox-v0` and its like are Gymnasium ids."""
    names = []
    for one, observed in OBSERVATIONS.items():
        for other, acted in ACTIONS.items():
            names.append(f"Any{one}{other}-v0")
            gymnasium.register(
                names[-1], lambda observed=observed, acted=acted: AnySpaces(observed, acted)
            )
    try:
        yield
    finally:
        for name in names:
            del gymnasium.registry[name]


def table() -> str:
    """Every space, and what each agent takes it with: tried, not told."""
    agents = [
        entry.spec.name
        for entry in registry().models.as_registered()
        if entry.spec.target.startswith("rockfall_agents.")
    ]
    head = ["", *(f"`{agent}`" for agent in agents)]
    rows = [head, ["---"] * len(head), ["**observations**", *[""] * len(agents)]]
    for name, observed in SEEN.items():
        rows.append([name, *(_networks(agent, observed) for agent in agents)])
    rows.append(["**actions**", *[""] * len(agents)])
    for name, acted in DONE.items():
        rows.append([name, *(_cell(_takes(agent, VECTOR, acted)) for agent in agents)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _networks(agent: str, observed: spaces.Space[Any]) -> str:
    acted = VECTOR if agent in ("sac", "td3") else spaces.Discrete(2)
    return ", ".join(
        network for network in ("mlp", "conv", "vin") if _takes(agent, observed, acted, network)
    ) or _cell(False)


def _cell(taken: bool) -> str:
    return "yes" if taken else "–"


def _takes(
    agent: str, observed: spaces.Space[Any], acted: spaces.Space[Any], network: str = "mlp"
) -> bool:
    spec = registry().models.find(agent).spec
    info = SourceInfo(name="any", **space_data.describe(observed, acted))
    kind = spec.load()
    try:
        require_kind(spec, "any", info.kinds, space_data.in_the_way_of(info))
        kind(kind.Config(**kind.presets["tiny"] | {"network": network}), info)
    except (RockfallError, ValueError):
        return False
    return True


if __name__ == "__main__":
    before, _, after = README.read_text(encoding="utf-8").partition(BEGIN)
    written = f"{before}{BEGIN}\n\n{table()}\n\n{END}{after.partition(END)[2]}"
    README.write_text(written, encoding="utf-8")
