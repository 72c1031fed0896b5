"""What every form's ``state_dict`` has in common."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from falling_rocks.rules import Rules


def header(rules: Rules, num_envs: int) -> dict[str, Any]:
    """The part of a ``state_dict`` that tells for which environment it was made."""
    return {"num_envs": num_envs, "rules": asdict(rules)}


def check_header(state: Mapping[str, Any], rules: Rules, num_envs: int) -> None:
    """Refuse a ``state_dict`` that was made by another environment.

    Raises:
        ValueError: naming the first difference.
    """
    theirs = {"num_envs": state["num_envs"], **state["rules"]}
    ours = {"num_envs": num_envs, **asdict(rules)}
    for name, value in ours.items():
        if theirs[name] != value:
            raise ValueError(
                f"this state was saved with {name}={theirs[name]!r}, but the environment has "
                f"{name}={value!r}"
            )
