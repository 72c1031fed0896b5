"""The table of contents: one verb."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.command(
        name="studio",
        summary="all of it in the browser: draw, look inside, build, imagine, style, play",
        target="rockfall_studio.command:command",
        section="Look",
    )
