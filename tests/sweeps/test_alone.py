"""`rockfall sweep MODEL`, with no space and no metric, as somebody new types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rockfall.cli import rockfall as command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "metric", "best"),
    [
        ("vae", "validation elbo", max),
        ("gan", "-Fréchet distance", min),
        ("pqn", "score", max),
    ],
)
def test_no_space_is_needed(model: str, metric: str, best: object, tmp_path: Path) -> None:
    words = ["sweep", model, "--preset", "tiny", "--trials", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(command, [*words, "--default", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output.splitlines()[-1])
    assert found["metric"] == metric
    values = [each["value"] for each in found["trials"]]
    assert found["trials"][found["best"]]["value"] == best(values)  # type: ignore[operator]
    assert found["test"]["measured_on"] == "test" and found["test"]["trial"] == found["best"]
    (folder,) = tmp_path.iterdir()
    settings = json.loads((folder / "settings.json").read_text())
    assert settings.keys() >= found["space"].keys()
    words = ["train", model, "--settings", str(folder / "settings.json"), "--out", str(tmp_path)]
    again = CliRunner().invoke(command, [*words, "--name", "again", "--threads", "1"])
    assert again.exit_code == 0, again.output
    config = json.loads((tmp_path / "again" / "run.json").read_text())["config"]
    assert config["lr"] == settings["lr"]
