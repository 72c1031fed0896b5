"""The table of contents: the capabilities, and the verbs that use them."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

VERBS = {
    "play": ("acts", "watch a run, a baseline or yourself play"),
    "classify": ("classifies", "what a trained classifier sees in a picture"),
    "sample": ("samples", "new examples from a trained model"),
    "blend": ("blends", "what a trained model sees between two examples"),
    "reconstruct": ("reconstructs", "examples as a trained model makes them again"),
    "latent": ("encodes", "a map of the test set by a trained model's features"),
}


@hookimpl
def rockfall_register(register: Register) -> None:
    for verb, (capability, summary) in VERBS.items():
        register.command(
            name=verb,
            summary=summary,
            target=f"rockfall_capabilities.{capability}.verb:command",
            section="Use",
        )
    register.capability(
        name="acts",
        summary="plays an environment",
        target="rockfall_capabilities.acts.protocol:Acts",
        verb="play RUN",
        evaluate="rockfall_capabilities.acts.evaluation:evaluate",
        derived={"percent_of_oracle": "% of the oracle", "times_random": "× random"},
        check="rockfall_capabilities.acts.check:check",
    )
    register.capability(
        name="blends",
        summary="makes what lies between two examples",
        target="rockfall_capabilities.blends.capability:Blends",
        verb="blend RUN A B",
        verb_needs="pictures",
        pictures="rockfall_capabilities.blends.capability:pictures",
        check="rockfall_capabilities.blends.capability:check",
    )
    register.capability(
        name="classifies",
        summary="tells classes apart",
        target="rockfall_capabilities.classifies.capability:Classifies",
        verb="classify RUN PICTURE",
        verb_needs="pictures",
        evaluate="rockfall_capabilities.classifies.capability:evaluate",
        renamed={"accuracy": "test accuracy"},
        pictures="rockfall_capabilities.classifies.capability:pictures",
        check="rockfall_capabilities.classifies.capability:check",
    )
    register.capability(
        name="encodes",
        summary="turns inputs into features",
        target="rockfall_capabilities.encodes.capability:Encodes",
        verb="latent RUN",
        evaluate="rockfall_capabilities.encodes.capability:evaluate",
        pictures="rockfall_capabilities.encodes.capability:pictures",
        check="rockfall_capabilities.encodes.capability:check",
    )
    register.capability(
        name="explains",
        summary="shows what its layers do",
        target="rockfall_capabilities.explains.capability:Explains",
        pictures="rockfall_capabilities.explains.capability:pictures",
        check="rockfall_capabilities.explains.capability:check",
    )
    register.capability(
        name="paints",
        summary="paints its picture at any size",
        target="rockfall_capabilities.paints.capability:Paints",
        pictures="rockfall_capabilities.paints.capability:pictures",
        snapshots="rockfall_capabilities.paints.capability:snapshots",
        compared="painting",
        check="rockfall_capabilities.paints.capability:check",
    )
    register.capability(
        name="reconstructs",
        summary="makes an input again from what it kept of it",
        target="rockfall_capabilities.reconstructs.capability:Reconstructs",
        verb="reconstruct RUN",
        verb_needs="pictures",
        evaluate="rockfall_capabilities.reconstructs.capability:evaluate",
        pictures="rockfall_capabilities.reconstructs.capability:pictures",
        check="rockfall_capabilities.reconstructs.capability:check",
    )
    register.capability(
        name="samples",
        summary="makes new examples",
        target="rockfall_capabilities.samples.capability:Samples",
        verb="sample RUN",
        pictures="rockfall_capabilities.samples.capability:pictures",
        snapshots="rockfall_capabilities.samples.capability:snapshots",
        compared="samples",
        check="rockfall_capabilities.samples.capability:check",
    )
    register.capability(
        name="scores",
        summary="says how likely an example is",
        target="rockfall_capabilities.scores.capability:Scores",
        check="rockfall_capabilities.scores.capability:check",
    )
