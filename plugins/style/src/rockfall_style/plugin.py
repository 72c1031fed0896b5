"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

PATTERNS = {
    "brush-strokes": "thick strokes of oil paint in whirls, blue and gold",
    "stained-glass": "panes of coloured glass in lead",
    "woodcut": "hills under a sun, cut in lines of ink",
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
        summary="gives one picture the style of another, and is measured by both",
        target="rockfall_style.restyles:Restyles",
        evaluate="rockfall_style.restyles:evaluate",
        check="rockfall_style.restyles:check",
    )
    register.capability(
        name="stylizes",
        summary="gives any picture its style in one pass",
        target="rockfall_style.stylizes:Stylizes",
        verb="stylize PICTURE --style RUN",
        evaluate="rockfall_style.stylizes:evaluate",
        pictures="rockfall_style.stylizes:pictures",
        snapshots="rockfall_style.stylizes:snapshots",
        check="rockfall_style.stylizes:check",
    )
    register.model(
        name="gatys",
        summary="paints a photograph anew, pixel by pixel, in the style of another picture",
        target="rockfall_style.gatys:Gatys",
        learns_from=("picture",),
        default_source="china",
        capabilities=("paints", "restyles"),
        reference="Gatys, Ecker and Bethge 2016, Image Style Transfer Using Convolutional Neural "
        "Networks",
    )
    register.model(
        name="fast-style",
        summary="a network that learns one style and gives it to any picture in one pass",
        target="rockfall_style.fast_style:FastStyle",
        learns_from=("pictures",),
        default_source="photos",
        capabilities=("stylizes",),
        reference="Johnson, Alahi and Fei-Fei 2016, Perceptual Losses for Real-Time Style Transfer "
        "and Super-Resolution; Ulyanov, Vedaldi and Lempitsky 2016, Instance Normalization",
    )
    register.command(
        name="stylize",
        summary="a picture in the style of another, or of a trained style",
        target="rockfall_style.stylize:command",
        section="Use",
    )
