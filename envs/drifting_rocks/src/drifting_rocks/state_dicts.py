"""What the ``state_dict`` of every form has in common."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from drifting_rocks.rules import Rules, State


def write_state(rules: Rules, num_envs: int, state: State) -> dict[str, Any]:
    """The part of a ``state_dict`` that says of which environment it is, and its games."""
    return {"num_envs": num_envs, "rules": asdict(rules), **state._asdict()}


def read_state(state: Mapping[str, Any], rules: Rules, num_envs: int) -> State:
    """The games of a ``state_dict``, which must be of an environment like this one.

    Raises:
        ValueError: naming the first difference between the environments.
    """
    theirs = {"num_envs": state["num_envs"], **state["rules"]}
    ours = {"num_envs": num_envs, **asdict(rules)}
    for name, value in ours.items():
        if theirs[name] != value:
            raise ValueError(
                f"this state was saved with {name}={theirs[name]!r}, but the environment has "
                f"{name}={value!r}"
            )
    return State(*(state[name] for name in State._fields))
