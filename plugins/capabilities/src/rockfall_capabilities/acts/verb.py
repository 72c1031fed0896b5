"""`rockfall play`: watch a run, a baseline or yourself, in the terminal or as a GIF."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rockfall import UsageError
from rockfall.kit.console import print_json, say, wrote
from rockfall.plugin import has_capability, registry
from rockfall.verbs import SEED, as_json, complete, key_values, measurement_lines, new_file

if TYPE_CHECKING:
    from rockfall_capabilities.acts.episodes import EpisodeStates
    from rockfall_capabilities.acts.players import Player
    from rockfall_capabilities.acts.watching import Playing


def _players(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Runs, the baselines of all environments, and a person."""
    environments = registry().environments
    named = {"random", "human", *(name for each in environments for name in each.spec.baselines)}
    return [
        *complete("runs")(context, parameter, begun),
        *(name for name in sorted(named) if name.startswith(begun)),
    ]


@click.command("play")
@click.argument("player", shell_complete=_players, metavar="RUN|random|oracle|human")
@click.argument(
    "words",
    shell_complete=complete("environments"),
    nargs=-1,
    metavar="[SOURCE] [source.key=value …]",
)
@new_file("--gif", ".gif", help="write the games to this file")
@click.option(
    "--games",
    "--episodes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="side by side; a person's one after another",
)
@click.option("--fps", type=click.FloatRange(0.1, 50), help="steps a second; default: the game's")
@click.option("--seed", type=SEED, help="which games; default: 0, a person's any")
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="where a game that does not end is cut off",
)
@as_json
def command(
    player: str,
    words: tuple[str, ...],
    gif: Path | None,
    games: int,
    fps: float | None,
    seed: int | None,
    steps: int,
    as_json: bool,
) -> None:
    """Watch RUN play, or a baseline such as random or oracle, or play yourself: human.

    A run plays what it learned from, unless SOURCE is given. The others play the source of the
    last run, or the first environment that is installed. Their names win over a run of the same
    name, which its path still finds: `rockfall play runs/random`.
    """
    source = words[0] if words and "=" not in words[0] else None
    settings, options = key_values(words[1:] if source else words)
    if settings:
        raise UsageError(f"{next(iter(settings))} is no option of play; a source's: source.key=…")

    from rockfall_capabilities.acts.players import find_player
    from rockfall_capabilities.acts.watching import Playing

    found = find_player(player, source, options)
    if seed is None:
        seed = random.SystemRandom().randrange(100_000) if found.human else 0
    playing = Playing(found, games, seed, steps, fps)
    if found.human:
        if as_json:
            raise UsageError("a person plays on the screen, and --json is for programs")
        end = playing.by_hand(gif)
    elif gif:
        end = playing.as_gif(gif)
    else:
        end = playing.unrendered() if as_json else playing.in_terminal()
    if as_json:
        print_json(_data(playing, end, gif))
    else:
        say(*_lines(playing, end, gif))


def _data(playing: Playing, end: EpisodeStates, gif: Path | None) -> dict[str, Any]:
    games = zip(end.scores, end.steps, end.over, strict=True)
    return {
        "player": playing.player.name,
        "source": playing.player.source.info.name,
        "seed": playing.seed,
        "score": _mean(end),
        "games": [{"score": s, "steps": n, "over": over} for s, n, over in games],
        "gif": str(gif) if gif else None,
    }


def _lines(playing: Playing, end: EpisodeStates, gif: Path | None) -> list[str]:
    lines = [_outcome(playing, end)]
    if cut := end.over.count(False):
        lines.append(f"stopped after {max(end.steps)} steps: {cut} of {len(end.over)} not over")
    elif playing.player.human:
        others = ", ".join(f"{name} {score:g}" for name, score in playing.baselines().items())
        lines.append(f"in the same {'game' if playing.episodes == 1 else 'games'}: {others}")
    if gif and gif.exists():
        lines.append(wrote(gif))
    return [*lines, f"next: {_next(playing.player)}"]


def _outcome(playing: Playing, end: EpisodeStates) -> str:
    what = f"{playing.title}, seed {playing.seed}: "
    if len(end.scores) == 1:
        return f"{what}score {end.scores[0]:g} in {end.steps[0]} steps"
    mean = _mean(end)
    scores = ", ".join(f"{score:g}" for score in end.scores)
    (line,) = measurement_lines({"mean": mean})
    return f"{what}scores {scores}, {line}"


def _mean(end: EpisodeStates) -> dict[str, float]:
    import torch

    from rockfall.kit.measurements import mean_and_error

    return mean_and_error(torch.tensor(end.scores))


def _next(player: Player) -> str:
    if player.run:
        return f"rockfall evaluate {player.run}"
    source = player.source.info
    models = registry().models
    fitting = [
        models.shown_name(entry)
        for entry in models.as_registered()
        if has_capability(entry.spec, "acts") and set(entry.spec.learns_from) & set(source.kinds)
    ]
    return f"rockfall train {fitting[0]} {source.name}" if fitting else "rockfall list models"
