"""The table of contents: what this plugin adds, by name; nothing is imported until it is used."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="hello",
        summary="probabilistic principal component analysis (PPCA), by EM",
        target="rockfall_hello.hello:Hello",
        learns_from=("pictures",),
        default_source="digits",
        capabilities=("samples", "decodes", "layered"),
        reference="Tipping and Bishop 1999, Probabilistic Principal Component Analysis",
    )
