"""What the page can ask of games."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from rockfall import RockfallError, UsageError
from rockfall.plugin import has_capability, registry
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.play.game import Game, Pace
from rockfall_studio.views.play.players import HUMAN, Hands, environment, seated

if TYPE_CHECKING:
    from rockfall import Environment
    from rockfall.kit.environments import Controls

Name = Annotated[str, Field(max_length=200)]
Key = Annotated[str, Field(max_length=20)]
Token = Annotated[str, Field(min_length=8, max_length=64)]
MOST_PLAYERS = 6
WATCHED, BY_HAND = 20.0, 5.0
"""Steps a second at first, where an environment has no slower pace of its own: for the eye, and for
fingers that press a key for each step."""

GAMES: dict[str, Game] = {}
"""Those that are streamed, by what their page calls them."""


class Choices(Ask):
    """What there is to play."""


@answers("play.choices")
def choices(studio: Studio, ask: Choices) -> Answer:
    """data: runs that act, newest first, each with name, model and source; environments."""
    return Answer({"runs": _agents(studio), "environments": list(registry().environments.names())})


def _agents(studio: Studio) -> list[dict[str, str]]:
    models = registry().models
    found = []
    for directory in reversed(studio.runs()):
        try:
            record = directory.record()
        except RockfallError:  # damaged
            continue
        entry = models.get(record.model)
        if entry and has_capability(entry.spec, "acts") and directory.has_checkpoint("last"):
            about = {"name": directory.name, "model": record.model_name, "source": record.source}
            found.append(about)
    return found


class OfGame(Ask):
    """run: whose environment is played; or else environment: by name."""

    run: Name = ""
    environment: Name = ""


class About(OfGame):
    """What an environment is, and who can play it."""


@answers("play.about")
def about(studio: Studio, ask: About) -> Answer:
    """data: source; baselines; runs that learned from it; actions, what each is called, or null;
    keys, of each its key and what it does; why, where a person can't play; fps and by_hand, steps
    a second at first.
    """
    source = environment(studio, ask.run, ask.environment)
    env = source.make()
    try:
        if "rgb_array" not in env.metadata.get("render_modes", ()):
            raise UsageError(f"{source.info.name} draws no pictures")
        controls, why = _controls(env, source)
        actions = _actions(env, source, controls)
        fps = env.metadata.get("render_fps") or 10.0
    finally:
        env.close()
    alike = [
        run["name"]
        for run in _agents(studio)
        if run["source"] == source.info.name or run["name"] == ask.run
    ]
    return Answer(
        {
            "source": source.info.name,
            "baselines": list(source.baselines),
            "runs": alike,
            "actions": actions,
            "keys": _keys(controls, actions) if controls else [],
            "why": why,
            "fps": min(fps, WATCHED),
            "by_hand": min(fps, BY_HAND),
        }
    )


class Controlled(Ask):
    """How time goes by. keys: the latest that were pressed, each with a number that grows."""

    game: Token
    fps: float = Field(10.0, ge=0.2, le=2000)
    paused: bool = False
    advance: int = Field(0, ge=0, le=2**31)
    keys: tuple[tuple[int, Key], ...] = Field((), max_length=32)
    held: tuple[Key, ...] = Field((), max_length=8)

    @property
    def pace(self) -> Pace:
        return Pace(self.fps, self.paused, self.advance, self.keys, self.held)


class Watch(OfGame, Controlled):
    """players: runs, baselines or `human`, each in its own environment with the same seed."""

    players: tuple[Name, ...] = Field(min_length=1, max_length=MOST_PLAYERS)
    seed: int = Field(0, ge=0, lt=2**31)


@answers("play.watch")
def watch(studio: Studio, ask: Watch) -> Iterator[Answer]:
    """Each frame; see `Game.play`."""
    source = environment(studio, ask.run, ask.environment)
    hands = _hands(source) if HUMAN in ask.players else None
    with seated(studio, source, ask.players, ask.seed, hands) as players:
        game = Game(players, ask.pace, source.evaluation_steps, hands, waits=bool(hands))
        if ask.game in GAMES:
            raise UsageError("two games can't have one name")
        GAMES[ask.game] = game
        try:
            yield from game.play()
        finally:
            del GAMES[ask.game]


class Control(Controlled):
    """The whole state each time, so that one that is left out harms nobody."""


@answers("play.control")
def control(studio: Studio, ask: Control) -> Answer:
    """data: playing, whether there is such a game."""
    game = GAMES.get(ask.game)
    if game:
        game.set(ask.pace)
    return Answer({"playing": game is not None})


def _hands(source: Environment) -> Hands:
    env = source.make()
    try:
        controls, why = _controls(env, source)
    finally:
        env.close()
    if controls is None:
        raise UsageError(why)
    return Hands(controls)


def _controls(env: Any, source: Environment) -> tuple[Controls | None, str]:
    from rockfall.kit.environments import Controls, Spaces

    try:
        return Controls(env, Spaces.of(source.info)), ""
    except UsageError as error:
        return None, str(error)


ARROWS = {"a": "←", "d": "→", "w": "↑", "s": "↓"}


def _actions(env: Any, source: Environment, controls: Controls | None) -> list[str] | None:
    """What each of a few actions is called: by the environment, by its key, or by its number."""
    count = source.info.actions
    if not count:
        return None
    named = [str(action) for action in range(count)]
    if controls:
        for key, action in controls.actions.items():
            if not key.isdigit() and isinstance(action, int):
                named[action] = ARROWS.get(key, key.strip() or "space")
        if isinstance(controls.idle, int):
            named[controls.idle] = "·"
    if env.has_wrapper_attr("get_action_meanings"):
        meanings = list(map(str, env.get_wrapper_attr("get_action_meanings")()))
        return meanings if len(meanings) == count else named
    return named


def _keys(controls: Controls, actions: list[str] | None) -> list[dict[str, str]]:
    """Each key with what stands on its button. A digit beside a letter that does the same is left
    out.
    """
    found = []
    letters = [action for key, action in controls.actions.items() if not key.isdigit()]
    for key, action in controls.actions.items():
        if key.isdigit() and any(np.array_equal(action, other) for other in letters):
            continue
        label = ARROWS.get(key, key.strip() or "space")
        if actions and isinstance(action, int) and actions[action] not in (label, key):
            label = f"{label} {actions[action]}"
        found.append({"key": key, "label": label})
    return found
