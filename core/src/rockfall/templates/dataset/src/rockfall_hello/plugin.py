"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.dataset(
        name="hello",
        summary="two moons: points on two interleaving half circles, with noise",
        target="rockfall_hello.hello:two_moons",
        kinds=("vectors", "labelled-vectors"),
        licence="CC0",
        reference="generated; after make_moons of scikit-learn",
    )
