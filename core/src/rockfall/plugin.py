"""What a plugin registers with, and asks of what others registered.

    from rockfall.plugin import Register, hookimpl

    rockfall_api = 1

    @hookimpl
    def rockfall_register(register: Register) -> None:
        register.model(name="hello", summary="…", target="rockfall_hello.hello:Hello", …)

A `plugin.py` imports `Register` and `hookimpl` alone, which are light, so that `rockfall --help`
stays quick; the rest is for its other modules.
"""

from typing import TYPE_CHECKING

from rockfall.hooks import API, Register, hookimpl
from rockfall.lazy import attach

if TYPE_CHECKING:
    from rockfall.capabilities import has_capability as has_capability
    from rockfall.errors import did_you_mean as did_you_mean
    from rockfall.registry import registry as registry
    from rockfall.sources.options import Seed as Seed
    from rockfall.sources.options import open_with as open_with

__getattr__, _lazy = attach(
    __name__,
    {
        "rockfall.capabilities": "has_capability",
        "rockfall.errors": "did_you_mean",
        "rockfall.registry": "registry",
        "rockfall.sources.options": "Seed open_with",
    },
)
__all__ = ["API", "Register", "hookimpl", *_lazy]  # noqa: PLE0604
