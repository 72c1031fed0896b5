"""Who plays, and what: a trained model, a baseline, or a person, each in a fitting environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import torch

from rockfall import (
    Environment,
    RockfallError,
    Source,
    SourceInfo,
    UnknownName,
    UsageError,
    open_run,
    open_source,
)
from rockfall.kit.environments import BatchedEnvironment, ModelPolicy, Policy, Spaces
from rockfall.plugin import did_you_mean, registry
from rockfall.verbs import RunDirectory, all_runs, find_run, require_capability
from rockfall_capabilities.acts.episodes import EpisodeStates, step_episodes

HUMAN = "human"


@dataclass(frozen=True)
class Player:
    """A policy and its environment. `policy(batch, seed)` acts in a batch made on `device`.

    run: what to type for the run; empty for a baseline or a person.
    human: whether it is a person, whose policy is made where the keyboard is.
    """

    name: str
    source: Environment
    policy: Callable[[BatchedEnvironment, int], Policy]
    run: str = ""
    device: torch.device | str = "cpu"
    human: bool = False

    def play(
        self, episodes: int, *, seed: int, max_steps: int, render_mode: str | None = None
    ) -> Iterator[EpisodeStates]:
        """Episodes at once, step by step; see `rockfall_capabilities.acts.episodes`.

        Raises UsageError if rendering needs a package that is not installed.
        """
        source = self.source.for_evaluation()
        batch = source.batch(episodes, device=self.device, seed=seed, render_mode=render_mode)
        policy = self.policy(batch, seed)
        try:
            render = render_mode is not None
            yield from step_episodes(batch, policy, max_steps=max_steps, render=render)
        except gymnasium.error.DependencyNotInstalled as error:
            raise UsageError(f"{self.source.info.name} can't be drawn here: {error}") from None
        finally:
            batch.close()


def find_player(name: str, source: str | None, options: Mapping[str, Any]) -> Player:
    """A policy by name, or a run, with its environment: the given one or its own.

    The name of a policy wins over that of a run, which a path still finds. Raises UsageError for a
    source that can't be played, and for a model that can't play it.
    """
    if name == HUMAN or name in _policies():
        named = source or _last_source(name)
        environment = _playable(named, open_source(named, options))
        if name == HUMAN:
            return Player(HUMAN, environment, _not_yet, human=True)
        if name not in environment.baselines:
            known = ", ".join((*environment.baselines, HUMAN))
            raise UsageError(f"{environment.info.name} has no policy {name}: {known}")
        return baseline(name, environment)
    return _trained(_find(name), source, options)


def baseline(name: str, source: Environment) -> Player:
    """A policy that scores are measured against."""
    return Player(name, source, lambda batch, seed: source.baseline(name, batch, seed))


def _trained(directory: RunDirectory, source: str | None, options: Mapping[str, Any]) -> Player:
    record = directory.record()
    require_capability(record.model, "acts")
    environment = (
        _playable(source, open_source(source, options))
        if source
        else _playable(record.source, record.open_source(options))
    )
    _check_fits(directory.name, SourceInfo.from_json(record.info), environment.info)
    run = open_run(directory.path)
    address = directory.address
    return Player(run.name, environment, lambda *_: ModelPolicy(run.model), address, run.device)


def _find(name: str) -> RunDirectory:
    try:
        return find_run(name)
    except UnknownName as error:
        hint = did_you_mean(name, (HUMAN, *_policies()))
        raise UnknownName(f"nobody is named {name}{hint}" if hint else str(error)) from None


def _policies() -> set[str]:
    """The baselines of every registered environment."""
    return {"random", *(name for entry in registry().environments for name in entry.spec.baselines)}


def _last_source(policy: str) -> str:
    """What was learned from last, or else what is registered and has such a policy."""
    for directory in reversed(all_runs()):
        try:
            record = directory.record()
        except RockfallError:  # damaged
            continue
        if "environment" in record.info["kinds"] and not record.source_options:
            return record.source
    environments = registry().environments
    if not environments:
        raise UsageError("no environment is installed; name a Gymnasium id, such as CartPole-v1")
    # Rather what some model learns from by default than what happens to be registered first.
    learned = {entry.spec.default_source for entry in registry().models}
    entries = list(environments.as_registered())
    entries = [each for each in entries if policy in each.spec.baselines] or entries
    shown = [environments.shown_name(entry) for entry in entries]
    return next((name for name in shown if name in learned), shown[0])


def _playable(text: str, source: Source) -> Environment:
    if not isinstance(source, Environment):
        known = ", ".join(registry().environments.names())
        raise UsageError(f"{text} is no game to play; `rockfall list environments`: {known}")
    try:
        Spaces.of(source.info)
    except UsageError as error:
        raise UsageError(f"{text} can't be played here: {error}") from None
    return source


def _check_fits(run: str, learned: SourceInfo, given: SourceInfo) -> None:
    acted, acts = (Spaces.of(info).acted for info in (learned, given))
    for what, one, other in (
        ("observations of shape", _size(learned.shape), _size(given.shape)),
        ("actions of", " ".join(str(acted).split()), " ".join(str(acts).split())),
    ):
        if one != other:
            raise UsageError(
                f"{run} learned from {learned.name} with {what} {one}, "
                f"and {given.name} has {other}: it can't play there"
            )


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _not_yet(batch: BatchedEnvironment, seed: int) -> Policy:
    raise AssertionError("a person's policy is made where the keyboard is")
