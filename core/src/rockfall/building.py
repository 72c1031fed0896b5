"""Models and their settings, built of what is asked for or of what a run's record says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from rockfall.config import Config, split_preset
from rockfall.errors import (
    PluginError,
    RockfallError,
    UsageError,
    did_you_mean,
    is_out_of_memory,
)
from rockfall.kit.blame import code_of, explained
from rockfall.kit.randomness import seed_everything
from rockfall.model import Model
from rockfall.registry import registry
from rockfall.run.directory import Record
from rockfall.sources.info import SourceInfo


def build_config(
    kind: Any, model: str, source: str, preset: str | None, values: Mapping[str, Any]
) -> Config:
    """Defaults, then the given preset or the one named like the source, then `values`."""
    if not hasattr(kind, "Config"):
        raise PluginError(f"{model} has no Config, which every model has: {kind!r:.60}")
    presets: dict[str, dict[str, Any]] = getattr(kind, "presets", {})
    if preset is not None and preset not in presets:
        hint = did_you_mean(preset, presets) or f": {', '.join(presets) or 'it has none'}"
        raise UsageError(f"{model} has no preset {preset}{hint}")
    base = presets.get(source if preset is None else preset, {})
    with code_of(f"the Config of {model}"):
        built: Config = kind.Config.build(model, split_preset(base)[0], values)
    return built


def build_model(record: Record, config: Config | None = None) -> Model:
    """The model of a record, on its device, initialised from its seed.

    config: its settings, where they have been validated already.
    """
    name = record.model_name
    spec = registry().models.find(record.model).spec
    kind = spec.load()
    refusal = RockfallError(f"{name} can't be built of what run.json says")
    refused = refusal if config is None else None
    config = config or build_config(kind, name, "", None, record.config)
    with of_a_file(refused), code_of(spec.whose):
        try:
            seed_everything(record.seed)
            built = kind(config, SourceInfo.from_json(record.info))
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    for needed in ("fit", "state_dict", "load_state_dict"):
        if not callable(getattr(built, needed, None)):
            raise PluginError(f"{spec.whose} has no {needed}(), which every model has")
    if isinstance(built, torch.nn.Module):
        built.to(record.device)
    model: Model = built
    return model


@contextlib.contextmanager
def of_a_file(refusal: RockfallError | None) -> Iterator[None]:
    """Inside, code gets what a file says, which may make it fail anyhow: that is refused in one
    line, `refusal` with the reason. None: it is not of a file, and errors stay what they are.
    """
    try:
        yield
    except Exception as error:
        if refusal is None or isinstance(error, RockfallError) or is_out_of_memory(error):
            raise
        raise type(refusal)(f"{refusal}: {explained(error)}") from error
