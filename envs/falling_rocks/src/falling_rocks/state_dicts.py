"""What the ``state_dict`` of every form has in common."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from falling_rocks.rules import Rules, State

NEWER = {"visible": None}
"""Parameters that states of earlier versions lack; where they are these, they are not written."""


def header(rules: Rules, num_envs: int) -> dict[str, Any]:
    """The part of a ``state_dict`` that identifies the environment that it is of."""
    parameters = asdict(rules).items()
    told = {name: v for name, v in parameters if name not in NEWER or v != NEWER[name]}
    return {"num_envs": num_envs, "rules": told}


def read_state(state: Mapping[str, Any], rules: Rules, num_envs: int) -> State:
    """The rocks and bowls of a ``state_dict``, which must be of an environment like this one.

    Raises:
        ValueError: naming the first difference between the environments.
    """
    theirs = {"num_envs": state["num_envs"], **NEWER, **state["rules"]}
    ours = {"num_envs": num_envs, **asdict(rules)}
    for name, value in ours.items():
        if theirs[name] != value:
            raise ValueError(
                f"this state was saved with {name}={theirs[name]!r}, but the environment has "
                f"{name}={value!r}"
            )
    return State(tuple(state["rocks"]), state["bowl"])
