"""`acts`: chooses actions in an environment. Its figure is the score beside the baselines'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from rockfall.errors import RockfallError
from rockfall.kit.environments.batched import BatchedEnvironment
from rockfall.measurements import Measurements, measurement
from rockfall.sources.environment import Environment, Form, Policy

MOST_ENVS = 4096
LONGEST = 1_000_000
"""Steps after which an episode that does not end is called endless."""


@runtime_checkable
class Acts(Protocol):
    """Plays."""

    def act(self, observations: Tensor, /) -> Tensor:
        """The final policy: observations (N, …) as the environment gives them → actions (N,)."""


def evaluate(
    model: Acts, source: Environment, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """Mean score of whole episodes with fixed seeds, × random, and % of the oracle if there is one.

    limit: number of episodes; by default what the environment's spec says.
    """
    episodes = limit or source.episodes
    device = next((t.device for t in _tensors(model)), torch.device("cpu"))
    scores = play(source, lambda batch: model.act, episodes, seed=seed, device=device)
    baselines = {
        name: play(source, _baseline(source, name, seed), episodes, seed=seed)
        for name in source.baselines
    }
    found = measurement(scores, baselines)
    random, oracle = (found["baselines"].get(name) for name in ("random", "oracle"))
    if random and random["value"] > 0:
        found["times_random"] = found["value"] / random["value"]
    if oracle and oracle["value"] > 0:
        found["percent_of_oracle"] = 100 * found["value"] / oracle["value"]
    return {"score": found}


def play(
    source: Environment,
    policy: Callable[[BatchedEnvironment], Policy],
    episodes: int,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    form: Form | None = None,
) -> Tensor:
    """The scores (episodes,) of a policy. The same seed gives every policy the same games.

    Each environment plays the same number of episodes, so that short ones don't count more.
    """
    num_envs = min(episodes, MOST_ENVS)
    batch = source.batch(num_envs, device=device, seed=seed, form=form)
    choose = policy(batch)
    rounds = -(-episodes // num_envs)
    scores = torch.zeros(rounds, num_envs, device=batch.observation.device)
    score = torch.zeros(num_envs, device=batch.observation.device)
    played = torch.zeros(num_envs, dtype=torch.long, device=score.device)
    everyone = torch.arange(num_envs, device=score.device)
    try:
        for _ in range(LONGEST):
            step = batch.step(choose(batch.observation).to(score.device))
            score += step.reward
            over = (step.terminated | step.truncated) & (played < rounds)
            if over.any():
                scores[played[over], everyone[over]] = score[over]
                played += over
                if (played == rounds).all():
                    return scores.flatten()[:episodes].cpu()
            score[step.terminated | step.truncated] = 0
    finally:
        batch.close()
    raise RockfallError(f"{source.info.name}: an episode did not end within {LONGEST:,} steps")


def check(model: Acts, source: Environment) -> None:
    """Actions are whole numbers in range, one an observation, and the same for the same input."""
    batch = source.batch(5, seed=0)
    seen = batch.observation.clone()
    batch.close()
    actions = model.act(seen)
    assert actions.shape == (5,), f"act gave shape {tuple(actions.shape)} for 5 observations"
    assert not actions.is_floating_point(), "act must give whole numbers"
    assert source.info.actions is not None
    assert ((actions >= 0) & (actions < source.info.actions)).all(), "act gave an unknown action"
    assert torch.equal(actions, model.act(seen)), "the final policy must be deterministic"
    assert torch.equal(actions[:2], model.act(seen[:2])), "an action depends on its batch"


def _baseline(source: Environment, name: str, seed: int) -> Callable[[BatchedEnvironment], Policy]:
    return lambda batch: source.baseline(name, batch, seed)


def _tensors(model: Any) -> Any:
    return model.parameters() if isinstance(model, torch.nn.Module) else iter(())
