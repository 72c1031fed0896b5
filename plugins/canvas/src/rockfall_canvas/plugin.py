"""The table of contents: each name, its summary, reference and target."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="copies",
        summary="reproduces one picture; measured by PSNR and SSIM",
        target="rockfall_canvas.copies:Copies",
        evaluate="rockfall_canvas.copies:evaluate",
        pictures="rockfall_canvas.copies:pictures",
        check="rockfall_canvas.copies:check",
    )
    register.capability(
        name="paints-vectors",
        summary="renders its picture as vector graphics",
        target="rockfall_canvas.vectors:PaintsVectors",
        verb="paint RUN --out FILE.svg",
        check="rockfall_canvas.vectors:check",
    )
    register.model(
        name="painter",
        summary="implicit neural representation: a network from (x, y) to colour",
        target="rockfall_canvas.painter:Painter",
        learns_from=("picture",),
        default_source="flower",
        capabilities=("paints", "copies"),
        reference="Tancik et al. 2020, Fourier Features Let Networks Learn High Frequency "
        "Functions in Low Dimensional Domains; Sitzmann et al. 2020, Implicit Neural "
        "Representations with Periodic Activation Functions; Müller et al. 2022, Instant Neural "
        "Graphics Primitives with a Multiresolution Hash Encoding",
        renamed={
            "omega": "omega_0",
            "finest": "finest_spacing",
            "holdout_as": "holdout_pattern",
        },
    )
    register.model(
        name="evolve",
        summary="(μ + λ) evolution of polygons: translucent ones that approximate one picture",
        target="rockfall_canvas.evolve:Evolve",
        learns_from=("picture",),
        default_source="flower",
        capabilities=("paints", "paints-vectors", "copies"),
        reference="Rechenberg 1973, Evolutionsstrategie; after Alsing 2008, Evolution of Mona Lisa",
        renamed={
            "children": "offspring",
            "renewal": "reinit_rate",
            "error": "mse",
            "accepted": "acceptance_rate",
        },
    )
    register.command(
        name="paint",
        summary="fit a model to one picture, and render it at any size",
        target="rockfall_canvas.paint:command",
        section="Use",
    )
