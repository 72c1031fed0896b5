"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="hello",
        summary="a linear classifier to start from",
        target="rockfall_hello.hello:Hello",
        learns_from=("labelled-pictures",),
        default_source="digits",
        capabilities=("classifies",),
    )
