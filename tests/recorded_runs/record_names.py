"""Record what the `rockfall` on PATH calls things: `record_names.py FILE`.

Of each model: its settings with their types and defaults, its presets, and what it logs in a run
with the preset `tiny`. Of each source: its options with their defaults. Needs Python alone.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def rockfall(*words: str) -> str:
    return subprocess.run(
        ("rockfall", *words), stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def logged(model: str, out: str) -> list[str]:
    """The metrics of a tiny run, in alphabetical order."""
    how = ("--preset", "tiny", "--device", "cpu", "--threads", "1", "--out", out, "--name", model)
    rockfall("train", model, *how, "--json")
    shown = json.loads(rockfall("show", str(Path(out) / model), "--json"))
    return sorted(shown["metrics"])


def main(file: Path) -> None:
    listed = json.loads(rockfall("list", "--json"))
    models, sources = {}, {}
    with tempfile.TemporaryDirectory() as out:
        for name in (each["name"] for each in listed.pop("models")):
            info = json.loads(rockfall("info", name, "--json"))
            models[name] = {
                "settings": {s["name"]: [s["type"], s["default"]] for s in info["settings"]},
                "presets": info["presets"],
                "metrics": logged(name, out),
            }
    for name in (each["name"] for kind in listed.values() for each in kind):
        info = json.loads(rockfall("info", name, "--json"))
        sources[name] = {option["name"]: option["default"] for option in info.get("options", [])}
    file.write_text(json.dumps({"models": models, "sources": sources}, indent=1) + "\n")


main(Path(sys.argv[1]))
