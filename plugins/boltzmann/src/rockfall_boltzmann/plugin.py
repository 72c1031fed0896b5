"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

CAPABILITIES = ("encodes", "reconstructs", "samples", "scores", "explains")


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="rbm",
        summary="restricted Boltzmann machine: binary features, learned without labels",
        target="rockfall_boltzmann.rbm:Rbm",
        learns_from=("pictures", "vectors"),
        default_source="digits",
        capabilities=CAPABILITIES,
        reference="Hinton 2002, Training products of experts by minimizing contrastive divergence; "
        "Tieleman 2008, Training restricted Boltzmann machines using approximations to the "
        "likelihood gradient",
    )
