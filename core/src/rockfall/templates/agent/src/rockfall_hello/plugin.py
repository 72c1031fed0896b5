"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="hello",
        summary="REINFORCE: Monte Carlo policy gradients, with the mean return as baseline",
        target="rockfall_hello.hello:Hello",
        learns_from=("discrete-actions",),
        default_source="falling-rocks-8x8",
        capabilities=("acts", "layered"),
        reference="Williams 1992, Simple statistical gradient-following algorithms",
    )
