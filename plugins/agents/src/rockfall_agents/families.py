"""Families of environments: what is usual for each, and what others reached in them.

An id of a family opens with these options, unless others are given, and a run records them. An
agent's preset that is named like the family is taken for it.

- `atari`: ALE's games (https://ale.farama.org), preprocessed as Mnih et al. 2015 do: 84 × 84 grey
  pixels, the maximum of two frames, four frames an action, four screens at once. Actions stick with
  probability 0.25, as Machado et al. 2018, "Revisiting the Arcade Learning Environment", recommend,
  and an episode lasts until the game is over. Rewards are clipped to −1 … 1 in training alone.
- `minigrid`: MiniGrid and BabyAI without the mission, which is a text: the picture of what is seen,
  7 × 7 cells, and the direction.
- `minatar`: MinAtar's games, as they are.
- `continuous`: Gymnasium's tasks of continuous control, as they are: those of MuJoCo, BipedalWalker
  and Pendulum. What is usual there is in the agents' presets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rockfall import Environment
from rockfall.kit.environments import register_id
from rockfall_agents.published import published_scores


@dataclass(frozen=True)
class Family:
    """name: of its presets. ids: which ids are of it. options: of the source."""

    name: str
    ids: re.Pattern[str]
    options: Mapping[str, Any]


FAMILIES = (
    Family(
        "atari",
        re.compile(r"ALE/.+-v5"),
        {
            "frameskip": 1,  # of the emulator: the preprocessing skips
            "wrappers": "AtariPreprocessing,FrameStackObservation(4)",
            "training_wrappers": "ClipReward(-1,1)",
            "evaluation_episodes": 10,  # each of which may last for minutes
            "evaluation_steps": 27_000,  # half an hour of play, at which ALE itself stops
        },
    ),
    Family(
        "minigrid",
        re.compile(r"(MiniGrid|BabyAI)-.+"),
        {"wrappers": "FilterObservation(['image','direction'])"},
    ),
    Family("minatar", re.compile(r"MinAtar/.+"), {}),
    Family(
        "continuous",
        re.compile(
            r"(Ant|HalfCheetah|Hopper|Humanoid(Standup)?|Inverted(Double)?Pendulum|Pusher|Reacher"
            r"|Swimmer|Walker2d|BipedalWalker(Hardcore)?|Pendulum)-v\d+"
        ),
        {},
    ),
)


def family_of(gymnasium_id: str) -> Family | None:
    bare = gymnasium_id.rpartition(":")[2]
    return next((each for each in FAMILIES if each.ids.fullmatch(bare)), None)


def preset_for(text: str) -> str:
    """The name of the presets for an id."""
    family = family_of(text)
    return family.name if family else ""


def open_known(text: str, options: Mapping[str, Any]) -> Environment | None:
    """An id of a family, or one in which others' scores are published."""
    family, scores = family_of(text), published_scores(text)
    if (family is None and not scores) or not register_id(text):
        return None
    usual = dict(family.options) if family else {}
    wrappers = str(options.get("wrappers", usual.get("wrappers")))
    if "AtariPreprocessing" not in wrappers:
        usual.pop("frameskip", None)  # which then is the emulator's
    chosen = {key: value for key, value in usual.items() if key not in options}
    return Environment(text, options, chosen=chosen, published=scores)
