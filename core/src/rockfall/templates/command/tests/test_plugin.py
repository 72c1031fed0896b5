"""The plugin keeps Rockfall's promises, and its verb says what is true."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rockfall_hello.hello import command

import rockfall
from rockfall.testing import check_plugin


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("runs")
    trained = rockfall.train("mlp", "digits", preset="tiny", out=out, listeners=[])
    return str(trained.directory.path)


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_says_it_to_programs(run: str) -> None:
    said = json.loads(CliRunner().invoke(command, [run, "--json"]).output)
    assert said["run"] == Path(run).name
    model = rockfall.open_run(run).model
    assert said["tensors"] == {name: list(t.shape) for name, t in model.state_dict().items()}
    assert said["numbers"] == sum(t.numel() for t in model.state_dict().values())


def test_says_it_to_people(run: str) -> None:
    lines = CliRunner().invoke(command, [run]).output.splitlines()
    assert lines[0].split() == ["tensor", "shape", "numbers"]
    assert lines[-1].startswith("next: rockfall show ")
