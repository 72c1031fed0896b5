"""What a plugin's `plugin.py` imports; light, so that `rockfall --help` stays quick.

from rockfall.plugin import hookimpl

rockfall_api = 1

@hookimpl
def rockfall_register(register):
    register.model(name="hello", summary="…", target="rockfall_hello.hello:Hello", …)
"""

from rockfall.hooks import API, Register, hookimpl

__all__ = ["API", "Register", "hookimpl"]
