"""What the core itself registers, through the same hook as every plugin."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

COMMANDS = {
    "Learn": {
        "train": "train a model on a source",
        "resume": "go on with a run that was stopped",
        "evaluate": "measure a trained model again",
    },
    "Look": {
        "list": "models, sources, capabilities and kinds of source",
        "info": "a model's settings, a source's shape, a capability's methods",
        "runs": "what was trained here",
        "show": "a run's figures and pictures, or a dataset's examples",
        "compare": "runs side by side",
    },
    "Extend": {
        "plugins": "what is installed, and what failed to load",
        "install": "install a plugin",
        "new-plugin": "write a small working plugin to start from",
    },
}


@hookimpl
def rockfall_register(register: Register) -> None:
    for section, verbs in COMMANDS.items():
        for verb, summary in verbs.items():
            module = "list_" if verb == "list" else verb.replace("-", "_")
            register.command(
                name=verb,
                summary=summary,
                target=f"rockfall.commands.{module}:command",
                section=section,
            )
    register.source_opener(
        name="registered",
        summary="a dataset, a picture or an environment by name",
        target="rockfall.sources.openers:open_registered",
        order=10,
    )
    register.source_opener(
        name="gymnasium",
        summary="any Gymnasium id",
        target="rockfall.sources.openers:open_gymnasium",
        order=20,
    )
    register.source_opener(
        name="picture",
        summary="the path of a picture",
        target="rockfall.sources.openers:open_picture",
        order=30,
    )
