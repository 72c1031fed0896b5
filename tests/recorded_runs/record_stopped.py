"""Record runs of many models that were killed on their way: `record_stopped.py FOLDER`.

FOLDER, which must not exist yet, gets a run a model, with its preset `tiny`, and expected.json: the
figures and the last step of the same run left alone. Run it with the Python of the version to be
recorded, whose conformance kit it uses to stop at a certain step.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import rockfall
from rockfall.registry import registry
from rockfall.run.directory import RunDirectory
from rockfall.testing.rehearsal import rehearse

MODELS = (
    *("a2c", "ppo", "pqn", "reinforce"),
    *("fastnet", "mlp", "mlp-numpy"),
    *("dbn", "mu-ssrbm", "rbm", "ssrbm"),
    *("autoencoder", "cgan", "cvae", "flow", "gan", "multi-gan", "stacked-gan", "wgan", "wgan-gp"),
    *("evolve", "fast-style", "gatys", "painter"),
)
"""At least one of each training loop, and none with large weights."""

OPTIONS = {
    "flower": {"size": "32"},
    "china": {"size": "32"},
    "photos": {"count": "64", "size": "32"},
}
"""Of the sources that are larger than they need be."""

SETTINGS = {"fast-style": {"epochs": 4}, "painter": {"epochs": 4}}
"""Of the models whose tiny run has a single step."""

HOW_FAR = 0.5
"""Where of the run its last checkpoint is."""


def record(model: str, out: Path, scratch: Path) -> dict[str, object]:
    """Leave the killed run; returns what comes of it if it is let be."""
    source = registry().models.find(model).spec.default_source
    whole = rockfall.train(
        model,
        source,
        source_options=OPTIONS.get(source),
        config=SETTINGS.get(model),
        preset="tiny",
        device="cpu",
        threads=1,
        name=model,
        out=scratch,
        listeners=[],
    )
    asked = whole.record
    counted = RunDirectory.create(scratch, f"{model}-counted", "", asked)
    moments = rehearse(counted, saves=lambda _: False).moment
    stop = max(1, int(HOW_FAR * moments))
    directory = RunDirectory.create(out, model, "", asked)
    rehearse(directory, saves=stop.__eq__, dies_at=min(stop + 1, moments))
    shutil.rmtree(directory.pictures)
    (directory.path / ".lock").unlink(missing_ok=True)
    assert whole.result is not None
    return {"figures": whole.result["figures"], "step": whole.step}


def main(out: Path) -> None:
    out.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        expected = {name: record(name, out, Path(scratch)) for name in MODELS}
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main(Path(sys.argv[1]))
