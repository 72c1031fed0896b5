"""stable-baselines3 inside our run: killed anywhere and resumed, it is the same to the bit."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rockfall
from rockfall.building import build_model
from rockfall.kit import checkpoint, nest
from rockfall.run.directory import RunDirectory
from rockfall.run.run import Run
from rockfall_agents.sb3 import CHANGING
from tests.agents.sb3_runs import AGENTS, CONTINUOUS, fit, record_for, start

CASES = [
    *itertools.product(AGENTS, ("CartPole-v1", "falling-rocks-8x8")),
    *itertools.product(CONTINUOUS, ("Pendulum-v1",)),
]
# Iterations of `tiny`. dqn begins to learn after the second and its replay buffer is full after the
# eighth; on falling rocks an episode takes dqn four iterations, a2c eight and ppo one.
STOPS = {
    "dqn": (0, 1, 6, 11),
    "ppo": (0, 1, 3),
    "a2c": (0, 1, 6),
    # They begin to learn after the fourth, and their replay buffers are full after the thirteenth.
    "sac": (0, 1, 6, 15),
    "td3": (0, 1, 6, 15),
}


def outcome(directory: RunDirectory) -> tuple[list[Any], str, dict[str, torch.Tensor]]:
    """Metrics, plain values and tensors that the run left, but for what the clock says."""
    lines = [json.loads(line) for line in directory.metrics_file.read_text().splitlines()]
    saved = checkpoint.read(directory.checkpoint("last"))
    for timed in (saved, *lines):
        timed.pop("seconds")
    saved.pop("metrics_size")
    tensors: dict[str, torch.Tensor] = {}
    return lines, json.dumps(nest.flatten(saved, tensors)), tensors


@pytest.mark.long
@pytest.mark.parametrize(("agent", "source"), CASES)
def test_killed_and_resumed_it_is_the_same_to_the_bit(
    agent: str, source: str, tmp_path: Path
) -> None:
    options = {"max_episode_steps": 50} if source == "Pendulum-v1" else {}
    record = record_for(agent, source, options)
    straight, killed = start(tmp_path, record), start(tmp_path, record)
    fit(straight)
    for stop in STOPS[agent]:
        run = fit(killed, stop)
        assert run.step == stop, "it has fewer iterations than the test stops at"
    fit(killed)
    lines, values, tensors = outcome(straight)
    resumed_lines, resumed_values, resumed_tensors = outcome(killed)
    assert resumed_lines == lines
    assert resumed_values == values
    assert resumed_tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(resumed_tensors[name], tensor), name
    assert {file.name for file in killed.checkpoint("last").parent.iterdir()} == {
        "last.safetensors"
    }


@pytest.mark.long
@pytest.mark.parametrize("agent", [*AGENTS, *CONTINUOUS])
def test_an_algorithm_changes_nothing_that_is_not_kept(agent: str, tmp_path: Path) -> None:
    """SB3 may come to count something new: then `CHANGING` must grow."""
    source_id = "Pendulum-v1" if agent in CONTINUOUS else "CartPole-v1"
    record = record_for(agent, source_id)
    model = build_model(record)
    run = Run(start(tmp_path, record), record, model)
    source = rockfall.open_source(source_id)
    attributes: list[dict[str, str]] = []
    learner = model.learner

    @contextlib.contextmanager
    def watched(*arguments: Any, **settings: Any) -> Any:
        with learner(*arguments, **settings) as (algorithm, collect_rollouts):
            attributes.append(attributes_as_text(algorithm))
            yield algorithm, collect_rollouts
            attributes.append(attributes_as_text(algorithm))

    model.learner = watched
    model.fit(source, run)
    before, after = attributes
    changed = {name for name in after if before.get(name) != after[name]}
    set_before_use = {"_last_original_obs", "ent_coef"}
    assert changed - set_before_use <= set(CHANGING)
    assert {"num_timesteps", "_last_obs", "_n_updates"} <= changed


def attributes_as_text(algorithm: Any) -> dict[str, str]:
    """Every attribute but the objects that are kept by themselves, as text to compare."""
    objects = ("policy", "q_net", "env", "_logger", "replay_buffer", "rollout_buffer", "ep_info")
    objects += ("log_ent_coef", "ent_coef_optimizer")
    return {
        name: np.array2string(value, threshold=10**6)
        if isinstance(value, np.ndarray)
        else repr(value)
        for name, value in vars(algorithm).items()
        if not name.startswith(objects)
    }
