"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="copies",
        summary="paints a picture that is measured beside the real one",
        target="rockfall_canvas.copies:Copies",
        evaluate="rockfall_canvas.copies:evaluate",
        pictures="rockfall_canvas.copies:pictures",
        check="rockfall_canvas.copies:check",
    )
    register.model(
        name="painter",
        summary="a network that learns the colour of every place of one picture",
        target="rockfall_canvas.painter:Painter",
        learns_from=("picture",),
        default_source="flower",
        capabilities=("paints", "copies"),
        reference="Tancik et al. 2020, Fourier Features Let Networks Learn High Frequency "
        "Functions in Low Dimensional Domains; Sitzmann et al. 2020, Implicit Neural "
        "Representations with Periodic Activation Functions; Müller et al. 2022, Instant Neural "
        "Graphics Primitives with a Multiresolution Hash Encoding",
    )
    register.model(
        name="evolve",
        summary="translucent polygons that evolve into one picture",
        target="rockfall_canvas.evolve:Evolve",
        learns_from=("picture",),
        default_source="flower",
        capabilities=("paints", "copies"),
        reference="Rechenberg 1973, Evolutionsstrategie; after Alsing 2008, Evolution of Mona Lisa",
    )
    register.command(
        name="paint",
        summary="let a network learn one picture and paint it, at any size",
        target="rockfall_canvas.paint:command",
        section="Use",
    )
