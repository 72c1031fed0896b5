"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.command(
        name="hello",
        summary="the tensors that a trained model is made of",
        target="rockfall_hello.hello:command",
        section="Use",
    )
