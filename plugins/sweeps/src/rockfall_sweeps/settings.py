"""From what somebody typed to what a sweep is asked: every mistake is found here, before a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rockfall import UsageError
from rockfall.plugin import registry
from rockfall_sweeps.request import PRUNERS, SAMPLERS, Request
from rockfall_sweeps.space import Space, check_space, default_space, is_searched, read_space

LOWER = ("loss", "distance", "error", "mse", "perplexity", "energy")
"""Words in the name of a metric whose lowest value is best, where nobody says."""
OPTION = "source."


def make_request(
    model: str,
    source: str | None,
    texts: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    metric: str | None = None,
    **how: Any,
) -> tuple[Request, Space]:
    """texts: settings as typed, of which those that are searched become the space; without any, the
    space is the model's own. options: of the source. how: other fields of the request.

    Raises UsageError or ConfigError if it can't be met.
    """
    entry = registry().models.find(model)
    kind, spec = entry.spec.load(), entry.spec
    known = registry().source(source or spec.default_source)
    name = known.spec.name if known else str(source)
    searched = {key: text for key, text in texts.items() if is_searched(kind.Config, key, text)}
    settings = {key: text for key, text in texts.items() if key not in searched}
    if not searched:
        own = default_space(kind, name)
        searched = {key: text for key, text in own.items() if key not in settings}
    if not searched:
        raise UsageError(
            f"{model} says nowhere what to look for: give a setting a range or a list, "
            f"key=a..b or key=a,b (`rockfall info {model}`)"
        )
    for word, allowed in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if how.get(word, allowed[0]) not in allowed:
            raise UsageError(f"no {word} named {how[word]}: {', '.join(allowed)}")
    space = read_space(model, kind.Config, searched)
    check_space(model, kind.Config, space, _preset(kind, model, name, how.get("preset")), settings)
    request = Request(
        model=entry.full_name,
        source=source or spec.default_source,
        source_options=dict(options),
        settings=settings,
        space=searched,
        metric=_metric(kind, model, metric),
        **how,
    )
    return request, space


def space_of(request: Request) -> Space:
    """The distributions of a sweep that was asked for before."""
    kind = registry().models.find(request.model).spec.load()
    return read_space(request.model, kind.Config, request.space)


def _preset(kind: Any, model: str, source: str, preset: str | None) -> dict[str, Any]:
    presets: Mapping[str, Mapping[str, Any]] = getattr(kind, "presets", {})
    if preset is not None and preset not in presets:
        raise UsageError(f"{model} has no preset {preset}: {', '.join(presets) or 'it has none'}")
    base = presets.get(source if preset is None else preset, {})
    return {key: value for key, value in base.items() if not key.startswith(OPTION)}


def _metric(kind: Any, model: str, metric: str | None) -> str:
    """With its sign: as given, as the model says, or by its name."""
    names = ("tuned_by", "monitor", "headline")
    own = [str(found) for name in names if isinstance(found := getattr(kind, name, ""), str)]
    own = [each for each in own if each]
    if metric is None:
        if not own:
            raise UsageError(f"{model} does not say what it is judged by: give it as --metric")
        return _signed(own[0])
    if metric.startswith(("-", "+")):
        return metric.removeprefix("+")
    return next((each for each in own if each.removeprefix("-") == metric), _signed(metric))


def _signed(metric: str) -> str:
    if metric.startswith("-") or not any(word in metric.lower() for word in LOWER):
        return metric
    return f"-{metric}"
