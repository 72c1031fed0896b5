"""Families of environments: opened as is usual, recorded, measured beside what others reached."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import rockfall
from rockfall.cli import rockfall as command_line
from rockfall.errors import UnknownName, UsageError
from rockfall.kit.environments import play_episodes, register_id
from rockfall.sources.environment import Environment
from rockfall.summary import measurement_lines
from rockfall.testing.batches import check_batch
from rockfall_agents.families import FAMILIES, family_of, preset_for
from rockfall_agents.published import ATARI, ZOO, published_scores


def needs(module: str) -> Any:
    """Skip, visibly, where a package is not installed; in CI all are."""
    return pytest.importorskip(module, reason=f"{module} is not installed")


def opened(name: str, **options: Any) -> Environment:
    source = rockfall.open_source(name, options)
    assert isinstance(source, Environment)
    return source


def test_every_game_whose_scores_are_published_is_one_of_ale() -> None:
    roms = needs("ale_py.roms")
    assert set(ATARI) <= set(roms.get_all_rom_ids())
    ids = [f"ALE/{''.join(part.title() for part in game.split('_'))}-v5" for game in ATARI]
    for each in ids:
        assert register_id(each), each
        assert set(published_scores(each)) == {"human", "random, published"}, each
    assert published_scores("ALE/MsPacman-v5")["human"] == 6951.6
    assert published_scores("ALE/Skiing-v5")["random, published"] == -17098.1
    assert not published_scores("ALE/Adventure-v5")


def test_every_other_environment_with_published_scores_is_gymnasiums() -> None:
    assert all(register_id(each) for each in ZOO)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_has_ids_and_no_others(family: Any) -> None:
    examples = {
        "atari": ["ALE/Pong-v5", "ALE/MsPacman-v5"],
        "minigrid": ["MiniGrid-Empty-5x5-v0", "BabyAI-GoToLocal-v0"],
        "minatar": ["MinAtar/Breakout-v1"],
        "continuous": ["Hopper-v5", "InvertedDoublePendulum-v5", "BipedalWalker-v3", "Pendulum-v1"],
    }
    for example in examples[family.name]:
        assert family_of(example) is family
        assert preset_for(example) == family.name
    for other in ("CartPole-v1", "falling-rocks-8x8", "ALE", "Pong-v5", "Pendulum", ""):
        assert family_of(other) is None and preset_for(other) == ""


@pytest.mark.long
@pytest.mark.long
@pytest.mark.parametrize("agent", ["ppo", "a2c", "reinforce", "sac", "td3"])
def test_continuous_control_opens_with_what_is_usual_for_the_agent(
    agent: str, tmp_path: Path
) -> None:
    """Unless the environment has a preset of its own, or another is asked for."""
    needs("Box2D")

    def config(source: str, **options: Any) -> dict[str, Any]:
        run = rockfall.train(
            agent,
            source,
            steps=16,
            source_options={"evaluation_episodes": 1, "evaluation_steps": 5},
            out=tmp_path,
            listeners=[],
            **options,
        )
        return run.record.config

    walker = config("BipedalWalker-v3")
    assert walker["normalize_observations"] == walker["normalize_rewards"]
    assert walker["normalize_observations"] == (agent not in ("sac", "td3"))
    assert walker.get("learning_starts", 10_000) == 10_000
    assert walker == {**walker, "gamma": 0.99, "steps": 16}
    assert config("BipedalWalker-v3", lr=0.5)["lr"] == 0.5
    if agent != "a2c":
        assert config("Pendulum-v1")["lr"] == 1e-3  # its own
    else:
        assert config("Pendulum-v1") == walker


@pytest.mark.long
def test_atari_is_preprocessed_and_measured_by_its_own_score(tmp_path: Path) -> None:
    needs("ale_py")
    needs("cv2")
    source = opened("ALE/Breakout-v5")
    assert source.info.shape == (4, 84, 84) and source.info.dtype == "uint8"
    assert source.episodes == 10 and source.evaluation_steps == 27_000
    env = source.make().unwrapped
    assert env._frameskip == 1  # type: ignore[attr-defined]
    assert env.ale.getFloat("repeat_action_probability") == 0.25  # type: ignore[attr-defined]
    assert "ClipReward" not in str(source.make())
    assert "ClipReward" in str(source.batch(1, seed=0).native[0])
    assert "ClipReward" not in str(source.for_evaluation().batch(1, seed=0).native[0])


@pytest.mark.long
def test_a_choice_of_ones_own_is_kept() -> None:
    needs("ale_py")
    needs("cv2")
    raw = opened("ALE/Pong-v5", wrappers="", training_wrappers="", evaluation_episodes=3)
    assert raw.info.shape == (210, 160, 3) and raw.episodes == 3
    assert raw.make().unwrapped._frameskip == 4  # type: ignore[attr-defined]
    small = opened("ALE/Pong-v5", wrappers="AtariPreprocessing(screen_size=42)")
    assert small.info.shape == (42, 42)
    assert small.make().unwrapped._frameskip == 1  # type: ignore[attr-defined]


@pytest.mark.long
def test_minigrid_is_seen_without_its_mission() -> None:
    needs("minigrid")
    source = opened("MiniGrid-Empty-5x5-v0")
    assert source.info.kinds == ("environment", "discrete-actions")
    assert source.info.shape == (7 * 7 * 3 + 4,)
    played = play_episodes(source, lambda batch: source.baseline("random", batch), 5)
    assert not played.cut.any()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "module"),
    [("MiniGrid-Empty-5x5-v0", "minigrid"), ("MinAtar/Breakout-v1", "minatar")],
)
def test_a_run_has_what_was_chosen_when_it_is_opened_again(
    name: str, module: str, tmp_path: Path
) -> None:
    """And trains, is measured, and resumes."""
    needs(module)
    run = rockfall.train(
        "pqn",
        name,
        source_options={"evaluation_episodes": 3},
        config={"steps": 256, "envs": 4, "rollout_steps": 16, "hidden": (8,)},
        out=tmp_path,
        listeners=[],
    )
    assert run.result is not None
    recorded = json.loads((run.directory.path / "run.json").read_text())["source_options"]
    family = family_of(name)
    assert family is not None
    assert recorded == {"evaluation_episodes": 3, **family.options}
    again = run.record.open_source()
    assert again.info == rockfall.SourceInfo.from_json(run.record.info)
    assert rockfall.evaluate(run)["score"] == run.result["figures"]["score"]


def test_what_others_reached_is_told_beside_the_score() -> None:
    acts = importlib.import_module("rockfall_capabilities.acts.evaluation")

    class Still:
        def act(self, observations: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(observations)).long()

    source = opened("CartPole-v1")
    found = acts.evaluate(Still(), source, limit=4)
    assert found["score"]["published"] == {"solved": 475, **ZOO["CartPole-v1"]}
    assert "  published: solved 475 · zoo a2c 500 · zoo dqn 500 · zoo ppo 500" in (
        measurement_lines(found)
    )
    source.published = {"human": 14.6, "random, published": -20.7}
    score = acts.evaluate(Still(), source, limit=4)["score"]
    assert score["human_normalised"] == pytest.approx(100 * (score["value"] + 20.7) / 35.3)
    assert (
        f"{score['human_normalised']:.3g} % human-normalised" in measurement_lines({"s": score})[0]
    )
    source.published = {}
    assert "published" not in acts.evaluate(Still(), source, limit=4)["score"]


@pytest.mark.long
def test_an_unknown_id_of_a_family_is_refused_as_any() -> None:
    for name in ("ALE/NoSuchGame-v5", "MiniGrid-NoSuch-v0", "MinAtar/NoSuch-v1"):
        with pytest.raises(UnknownName, match=r"no such id|pip install"):
            opened(name)


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", "ppo", "dqn"])
def test_the_score_of_a_training_is_the_environments_own(agent: str, tmp_path: Path) -> None:
    """As that of an evaluation, whatever is learned from."""
    runs = [
        rockfall.train(
            agent,
            "CartPole-v1",
            preset="tiny",
            source_options={"evaluation_episodes": 2, **wrappers},
            out=tmp_path,
            listeners=[],
        )
        for wrappers in ({}, {"training_wrappers": "ClipReward(-0.01,0.01)"})
    ]
    own, clipped = ([m["score"] for m in run.metrics if "score" in m] for run in runs)
    assert min(own) >= 8 and min(clipped) >= 8  # the pole does not fall sooner
    lengths = [m["episode_length"] for m in runs[1].metrics if "episode_length" in m]
    assert clipped == pytest.approx(lengths, rel=1e-5)


@pytest.mark.long
def test_a_run_is_measured_with_other_options_than_it_was(tmp_path: Path) -> None:
    run = rockfall.train(
        "pqn",
        "CartPole-v1",
        preset="tiny",
        source_options={"evaluation_episodes": 2},
        out=tmp_path,
        listeners=[],
    )
    options = {"evaluation_episodes": 3, "evaluation_steps": 5}
    score = rockfall.evaluate(run, source_options=options)["score"]
    assert (score["count"], score["value"]) == (3, 5)
    assert score["note"] == ("3 of 3 episodes were cut off after 5 steps (source.evaluation_steps)")
    words = [f"source.{key}={value}" for key, value in options.items()]
    said = CliRunner().invoke(command_line, ["evaluate", str(run.directory.path), *words, "--json"])
    assert json.loads(said.stdout)["figures"]["score"] == score
    for wrong in (["steps=3"], ["source.evaluation_steps=0"], ["source.no_such_option=1"]):
        refused = CliRunner().invoke(command_line, ["evaluate", str(run.directory.path), *wrong])
        assert isinstance(refused.exception, UsageError), wrong


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("MinAtar/SpaceInvaders-v1", "minatar"),
        ("MiniGrid-Dynamic-Obstacles-5x5-v0", "minigrid"),
        ("LunarLander-v3", "Box2D"),
        ("BipedalWalker-v3", "Box2D"),
        pytest.param("ALE/Boxing-v5", "ale_py", marks=pytest.mark.slow),
    ],
)
def test_environments_of_packages_are_resumed_exactly(name: str, module: str) -> None:
    needs(module)
    check_batch(opened(name, max_episode_steps=60), "plain")
