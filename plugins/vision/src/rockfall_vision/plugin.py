"""The table of contents: model names and where they are made."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    register.model(
        name="mlp",
        summary="fully-connected network that tells pictures apart",
        target="rockfall_vision.mlp:Mlp",
        learns_from=("labelled-pictures",),
        default_source="digits",
        capabilities=("classifies",),
        reference="Rumelhart, Hinton and Williams 1986, Learning representations by "
        "back-propagating errors",
    )
