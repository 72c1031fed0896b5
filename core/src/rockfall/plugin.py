"""What a plugin registers with, and asks of what others registered.

    from rockfall.plugin import Register, hookimpl

    rockfall_api = 1

    @hookimpl
    def rockfall_register(register: Register) -> None:
        register.model(name="hello", summary="…", target="rockfall_hello.hello:Hello", …)

A `plugin.py` imports `Register` and `hookimpl` alone, which are light, so that `rockfall --help`
stays quick; the rest is for its other modules.
"""

from rockfall.kit.lazy import attach

__getattr__, __all__ = attach(__name__, __file__)
