"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="hello",
        summary="linear classifier: a weight for each pixel and class",
        target="rockfall_hello.hello:Hello",
        learns_from=("labelled-pictures",),
        default_source="digits",
        capabilities=("classifies", "layered"),
    )
