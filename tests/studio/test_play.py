"""Games: the same episode for everybody, and time goes by as the page wants it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from rockfall import UsageError
from rockfall_studio.asks import Answer
from rockfall_studio.views.play.asks import GAMES
from rockfall_studio.views.play.players import environment, seated
from tests.studio.conftest import Asking

GAME = "falling-rocks-8x8"
FAST = {"game": "of-this-test", "fps": 2000.0}


def frames(stream: Iterator[Answer | None]) -> Iterator[tuple[dict[str, Any], Answer]]:
    """Each answer with a frame in it, its players by name."""
    for answer in stream:
        assert answer is not None
        if answer.data["players"]:
            yield {player["name"]: player for player in answer.data["players"]}, answer


def test_who_can_play_what(asking: Asking) -> None:
    found = asking("play.choices").data
    assert found["runs"] == []
    assert GAME in found["environments"]
    about = asking("play.about", environment=GAME).data
    assert about["baselines"] == ["random", "oracle"]
    assert about["actions"] == ["·", "←", "→"]
    assert [key["key"] for key in about["keys"]] == ["a", "d"]
    pole = asking("play.about", environment="CartPole-v1").data
    assert [key["label"] for key in pole["keys"]] == ["←", "→"]
    assert len(asking("play.about", environment="drifting-rocks").data["keys"]) == 4


@pytest.mark.long
def test_the_oracle_meets_the_rocks_that_random_meets(asking: Asking) -> None:
    """All rows of cells but the lowest, in which the player moves, are the same until one ends."""
    source = environment(asking.studio, "", GAME)
    with seated(asking.studio, source, ("oracle", "random"), 3, None) as players:
        for _ in range(40):
            for player in players:
                player.step(1000)
            one, other = (player.frame() for player in players)
            side = one.shape[0] // 8
            assert np.array_equal(one[: -side - 1], other[: -side - 1])
            assert not players[0].over
    assert players[0].score > players[1].score


def test_the_same_seed_is_the_same_game_and_another_another(asking: Asking) -> None:
    def played(seed: int) -> list[tuple[int, float]]:
        stream = asking.stream(
            "play.watch", environment=GAME, players=("random",), seed=seed, **FAST
        )
        (last,) = [players for players, answer in frames(stream) if answer.data["done"]]
        return [(last["random"]["steps"], last["random"]["score"])]

    assert played(1) == played(1)
    assert len({tuple(played(seed)) for seed in range(5)}) > 1


class Watching:
    """A game that streams in a thread."""

    def __init__(self, asking: Asking, **fields: Any) -> None:
        self.asking, self.name = asking, "game-in-a-thread"
        self.stream = asking.stream("play.watch", game=self.name, **fields)
        self.seen: list[dict[str, Any]] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self) -> None:
        for players, _ in frames(self.stream):
            self.seen.append(players)
            if self.stopped.is_set():
                break
        self.stream.close()  # type: ignore[attr-defined]

    def control(self, **fields: Any) -> None:
        assert self.asking("play.control", game=self.name, **fields).data["playing"]

    def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while not (self.seen and true(self.seen[-1])):
            assert time.monotonic() < deadline, self.seen[-1:]
            time.sleep(0.005)
        return self.seen[-1]

    def __enter__(self) -> Watching:
        self.until(lambda _: True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        if self.name in GAMES:
            self.control(fps=2000)
        self.thread.join(20)
        assert not self.thread.is_alive()
        assert not GAMES


def test_pause_single_steps_and_going_on(asking: Asking) -> None:
    with Watching(asking, environment=GAME, players=("oracle",), paused=True, fps=50) as watched:
        time.sleep(0.1)
        assert watched.seen[-1]["oracle"]["steps"] == 0
        for count in (1, 1, 3):  # said twice, it counts once
            watched.control(paused=True, advance=count)
            watched.until(lambda players, count=count: players["oracle"]["steps"] == count)  # type: ignore[misc]
        time.sleep(0.1)
        assert watched.seen[-1]["oracle"]["steps"] == 3
        watched.control(fps=500)
        watched.until(lambda players: players["oracle"]["over"])


def test_a_person_begins_with_a_key_and_plays_with_keys(asking: Asking) -> None:
    players = ("human", "oracle")
    with Watching(asking, environment=GAME, players=players, fps=500) as watched:
        time.sleep(0.1)
        assert watched.seen[-1]["human"]["steps"] == 0
        watched.control(fps=500, keys=[(1, "a")])
        watched.until(lambda players: all(player["over"] for player in players.values()))
        assert watched.seen[-1].keys() <= {"human", "oracle"}
    with Watching(asking, environment=GAME, players=("human",), fps=20) as watched:
        watched.control(fps=20, paused=True, keys=[(1, "a")])
        for count in range(1, 4):
            watched.control(paused=True, advance=count, keys=[(1, "a")], held=["a"])
            watched.until(lambda players, count=count: players["human"]["steps"] == count)  # type: ignore[misc]


def test_a_fast_game_and_a_slow_page_have_fewer_frames(asking: Asking) -> None:
    stream = asking.stream("play.watch", environment=GAME, players=("oracle",), seed=3, **FAST)
    counts = [players["oracle"]["steps"] for players, _ in frames(stream)]
    assert counts[0] == 0
    assert len(counts) < counts[-1] / 20
    slow = asking.stream("play.watch", environment=GAME, players=("oracle",), game="x" * 9, fps=50)
    found = frames(slow)
    next(found), next(found)
    time.sleep(0.3)
    before = next(found)[0]["oracle"]["steps"]
    assert before > 5
    slow.close()  # type: ignore[attr-defined]


@pytest.mark.long
def test_an_agent_shows_what_it_thinks_of_each_action(
    looking: Callable[..., Asking], trained: Callable[[str], Any]
) -> None:
    asking = looking("pqn")
    assert "pqn" in [run["name"] for run in asking("play.choices").data["runs"]]
    assert asking("play.about", run="pqn").data["source"] == GAME
    stream = asking.stream("play.watch", run="pqn", players=("pqn", "oracle"), seed=1, **FAST)
    seen = [players["pqn"] for players, _ in frames(stream) if "pqn" in players]
    *going, last = seen
    assert going
    for player in going:
        assert len(player["bars"]) == 3
        assert player["best"] == int(np.argmax(player["bars"]))
    assert last["over"]
    assert last["bars"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"environment": "os:Game-v0"},
        {"environment": "../runs/x"},
        {"environment": "digits"},
        {"environment": ""},
        {"run": "nobody"},
        {"environment": GAME, "players": ("nobody",)},
        {"environment": GAME, "players": ()},
        {"environment": GAME, "players": ("random",) * 7},
        {"environment": GAME, "seed": -1},
        {"environment": GAME, "fps": 0},
        {"environment": GAME, "game": "short"},
        {"environment": GAME, "keys": [("a", 1)]},
    ],
)
def test_what_cannot_be_played_is_one_line(asking: Asking, fields: dict[str, Any]) -> None:
    stream = {"players": ("random",), **FAST, **fields}
    with pytest.raises(UsageError):
        list(asking.stream("play.watch", **stream))
    assert not GAMES


@pytest.mark.parametrize("name", ["MountainCarContinuous-v0", "drifting-rocks", "Blackjack-v1"])
def test_any_environment_that_draws_is_played(asking: Asking, name: str) -> None:
    about = asking("play.about", environment=name).data
    players = ("random", "human") if about["keys"] else ("random",)
    stream = asking.stream("play.watch", environment=name, players=players, **FAST)
    first, answer = next(frames(stream))
    assert list(first) == list(players)
    for plane in answer.planes:
        assert plane.shape[2] == 3
        assert max(plane.shape) <= 384
    stream.close()  # type: ignore[attr-defined]
