"""The table of contents: each name, its summary, reference and target."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

PATTERNS = {
    "brush-strokes": "brush strokes of oil paint along vortices, blue and gold",
    "stained-glass": "a Voronoi diagram as panes of coloured glass in lead",
    "woodcut": "hills under a sun in lines of ink",
}


@hookimpl
def rockfall_register(register: Register) -> None:
    for name, summary in PATTERNS.items():
        register.picture(
            name=name,
            summary=summary,
            target=f"rockfall_style.patterns:{name.replace('-', '_')}",
            licence="MIT",
            reference="drawn by this plugin",
        )
    register.capability(
        name="restyles",
        summary="holds one picture in the style of another; measured by both losses",
        target="rockfall_style.restyles:Restyles",
        evaluate="rockfall_style.restyles:evaluate",
        check="rockfall_style.restyles:check",
    )
    register.capability(
        name="stylizes",
        summary="applies one style to any picture in one pass",
        target="rockfall_style.stylizes:Stylizes",
        verb="stylize PICTURE --style RUN",
        evaluate="rockfall_style.stylizes:evaluate",
        pictures="rockfall_style.stylizes:pictures",
        snapshots="rockfall_style.stylizes:snapshots",
        ready="rockfall_style.ready:ready",
        check="rockfall_style.stylizes:check",
    )
    register.model(
        name="gatys",
        summary="neural style transfer (Gatys et al. 2016): by optimising a picture's pixels",
        target="rockfall_style.gatys:Gatys",
        learns_from=("picture",),
        default_source="china",
        capabilities=("paints", "restyles"),
        reference="Gatys, Ecker and Bethge 2016, Image Style Transfer Using Convolutional Neural "
        "Networks",
        renamed={
            "weights": "blend_weights",
            "start": "init",
            "total_variation": "tv_weight",
        },
    )
    register.model(
        name="fast-style",
        summary="fast style transfer: a feed-forward network of one style for any picture",
        target="rockfall_style.fast_style:FastStyle",
        learns_from=("pictures",),
        default_source="photos",
        capabilities=("stylizes",),
        reference="Johnson, Alahi and Fei-Fei 2016, Perceptual Losses for Real-Time Style Transfer "
        "and Super-Resolution; Ulyanov, Vedaldi and Lempitsky 2016, Instance Normalization",
        renamed={"total_variation": "tv_weight"},
    )
    register.command(
        name="stylize",
        summary="neural style transfer: a picture in the style of another, or a trained style",
        target="rockfall_style.stylize:command",
        section="Use",
    )
