"""The options of every environment, beside the environment's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator

from rockfall.config import Config
from rockfall.errors import UsageError
from rockfall.kit.environments.wrappers import read_wrappers


class EnvironmentOptions(Config):
    """What Gymnasium does not hand to the environment itself."""

    wrappers: str = Field(
        "",
        description="around the environment, the innermost first: names of gymnasium.wrappers with "
        "arguments, such as FrameStackObservation(4), or module:Name of another package",
    )
    training_wrappers: str = Field(
        "",
        description="around those in training alone, such as ClipReward(-1, 1), so that what is "
        "measured is the environment's own score",
    )
    workers: int = Field(
        1,
        ge=1,
        le=512,
        description="processes that step the environments of a batch at once, which pays where a "
        "step takes a millisecond or more; they change no figure",
    )
    evaluation_episodes: int | None = Field(
        None, ge=1, description="how many an evaluation plays; by default what suits it, mostly 100"
    )
    evaluation_steps: int | None = Field(
        None,
        ge=1,
        description="steps after which an evaluation cuts an episode off; by default the "
        "environment's own limit, or 10,000 where it states none, for some never end",
    )

    @field_validator("wrappers", "training_wrappers", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str:
        return ",".join(each.text for each in read_wrappers(value))

    @classmethod
    def split(cls, name: str, options: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """These, of all options of the environment `name`, and the rest. Raises UsageError."""
        general = {key: value for key, value in options.items() if key in cls.model_fields}
        rest = {key: value for key, value in options.items() if key not in general}
        if "render_mode" in rest:
            raise UsageError(
                f"{name}: render_mode is not an option: `rockfall play` draws, nothing else does"
            )
        return cls.build(name, general), rest
