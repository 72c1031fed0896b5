"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="hello",
        summary="a multilayer perceptron on Fourier features: from (x, y) to colour",
        target="rockfall_hello.hello:Hello",
        learns_from=("picture",),
        default_source="flower",
        capabilities=("paints",),
        reference="Tancik et al. 2020, Fourier Features Let Networks Learn High Frequency "
        "Functions in Low Dimensional Domains",
    )
