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
        "list": "models, datasets, pictures and environments",
        "info": "a model's settings, a source's shape",
        "runs": "what was trained here",
        "show": "a run's figures and pictures, or a dataset's examples",
        "compare": "runs side by side",
    },
    "Use": {
        "play": "watch a run, a baseline or yourself play",
        "classify": "what a trained classifier sees in a picture",
        "sample": "new examples from a trained model",
        "blend": "what a trained model sees between two examples",
        "reconstruct": "examples as a trained model makes them again",
        "latent": "a map of the test set by a trained model's features",
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
    register.capability(
        name="acts",
        summary="plays an environment",
        target="rockfall.capabilities.acts:Acts",
        verb="play RUN",
        evaluate="rockfall.capabilities.acts:evaluate",
        check="rockfall.capabilities.acts:check",
    )
    register.capability(
        name="blends",
        summary="makes what lies between two examples",
        target="rockfall.capabilities.blends:Blends",
        verb="blend RUN A B",
        verb_needs="pictures",
        pictures="rockfall.capabilities.blends:pictures",
        check="rockfall.capabilities.blends:check",
    )
    register.capability(
        name="classifies",
        summary="tells classes apart",
        target="rockfall.capabilities.classifies:Classifies",
        verb="classify RUN PICTURE",
        verb_needs="pictures",
        evaluate="rockfall.capabilities.classifies:evaluate",
        pictures="rockfall.capabilities.classifies:pictures",
        check="rockfall.capabilities.classifies:check",
    )
    register.capability(
        name="encodes",
        summary="turns inputs into features",
        target="rockfall.capabilities.encodes:Encodes",
        verb="latent RUN",
        evaluate="rockfall.capabilities.encodes:evaluate",
        pictures="rockfall.capabilities.encodes:pictures",
        check="rockfall.capabilities.encodes:check",
    )
    register.capability(
        name="explains",
        summary="shows what its layers do",
        target="rockfall.capabilities.explains:Explains",
        pictures="rockfall.capabilities.explains:pictures",
        check="rockfall.capabilities.explains:check",
    )
    register.capability(
        name="paints",
        summary="paints its picture at any size",
        target="rockfall.capabilities.paints:Paints",
        pictures="rockfall.capabilities.paints:pictures",
        compared="painting",
        check="rockfall.capabilities.paints:check",
    )
    register.capability(
        name="reconstructs",
        summary="makes an input again from what it kept of it",
        target="rockfall.capabilities.reconstructs:Reconstructs",
        verb="reconstruct RUN",
        verb_needs="pictures",
        evaluate="rockfall.capabilities.reconstructs:evaluate",
        pictures="rockfall.capabilities.reconstructs:pictures",
        check="rockfall.capabilities.reconstructs:check",
    )
    register.capability(
        name="samples",
        summary="makes new examples",
        target="rockfall.capabilities.samples:Samples",
        verb="sample RUN",
        pictures="rockfall.capabilities.samples:pictures",
        compared="samples",
        check="rockfall.capabilities.samples:check",
    )
    register.capability(
        name="scores",
        summary="says how likely an example is",
        target="rockfall.capabilities.scores:Scores",
        check="rockfall.capabilities.scores:check",
    )
