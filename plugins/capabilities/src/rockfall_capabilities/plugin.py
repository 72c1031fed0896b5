"""The table of contents: the capabilities, and the verbs that use them.

Each has a folder of its own, in which the same files hold the same things:

    protocol.py     the methods that a model has to have
    check.py        `check`: the conformance kit's test of them
    evaluation.py   `evaluate`: what is measured of a finished run
    pictures.py     `pictures` and `snapshots`: what a run leaves in the end and on its way
    verb.py         `command`: the verb of the command line
"""

from typing import Any

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

PARTS = {
    "evaluate": "evaluation:evaluate",
    "pictures": "pictures:pictures",
    "snapshots": "pictures:snapshots",
}


@hookimpl
def rockfall_register(register: Register) -> None:
    register.capability(
        name="acts",
        summary="chooses actions in an environment",
        **targets("acts", "Acts", "evaluate"),
        derived={
            "percent_of_oracle": "% of the oracle",
            "times_random": "× random",
            "human_normalised": "% human-normalised",
        },
        verb="play RUN",
    )
    register.capability(
        name="blends",
        summary="interpolates between examples in its latent space",
        **targets("blends", "Blends", "pictures"),
        verb="blend RUN A B",
        verb_needs="pictures",
    )
    register.capability(
        name="classifies",
        summary="predicts the probabilities of classes",
        **targets("classifies", "Classifies", "evaluate", "pictures"),
        renamed={"accuracy": "test accuracy"},
        verb="classify RUN PICTURE",
        verb_needs="labelled-pictures",
    )
    register.capability(
        name="decodes",
        summary="decodes latents, and draws them from their prior",
        **targets("decodes", "Decodes"),
    )
    register.capability(
        name="encodes",
        summary="maps inputs to features",
        **targets("encodes", "Encodes", "evaluate", "pictures"),
        verb="latent RUN",
    )
    register.capability(
        name="explains",
        summary="shows the activations and the first weights of its layers",
        **targets("explains", "Explains", "pictures"),
    )
    register.capability(
        name="layered",
        summary="shows what each of its layers gives, and which goes into which",
        **targets("layered", "Layered"),
    )
    register.capability(
        name="paints",
        summary="renders its picture at any size",
        **targets("paints", "Paints", "pictures", "snapshots"),
        compared="painting",
    )
    register.capability(
        name="reconstructs",
        summary="encodes an input and decodes it again",
        **targets("reconstructs", "Reconstructs", "evaluate", "pictures"),
        verb="reconstruct RUN",
        verb_needs="pictures",
    )
    register.capability(
        name="resamples",
        summary="goes on from an example by its Markov chain",
        **targets("resamples", "Resamples"),
    )
    register.capability(
        name="samples",
        summary="draws new examples",
        **targets("samples", "Samples", "pictures", "snapshots"),
        compared="samples",
        verb="sample RUN",
    )
    register.capability(
        name="samples-by-class",
        summary="draws new examples of given classes",
        **targets("samples_by_class", "SamplesByClass"),
    )
    register.capability(
        name="samples-in-steps",
        summary="draws new examples step by step",
        **targets("samples_in_steps", "SamplesInSteps", "pictures"),
    )
    register.capability(
        name="scores",
        summary="says how likely an example is",
        **targets("scores", "Scores"),
    )
    register.capability(
        name="writes",
        summary="goes on with a text",
        **targets("writes", "Writes"),
        verb="sample RUN --prompt …",
        verb_needs="text",
    )
    for verb, folder, summary in (
        ("play", "acts", "watch a run or a baseline act, or play yourself"),
        ("classify", "classifies", "the classes that a trained model predicts of a picture"),
        ("sample", "samples", "new examples from a trained model"),
        ("blend", "blends", "interpolations between two examples by a trained model"),
        ("reconstruct", "reconstructs", "test examples beside their reconstructions"),
        ("latent", "encodes", "a map of the test split by a trained model's features"),
    ):
        register.command(
            name=verb,
            summary=summary,
            target=f"rockfall_capabilities.{folder}.verb:command",
            section="Use",
        )


def targets(folder: str, protocol: str, *parts: str) -> dict[str, Any]:
    """The targets of a capability: its protocol, its check, and the parts that it has."""
    found = {"target": f"protocol:{protocol}", "check": "check:check"}
    found |= {part: PARTS[part] for part in parts}
    return {field: f"rockfall_capabilities.{folder}.{target}" for field, target in found.items()}
