"""The table of contents: dataset names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.dataset(
        name="digits",
        summary="1,797 handwritten digits of 8 × 8, embedded: nothing to download",
        target="rockfall_datasets.digits:digits",
        kinds=("pictures", "labelled-pictures"),
        licence="CC BY 4.0",
        reference="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI",
    )
