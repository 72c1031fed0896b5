"""The score of a policy, beside those of the environment's baselines."""

from __future__ import annotations

from collections.abc import Callable

from rockfall import Environment, Measurements, measurement
from rockfall.kit.environments import BatchedEnvironment, ModelPolicy, Policy, play_episodes
from rockfall_capabilities.acts.protocol import Acts


def evaluate(
    model: Acts, source: Environment, *, seed: int = 0, limit: int | None = None
) -> Measurements:
    """`score`: mean return of whole episodes with fixed seeds, others than those of training, which
    are cut off, and then marked, after `source.evaluation_steps`. With baselines above 0, also how
    many times random play's and what percentage of the oracle's it is.

    limit: number of episodes; by default what the environment's spec says.
    """
    episodes = limit or source.episodes
    played = play_episodes(
        source, lambda _: ModelPolicy(model), episodes, seed=seed, device=source.device
    )
    baselines = {
        name: play_episodes(
            source if name == "random" else source.in_one_process(),
            _baseline(source, name, seed),
            episodes,
            seed=seed,
        ).returns
        for name in source.baselines
    }
    score = measurement(played.returns, baselines)
    if cut := int(played.cut.sum()):
        score["note"] = (
            f"{cut:,} of {len(played.cut):,} episodes were cut off after "
            f"{source.evaluation_steps:,} steps (source.evaluation_steps)"
        )
    if source.published:
        score["published"] = dict(source.published)
    human, base = (source.published.get(who) for who in ("human", "random, published"))
    if human is not None and base is not None:
        score["human_normalised"] = 100 * (score["value"] - base) / (human - base)
    random, oracle = (score["baselines"].get(name) for name in ("random", "oracle"))
    if random and random["value"] > 0:
        score["times_random"] = score["value"] / random["value"]
    if oracle and oracle["value"] > 0:
        score["percent_of_oracle"] = 100 * score["value"] / oracle["value"]
    return {"score": score}


def _baseline(source: Environment, name: str, seed: int) -> Callable[[BatchedEnvironment], Policy]:
    return lambda batch: source.baseline(name, batch, seed)
