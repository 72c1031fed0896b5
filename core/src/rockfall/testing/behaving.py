"""What the kit asks of a trained model's capabilities."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Generic, Protocol

from rockfall.capabilities import capabilities_of
from rockfall.catalogue import Entry
from rockfall.kit.modules import eval_mode
from rockfall.kit.randomness import fork_rng
from rockfall.registry import registry
from rockfall.sources.source import Source
from rockfall.specs import ModelSpec, load_target


class Recorder:
    """Stands in for a model and keeps what each of its methods gave."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.given: list[tuple[str, Any]] = []

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The model's: since Python 3.12, a protocol looks for methods in the class alone."""
        return type(self._model)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._model, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            result = attribute(*args, **kwargs)
            if isinstance(result, Iterator):
                return self._keeping(name, result)
            self.given.append((name, result))
            return result

        return call

    def _keeping(self, name: str, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self.given.append((name, item))
            yield item


def behaviour(model: Any, spec: ModelSpec, source: Source) -> list[tuple[str, Any]]:
    """Check each capability that the spec names; returns all that the model gave meanwhile."""
    recorder = Recorder(model)
    for capability in capabilities_of(spec):
        name, protocol = capability.name, capability.load()
        missing = [m for m in _members(protocol) if not hasattr(model, m)]
        assert not missing, f"the spec says that it {name}, but it has no {', '.join(missing)}"
        assert _fulfils(model, protocol), f"the spec says that it {name}, and it does not"
        if capability.check:
            with fork_rng(seed=0), eval_mode(model):
                try:
                    load_target(capability.check)(recorder, source)
                except AssertionError as error:
                    raise AssertionError(f"it {name}, but: {error}") from error
    return recorder.given


def check_named(model: Any, entry: Entry[ModelSpec]) -> None:
    """What the model can do is in its spec, since the verbs and `rockfall list` go by that.

    Only capabilities of the model's own distribution, and of those whose capabilities it names, are
    looked at: a stranger's protocol may happen to use the same method name for something else.
    """
    named = capabilities_of(entry.spec)
    owners = {other.owner for other in registry().capabilities if other.spec in named}
    for other in registry().capabilities:
        if other.owner in {entry.owner, *owners} and other.spec not in named:
            can = _fulfils(model, other.spec.load())
            assert not can, f"it {other.spec.name}, but the spec's capabilities don't say so"


def _fulfils(model: Any, protocol: Any) -> bool:
    """Whether the model has all that the protocol names.

    As `isinstance` says up to Python 3.11; later ones don't find a submodule, which is no attribute
    of the module's own but does for a method.
    """
    return all(getattr(model, name, None) is not None for name in _members(protocol))


def _members(protocol: Any) -> list[str]:
    named = [
        name
        for base in protocol.__mro__
        if base not in (object, Protocol, Generic)
        for name in (*vars(base), *inspect.get_annotations(base))
    ]
    return [name for name in dict.fromkeys(named) if not name.startswith("_")]
