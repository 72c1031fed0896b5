"""`rockfall play`, as typed: piped, as a GIF, and on a terminal."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from PIL import Image

from rockfall.errors import UsageError
from rockfall.kit.environments import Controls, Spaces
from rockfall.kit.environments.batched import Frame
from rockfall.sources.opening import open_source
from tests.core.terminal import in_terminal
from tests.core.test_cli_train import rockfall
from tests.core.toys import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory with a run of `player`, called `stays`."""
    path = tmp_path_factory.mktemp("work")
    with toys(path / "site"):
        assert rockfall(path, "train", "player", "--name", "stays").returncode == 0
        yield path


def played(folder: Path, *words: str) -> Any:
    done = rockfall(folder, "play", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(folder: Path, *words: str) -> str:
    done = rockfall(folder, "play", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def last_screen(written: str) -> str:
    return written.rsplit("\x1b[2K", maxsplit=1)[-1]


# Piped ----------------------------------------------------------------------------------------


def test_a_pipe_gets_the_last_frame_and_the_score(folder: Path) -> None:
    done = rockfall(folder, "play", "oracle", "falling-rocks-8x8")
    lines = done.stdout.splitlines()
    assert lines[0] == "oracle on falling-rocks-8x8 · step 64"
    assert len(lines) == 1 + 8 + 3  # the title, one frame, its caption, the score, the next
    assert ". . = = = . . ." in lines[8] or "=" in lines[8]
    score = played(folder, "oracle")["score"]["value"]
    assert lines[9].startswith(f"score {score:g} · over")
    assert lines[10] == f"oracle on falling-rocks-8x8, seed 0: score {score:g} in 64 steps"
    # The first in the order of registration that acts: the toys come before the agents.
    assert lines[11] == "next: rockfall train player falling-rocks-8x8"
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("policy", "source"),
    [
        ("random", "falling-rocks-8x8"),
        ("oracle", "falling-rocks-8x8"),
        ("planner", "drifting-rocks"),
    ],
)
def test_without_a_source_what_models_learn_from_by_default_is_played(
    policy: str, source: str, tmp_path: Path
) -> None:
    """Or else what has such a policy: not what is registered first, of whichever distribution."""
    done = rockfall(tmp_path, "play", policy)
    assert done.stdout.startswith(f"{policy} on {source} ")


def test_the_seed_decides_the_games(folder: Path) -> None:
    first, again, other = (
        played(folder, "random", "--games", "6", "--seed", seed) for seed in ("1", "1", "2")
    )
    assert first == again
    assert [game["score"] for game in first["games"]] != [g["score"] for g in other["games"]]
    assert {game["steps"] for game in first["games"]} == {64}


def test_the_score_is_that_of_evaluation(folder: Path) -> None:
    """Two ways to play the same 64 games: by hand here, and by `play`."""
    scores = [game["score"] for game in played(folder, "stays", "--games", "64")["games"]]
    batch = open_source("falling-rocks-8x8").for_evaluation().batch(64, seed=0)
    total = sum(batch.step(torch.zeros(64, dtype=torch.long)).reward for _ in range(64))
    assert scores == total.tolist()
    assert sum(scores) > 0


def test_a_run_plays_its_own_source_with_its_options(folder: Path) -> None:
    train = rockfall(
        folder, "train", "player", "falling-rocks-8x8", "source.steps=7", "--name", "s7"
    )
    assert train.returncode == 0, train.stderr
    assert played(folder, "s7")["games"][0]["steps"] == 7
    assert played(folder, "s7", "source.steps=9")["games"][0]["steps"] == 9
    assert played(folder, "s7", "falling-rocks-8x8")["games"][0]["steps"] == 64


def test_a_game_may_be_cut_off(folder: Path) -> None:
    done = rockfall(folder, "play", "random", "--steps", "5")
    assert "stopped after 5 steps: 1 of 1 not over" in done.stdout
    (game,) = played(folder, "random", "--steps", "5")["games"]
    assert game["steps"] == 5
    assert not game["over"]


def test_any_gymnasium_game_is_scored_without_pictures(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    games = played(folder, "random", "CartPole-v1", "--games", "3")["games"]
    assert all(game["over"] and game["score"] == game["steps"] for game in games)
    assert len({game["steps"] for game in games}) > 1
    assert "score" in rockfall(folder, "play", "random", "CartPole-v1").stdout
    said = refused(folder, "random", "CartPole-v1", "--gif", "c.gif")
    assert "CartPole-v1 can't be drawn here: pygame is not installed" in said
    assert 'pip install "gymnasium[classic-control]"' in said
    assert not (folder / "c.gif").exists()


# What can't be --------------------------------------------------------------------------------


def test_a_model_that_does_not_act(folder: Path) -> None:
    rockfall(folder, "train", "mlp", "--preset", "tiny", "--name", "sees")
    said = refused(folder, "sees")
    assert "mlp has classifies, explains and layered, but not acts; models that do: " in said
    assert "player" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("stays", "falling-rocks-16x16"), "shape 8 × 8, and falling-rocks-16x16 has 16 × 16"),
        (("oracle", "CartPole-v1"), "CartPole-v1 has no policy oracle: random, human"),
        (("randm",), "nobody is named randm; did you mean random?"),
        (("nonsuch",), "no run named nonsuch"),
        (("random", "digits"), "digits is no game to play"),
        (("random", "falling-rocks-8"), "did you mean falling-rocks-8x8?"),
        (("human", "Pendulum-v1"), "this is none"),
        (("random", "steps=5"), "steps is no option of play"),
        (("random", "source.stepps=5"), "stepps"),
        (("random", "--gif", "a.mp4"), "say a.gif"),
        (("human",), "a person plays in a terminal, and this is none"),
        (("human", "--json"), "--json is for programs"),
        (("random", "--games", "0"), "--games"),
    ],
)
def test_one_line_says_why_not(folder: Path, words: tuple[str, ...], expected: str) -> None:
    assert expected in refused(folder, *words)


def test_the_name_of_a_policy_wins_over_a_run(folder: Path) -> None:
    rockfall(folder, "train", "player", "--name", "random")
    assert played(folder, "random") != played(folder, "runs/random")
    assert played(folder, "runs/random")["games"] == played(folder, "stays")["games"]


# GIFs -----------------------------------------------------------------------------------------


def gif_frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
    return frames


@pytest.mark.long
def test_a_gif_of_several_games(folder: Path) -> None:
    done = rockfall(folder, "play", "oracle", "--games", "2", "--steps", "20", "--gif", "two")
    assert done.returncode == 0, done.stderr
    assert "wrote two.gif (" in done.stdout
    assert "mean" in done.stdout
    two = gif_frames(folder / "two.gif")
    assert len(two) == 21  # the start and 20 steps; the rest at the end is one long frame
    rockfall(folder, "play", "oracle", "--steps", "3", "--gif", "one.gif")
    one = gif_frames(folder / "one.gif")
    assert two[0].shape[0] == one[0].shape[0]
    assert two[0].shape[1] > 1.9 * one[0].shape[1]
    assert 100 < one[0].shape[1] < 600
    # Left to right: the games are not the same one.
    middle = two[0].shape[1] // 2
    assert not np.array_equal(two[20][40:, :middle], two[20][40:, middle:])


@pytest.mark.long
def test_no_picture_is_left_of_a_gif_that_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(folder.iterdir())
    monkeypatch.setattr(Image.Image, "save", full)
    done = rockfall(folder, "play", "random", "--gif", "full.gif")
    assert done.returncode == 1
    assert done.stderr == "rockfall: can't write full.gif: No space left on device\n"
    assert sorted(folder.iterdir()) == before


def test_the_folder_is_looked_at_before_anybody_plays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = rockfall(folder, "play", "random", "--gif", "none/a.gif")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no folder none" in done.stderr
    monkeypatch.setattr("os.access", lambda *_: False)
    done = rockfall(folder, "play", "random", "--gif", "a.gif")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is read-only" in done.stderr


@pytest.mark.parametrize("source", ["falling-rocks-8x8", "CartPole-v1"])
def test_the_last_frame_is_of_the_game_that_ended(source: str) -> None:
    """An environment that ended shows the next game's first frame; `ended` has the last one."""
    mode = "ansi" if source == "falling-rocks-8x8" else "rgb_array"
    batch = open_source(source).batch(2, seed=0, render_mode=mode)
    shown: list[list[Frame]] = [batch.render()]
    assert batch.ended() == [None, None]
    for _ in range(500):
        step = batch.step(torch.zeros(2, dtype=torch.long))
        over = (step.terminated | step.truncated).tolist()
        if any(over):
            break
        assert batch.ended() == [None, None]
        shown.append(batch.render())
    game = over.index(True)
    last = batch.ended()[game]
    assert last is not None
    assert not np.array_equal(last, batch.render()[game])
    batch.close()
    if isinstance(last, str):  # what was above is now a row further down, but for the bowl's row
        before = shown[-1][game]
        assert isinstance(before, str)
        assert last.split("\n")[1:7] == before.split("\n")[0:6]


# On a terminal --------------------------------------------------------------------------------


def test_live(folder: Path) -> None:
    shown = in_terminal(folder, "play", "oracle", "falling-rocks-8x8", "--fps", "50")
    assert shown.code == 0
    assert all(f"step {n}" in shown.written for n in range(65))
    assert shown.written.count("\x1b[2K") > 64  # redrawn in place
    end = last_screen(shown.written)
    assert end.count("\n") < 16
    assert "over" in end
    assert "next: rockfall train" in end
    assert shown.written.index("\x1b[?25l") < shown.written.index("\x1b[?25h")  # the cursor is back


def test_without_colour_or_room_it_can_be_read(folder: Path) -> None:
    words = ("play", "oracle", "falling-rocks-32x32", "--fps", "50", "--steps", "3")
    plain = in_terminal(folder, *words, NO_COLOR="1")
    drawn = last_screen(plain.written).replace("\r", "").split("\n")[1:-5]
    assert 10 < len(drawn) <= 20  # 32 rows do not fit, so it is drawn smaller
    assert not set("".join(drawn)) - set(" .:-=+*#%@")
    coloured = in_terminal(folder, *words)
    assert "▀" in coloured.written
    assert "▀" not in plain.written
    dumb = in_terminal(folder, *words, TERM="dumb")
    assert "\x1b" not in dumb.written
    assert dumb.written.count("step 3") == 1


def test_ctrl_c_ends_it(folder: Path) -> None:
    script = [("step 2", signal.SIGINT)]
    shown = in_terminal(folder, "play", "random", "--fps", "20", script=script)
    assert shown.code == 130
    assert shown.written.rstrip().endswith("rockfall: stopped")
    assert "step 60" not in shown.written
    assert "\x1b[?25h" in shown.written


@pytest.mark.long
def test_by_hand(folder: Path) -> None:
    script = [("press a key", "x"), ("step 1", "\x1b[D"), ("step 2", "a"), ("step 9", "q")]
    words = ("human", "falling-rocks-8x8", "--seed", "4", "--fps", "30", "--gif", "mine.gif")
    shown = in_terminal(folder, "play", *words, script=script)
    assert shown.code == 0, shown.written
    assert "←→ a d play, q stops" in shown.written
    assert shown.before == shown.after
    assert "not over" in shown.written
    frames = gif_frames(folder / "mine.gif")
    assert len(frames) >= 9
    assert "wrote mine.gif" in shown.written


@pytest.mark.long
def test_by_hand_with_real_numbers_for_actions(folder: Path) -> None:
    script = [("press a key", "d"), ("step 1", "a"), ("step 3", "q")]
    words = ("human", "Pendulum-v1", "--seed", "4", "--fps", "30", "--gif", "torque.gif")
    shown = in_terminal(folder, "play", *words, script=script)
    assert shown.code == 0, shown.written
    assert "←→ a d play, q stops" in shown.written
    assert len(gif_frames(folder / "torque.gif")) >= 3
    assert shown.before == shown.after


def test_a_person_is_told_what_the_others_scored(folder: Path) -> None:
    words = ("human", "falling-rocks-8x8", "source.steps=4", "--seed", "4", "--fps", "50")
    shown = in_terminal(folder, "play", *words, script=[("press a key", "x")])
    assert shown.code == 0, shown.written
    others = played(folder, "oracle", "falling-rocks-8x8", "source.steps=4", "--seed", "4")
    assert f"oracle {others['score']['value']:g}" in shown.written


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), ("\x1b", 0)]
)
def test_the_terminal_is_put_back(folder: Path, how: str | signal.Signals, code: int) -> None:
    script = [("press a key", "x"), ("step 2", how)]
    shown = in_terminal(folder, "play", "human", "--fps", "20", script=script)
    assert shown.code == code
    assert "step 60" not in shown.written
    assert shown.before == shown.after
    assert "\x1b[?25h" in shown.written


def test_the_terminal_is_put_back_after_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("rockfall_capabilities.acts.live.Stage.show", broken)
    shown = in_terminal(folder, "play", "human", script=[("press a key", "x")])
    assert shown.code == 1
    assert "RuntimeError: broken" in shown.written
    assert shown.before == shown.after
    assert "\x1b[?25h" in shown.written


@pytest.mark.parametrize(
    ("env", "keys", "hint"),
    [
        ("rockfall/FallingRocks-8x8-v0", {"a": 1, "d": 2, "": 0}, "←→ a d play, q stops"),
        ("CartPole-v1", {"a": 0, "d": 1, "1": 1, "": 1}, "←→ a d 0-1 play, q stops"),
        ("Acrobot-v1", {"2": 2, "0": 0, "": 0}, "0-2 play, q stops"),
    ],
)
def test_keys(env: str, keys: dict[str, int], hint: str) -> None:
    """Each key's action, in turn; the empty one is a moment without a key."""
    source: Any = open_source(env)
    controls = Controls(source.make(), Spaces.of(source.info))
    assert controls.hint == hint
    for key, action in keys.items():
        assert controls.choose([key] if key else []) == action


def test_keys_given_as_codes() -> None:
    class Coded:
        def has_wrapper_attr(self, name: str) -> bool:
            return name == "get_keys_to_action"

        def get_wrapper_attr(self, name: str) -> Any:
            # As gymnasium.utils.play takes them; 1073741904 is pygame's left arrow.
            return lambda: {(ord("w"),): 2, ord("s"): 3, ("a", "w"): 4, (1073741904,): 5, (): 1}

    seen = spaces.Box(0, 1, (1,))
    controls = Controls(Coded(), Spaces(seen, spaces.Discrete(6)))
    assert controls.actions == {"w": 2, "s": 3}
    assert controls.choose(["z"]) == 1
    # An environment tells its own actions, which need not begin at 0.
    controls = Controls(Coded(), Spaces(seen, spaces.Discrete(6, start=1)))
    assert controls.actions == {"w": 1, "s": 2}
    assert controls.choose(["z"]) == 0


def test_keys_for_actions_of_several_numbers() -> None:
    class Silent:
        def has_wrapper_attr(self, name: str) -> bool:
            return False

    def controls(acted: spaces.Space[Any]) -> Controls:
        return Controls(Silent(), Spaces(spaces.Box(0, 1, (1,)), acted))

    torque = controls(spaces.Box(-2, 2, (1,)))
    assert [torque.choose(keys).tolist() for keys in (["a"], ["d"], [])] == [[-2], [2], [0]]
    thrust = controls(spaces.Box(np.float32([-1, 0]), np.float32([np.inf, 5])))
    pressed = [thrust.choose([key]).tolist() for key in "adsw"]
    assert pressed == [[-1, 0], [1, 0], [0, 0], [0, 5]]
    buttons = controls(spaces.MultiBinary(3))
    assert [buttons.choose(keys).tolist() for keys in (["1"], [])] == [[0, 1, 0], [0, 0, 0]]
    for acted in (spaces.Box(-1, 1, (3,)), spaces.MultiDiscrete([2, 2]), spaces.MultiBinary(11)):
        with pytest.raises(UsageError, match="too few keys"):
            controls(acted)
