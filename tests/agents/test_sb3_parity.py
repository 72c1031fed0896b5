"""Our agents learn to the bit what stable-baselines3 learns as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

import rockfall
from rockfall.building import build_model
from rockfall.kit.environments import EpisodeReplay
from rockfall.kit.optimizers import Adam
from rockfall.kit.randomness import seed_everything
from rockfall.run.run import Run
from tests.agents.sb3_itself import itself
from tests.agents.sb3_runs import record_for, start

SEED = 5
STEPS = 3_000
Source = tuple[str, dict[str, Any]]
POLE: Source = ("CartPole-v1", {})
PENDULUM: Source = ("Pendulum-v1", {"max_episode_steps": 50})
"""Episodes that end at different times, mostly by falling; and that are all cut short."""
CASES = [
    *((agent, *POLE) for agent in ("dqn", "ppo", "a2c")),
    *((agent, *PENDULUM) for agent in ("ppo", "a2c", "sac", "td3")),
]


class Curve(BaseCallback):
    """Anneals the entropy bonus as our agents do, and notes the mean return of the last hundred
    episodes after every rollout.
    """

    def __init__(self, entropy: float | None) -> None:
        super().__init__()
        self.entropy = entropy
        self.scores: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        algorithm: Any = self.model
        if episodes := algorithm.ep_info_buffer:
            self.scores.append(sum(episode["r"] for episode in episodes) / len(episodes))
        if self.entropy is not None:
            rollout = algorithm.n_steps * algorithm.n_envs
            done = (algorithm.num_timesteps - rollout) / algorithm._total_timesteps
            algorithm.ent_coef = self.entropy * (1 - done)


def learned_by_theirs(
    agent: str, source: str, options: dict[str, Any], model: Any, steps: int
) -> tuple[Any, Curve]:
    """The policy after `learn`, in environments whose episodes are seeded as ours are."""

    def env(index: int) -> gymnasium.Env[Any, Any]:
        return EpisodeReplay(gymnasium.make(source, **options), seed=SEED, index=index)

    algorithm = itself(agent, model, env, optimizer_class=Adam, fused=True)
    algorithm.action_space.seed(SEED)
    curve = Curve(getattr(model.config, "entropy", None))
    seed_everything(SEED)
    algorithm.learn(steps, callback=curve)
    assert algorithm.num_timesteps == steps, "it takes whole rollouts, and so do ours"
    return algorithm.policy, curve


@pytest.mark.long
@pytest.mark.parametrize(("agent", "source", "options"), CASES)
def test_it_learns_what_stable_baselines3_learns(
    agent: str, source: str, options: dict[str, Any], tmp_path: Path
) -> None:
    record = record_for(agent, source, options, steps=STEPS)
    config = record.config
    a_turn = config["envs"] * config.get("rollout_steps", config.get("train_freq", 1))
    steps = -(-STEPS // a_turn) * a_turn
    model: Any = build_model(record)
    theirs, curve = learned_by_theirs(agent, source, options, model, steps)
    begun = {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}
    run = Run(start(tmp_path, record), record, model)
    seed_everything(SEED)
    model.fit(rockfall.open_source(source, options), run)
    ours = model.policy.state_dict()
    assert any(not torch.equal(ours[name], begun[name]) for name in ours)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours[name], tensor), name
    scores = [line["score"] for line in run.metrics if "score" in line]
    assert len(scores) > 2
    assert scores == pytest.approx(curve.scores, rel=1e-5)
