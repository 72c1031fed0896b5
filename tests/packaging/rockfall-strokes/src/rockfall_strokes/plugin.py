"""The table of contents."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="counts-ink",
        summary="estimates how many pixels of a picture are ink",
        target="rockfall_strokes.counting:CountsInk",
        evaluate="rockfall_strokes.counting:evaluate",
        check="rockfall_strokes.counting:check",
    )
    register.dataset(
        name="strokes",
        summary="upright and level strokes of 8 × 8, sampled",
        target="rockfall_strokes.pictures:strokes",
        kinds=("pictures", "labelled-pictures"),
        licence="MIT",
        reference="sampled",
    )
    register.model(
        name="ink-counter",
        summary="linear regression from pixels to the number of those that are ink",
        target="rockfall_strokes.counter:InkCounter",
        learns_from=("pictures",),
        default_source="strokes",
        capabilities=("counts-ink",),
        reference="least squares",
    )
