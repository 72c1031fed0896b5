"""What the kit asks of a model's `Config` and presets."""

from __future__ import annotations

import json
from typing import Any

from rockfall.config import Config, split_preset, to_text
from rockfall.errors import ConfigError


def check_config(kind: Any, model: str) -> None:
    """Every setting is described, bounded by a type, and can be typed; every preset fits."""
    config = getattr(kind, "Config", None)
    assert isinstance(config, type), "it has no Config class"
    assert issubclass(config, Config), "its Config must be a subclass of rockfall.Config"
    for setting in config.described():
        assert setting.why.strip(), f"setting {setting.name} has no description"
    _check_values(config, model, {}, "the defaults")
    try:
        config.build(model, {"no_such_setting": 1})
    except ConfigError:
        pass
    else:
        raise AssertionError('its Config takes unknown settings: keep `extra="forbid"`')
    presets = getattr(kind, "presets", {})
    for name, values in presets.items():
        _check_values(config, model, split_preset(values)[0], f"preset {name}")
    assert "tiny" in presets, "it has no preset `tiny`, with which it trains in a second or two"


def _check_values(config: type[Config], model: str, values: dict[str, Any], what: str) -> None:
    try:
        built = config.build(model, values)
    except ConfigError as error:
        raise AssertionError(f"{what} don't fit: {'; '.join(error.problems)}") from None
    saved = json.loads(json.dumps(built.model_dump(mode="json")))
    assert config(**saved) == built, f"{what} are not the same after a trip through JSON"
    typed = {name: to_text(getattr(built, name)) for name in config.model_fields}
    assert config.build(model, typed) == built, f"{what} can't be typed as key=value"
