"""Evaluation while training: it is due when it should be, changes nothing, and chooses `best`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rockfall
from rockfall.kit import checkpoint
from rockfall.kit.environments import ModelPolicy, play_episodes
from rockfall_agents.evaluating import SALT, Evaluations
from tests.agents.sb3_runs import AGENTS, CONTINUOUS


def train(agent: str, out: Path, **settings: Any) -> rockfall.Run:
    source = "Pendulum-v1" if agent in CONTINUOUS else "CartPole-v1"
    settings = {"steps": 1_280, **settings}
    few = {"evaluation_episodes": 2}
    return rockfall.train(
        agent, source, preset="tiny", source_options=few, out=out, listeners=[], **settings
    )


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", *AGENTS, *CONTINUOUS])
def test_it_changes_nothing_and_chooses_the_best(agent: str, tmp_path: Path) -> None:
    plain = train(agent, tmp_path)
    looking = train(agent, tmp_path, evaluate_every=300, evaluate_episodes=2)
    without = [
        {name: value for name, value in line.items() if name != "evaluation_score"}
        for line in looking.metrics
    ]
    for line in (*without, *(lines := plain.metrics)):
        line.pop("seconds")
    assert without == lines
    after = looking.model.state_dict()
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(after[name], tensor), name
    assert not plain.directory.has_checkpoint("best")
    found = [line for line in looking.metrics if "evaluation_score" in line]
    steps = [line["environment_steps"] for line in looking.metrics]
    due = [now for now, then in zip(steps, [0, *steps], strict=False) if now // 300 > then // 300]
    assert [line["environment_steps"] for line in found] == due and len(due) >= 2
    best = max(found, key=lambda line: line["evaluation_score"])
    assert checkpoint.read(looking.directory.checkpoint("best"))["step"] == best["step"] + 1


@pytest.mark.long
@pytest.mark.parametrize("agent", ["pqn", "reinforce", "a2c", "dqn"])
@pytest.mark.parametrize("best", [0, 1, 2])
def test_it_may_end_with_the_weights_that_evaluated_best(
    agent: str, best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever evaluation that was, the last one too."""
    scores = iter([float(evaluation == best) for evaluation in range(3)])
    weights = []

    def metrics(evaluations: Evaluations) -> dict[str, float]:
        run = evaluations.run
        if run.environment_steps < 400 * (len(weights) + 1) or len(weights) == 3:
            return {}
        weights.append({k: v.clone() for k, v in run.model.state_dict().items()})
        return {"evaluation_score": next(scores)}

    monkeypatch.setattr(Evaluations, "metrics", metrics)
    run = train(agent, tmp_path, evaluate_every=400, keep_best=True)
    assert len(weights) == 3
    after = run.model.state_dict()
    for name, tensor in weights[best].items():
        assert torch.equal(after[name], tensor), name
    opened: Any = rockfall.open_run(run.directory.path).model
    for name, tensor in opened.state_dict().items():
        assert torch.equal(after[name], tensor), name


def test_to_keep_the_best_needs_evaluations_and_takes_the_last_if_none_was_due(
    tmp_path: Path,
) -> None:
    with pytest.raises(rockfall.RockfallError, match="keep_best needs evaluations"):
        train("pqn", tmp_path, keep_best=True)
    train("pqn", tmp_path, keep_best=True, evaluate_every=10_000)


def test_its_episodes_are_its_own_and_always_the_same(tmp_path: Path) -> None:
    run = train("pqn", tmp_path, evaluate_every=1, evaluate_episodes=4)
    source: Any = rockfall.open_source("CartPole-v1")
    evaluations = Evaluations(run.model, source, run, 128)
    torch.manual_seed(0)
    first = evaluations.metrics()
    torch.manual_seed(1)
    assert evaluations.metrics() == first
    played = [
        play_episodes(source, lambda _: ModelPolicy(run.model), 4, seed=run.seed, salt=salt)
        for salt in (0, SALT)
    ]
    assert first == {"evaluation_score": played[1].returns.mean().item()}
    assert run.metrics[-1]["evaluation_score"] == first["evaluation_score"]
    measured, own = (source.for_evaluation(salt).batch(4, seed=run.seed) for salt in (0, SALT))
    training = source.batch(4, seed=run.seed)
    for other in (measured, training):
        assert not torch.isin(own.observation, other.observation).any()
