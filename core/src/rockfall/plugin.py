"""What a plugin registers with, and asks of what others registered.

    from rockfall.plugin import Register, hookimpl

    rockfall_api = 1

    @hookimpl
    def rockfall_register(register: Register) -> None:
        register.model(name="hello", summary="…", target="rockfall_hello.hello:Hello", …)

A `plugin.py` imports `Register` and `hookimpl` alone, which are light, so that `rockfall --help`
stays quick; the rest is for its other modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rockfall.hooks import API, Register, hookimpl

if TYPE_CHECKING:
    from rockfall.capabilities import has_capability as has_capability
    from rockfall.errors import did_you_mean as did_you_mean
    from rockfall.kit.memory import check_room as check_room
    from rockfall.kit.splits import hold_out as hold_out
    from rockfall.registry import registry as registry
    from rockfall.sources.options import Seed as Seed
    from rockfall.sources.options import open_with as open_with

_HOMES = {
    "Seed": "rockfall.sources.options",
    "check_room": "rockfall.kit.memory",
    "did_you_mean": "rockfall.errors",
    "has_capability": "rockfall.capabilities",
    "hold_out": "rockfall.kit.splits",
    "open_with": "rockfall.sources.options",
    "registry": "rockfall.registry",
}
__all__ = ["API", "Register", "hookimpl", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rockfall.plugin' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
