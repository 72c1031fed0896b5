"""`check_environment`: what every registered environment has to be."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.utils.env_checker import check_env

from rockfall.errors import UsageError
from rockfall.kit.environments import Form, episode_returns
from rockfall.kit.measurements import mean_and_error
from rockfall.registry import registry
from rockfall.sources.environment import Environment
from rockfall.specs import EnvironmentSpec
from rockfall.testing.batches import check_batch
from rockfall.testing.complaints import about, undisturbed
from rockfall.testing.describing import check_described, check_options

EPISODES = 64
FORMS: tuple[Form, ...] = ("plain", "vector", "tensor")


def check_environment(name: str) -> None:
    """Check one registered environment, in every form that it has.

    Raises AssertionError unless: Gymnasium's own checker passes, and its frames are frames; it is
    what its spec says; its baselines play, and play the same again; each batched form keeps the
    contract of `rockfall.kit.environments.batched` and goes on bit for bit from a state taken in
    mid-episode; random play scores alike in all forms; and it refuses an unknown option clearly.
    """
    entry = registry().environments.find(name)
    with about(f"environment {entry.full_name}"), undisturbed():
        entry.spec.load()
        _check_gymnasium(entry.spec)
        source = Environment(entry.spec.gymnasium_id, spec=entry.spec)
        check_described(entry.spec, source.info)
        _check_rendering(source)
        forms = [form for form in FORMS if _offers(source, form)]
        for form in forms:
            with about(f"its {form} form"):
                check_batch(source, form)
        _check_scores_agree(source, forms)
        for baseline in entry.spec.baselines:
            with about(f"baseline {baseline}"):
                _check_baseline(source, baseline)
        check_options(entry)


def _check_gymnasium(spec: EnvironmentSpec) -> None:
    assert spec.gymnasium_id in gymnasium.registry, (
        f"importing {spec.target.partition(':')[0]} does not register {spec.gymnasium_id}"
    )
    env = gymnasium.make(spec.gymnasium_id, disable_env_checker=True)
    with about("gymnasium's check_env"):
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


def _check_rendering(source: Environment) -> None:
    """All but `human`, which may need a display and a package that is not here."""
    env = source.make()
    modes = {*env.metadata.get("render_modes", ())} & {"rgb_array", "ansi"}
    env.close()
    for mode in sorted(modes):
        env = source.make(mode)
        env.reset(seed=0)
        frame: Any = env.render()
        env.close()
        if mode == "ansi":
            assert isinstance(frame, str), f"render mode ansi gives a {type(frame).__name__}"
        else:
            assert isinstance(frame, np.ndarray), "render mode rgb_array gives no array"
            assert frame.dtype == np.uint8, f"render mode rgb_array gives {frame.dtype}, not uint8"
            assert frame.shape[2:] == (3,), f"render mode rgb_array gives shape {frame.shape}"


def _offers(source: Environment, form: Form) -> bool:
    try:
        source.batch(1, seed=0, form=form).close()
    except UsageError:
        return False
    return True


def _check_scores_agree(source: Environment, forms: list[Form]) -> None:
    figures = {form: mean_and_error(_random_scores(source, form)) for form in forms}
    plain = figures.pop("plain")
    for form, theirs in figures.items():
        # Six standard errors: by chance once in some hundred million times.
        apart = abs(theirs["value"] - plain["value"])
        assert apart <= 6 * (theirs["error"] + plain["error"]) + 1e-6, (
            f"random play scores {plain['value']:.3g} in the plain form and "
            f"{theirs['value']:.3g} in the {form} form"
        )


def _random_scores(source: Environment, form: Form) -> torch.Tensor:
    return episode_returns(
        source, lambda batch: source.baseline("random", batch), EPISODES, form=form
    )


def _check_baseline(source: Environment, name: str) -> None:
    first, second = (
        episode_returns(source, lambda batch: source.baseline(name, batch), EPISODES)
        for _ in range(2)
    )
    assert torch.isfinite(first).all(), "its scores are not finite"
    assert torch.equal(first, second), "with the same seed, it scored differently"
