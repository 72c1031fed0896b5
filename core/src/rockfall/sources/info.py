"""The description of a source that a model is built from: plain data, kept in `run.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """Enough to build a model again, and to sample or play, without the source's data.

    name: what `open_source` finds it by again.
    kinds: what it can serve as, such as `"labelled-pictures"` or `"discrete-actions"`.
    shape: of one input: (C, H, W) of a picture, (D,) of a vector, an observation's own shape.
    dtype: NumPy name of the inputs' type as the model receives them.
    low, high: bounds of an input's values; None where there are none.
    classes: names of the classes, in label order.
    actions: number of discrete actions.
    observation_space, action_space: an environment's own, as `rockfall.kit.environments.space_data`
        writes them; None of other sources, and in the runs of versions that did not keep them.
    sizes: number of examples in each split.
    statistics: figures of the training split, such as `mean` and `std` a channel.
    preparation: how a picture becomes an input, of `rockfall.kit.preparation`; None where inputs
        are no pictures, and in the runs of versions that did not keep it.
    digests: of the training examples, as `rockfall.kit.digests` writes them, where these may come
        and go: none of them is to be measured on.
    """

    name: str
    kinds: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()
    actions: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    preparation: Mapping[str, Any] | None = None
    digests: str | None = None
    observation_space: Mapping[str, Any] | None = None
    action_space: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_json` after a trip through JSON; unknown fields are ignored."""
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        for name in ("kinds", "shape", "classes"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)
