"""Every distribution is complete, listed, and depends one way only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest

from rockfall.registry import canonical, registry
from tests.packaging.wheels import ROOT, wheel

FOLDERS = sorted(
    path.parent for path in ROOT.glob("*/**/pyproject.toml") if ".venv" not in path.parts
)
FOLDERS = [f for f in FOLDERS if not {"templates", "src", "tests"} & set(f.parts)]


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def name(folder: Path) -> str:
    return str(settings(folder)["project"]["name"])


def sources(folder: Path) -> list[Path]:
    return sorted((folder / "src").rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def packages(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "src").iterdir() if path.suffix != ".egg-info"}


def plugins_beside(folder: Path) -> list[Path]:
    """The file by which an environment's distribution, which needs no Rockfall, registers it."""
    return list((folder / "src").glob("*_plugin.py")) if folder.parent.name == "envs" else []


def test_there_are_some() -> None:
    assert {"rockfall-core", "falling-rocks", "rockfall-agents"} <= set(map(name, FOLDERS))
    environments = [folder for folder in FOLDERS if folder.parent.name == "envs"]
    assert len(environments) >= 2
    assert all(len(plugins_beside(folder)) == 1 for folder in environments)


def test_all_are_required_the_core_first() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    listed = [line.removeprefix("-e ./") for line in lines if line.startswith("-e ")]
    assert listed[0] == "core"
    assert sorted(listed) == sorted(str(folder.relative_to(ROOT)) for folder in FOLDERS)


def test_all_are_in_the_workspace_and_the_bundle() -> None:
    root = settings(ROOT)
    members = {
        folder
        for pattern in root["tool"]["uv"]["workspace"]["members"]
        for folder in ROOT.glob(pattern)
    }
    assert set(FOLDERS) <= members
    bundled = {re.split("[>=<]", need)[0] for need in root["project"]["dependencies"]}
    assert bundled == set(map(name, FOLDERS)) == set(root["tool"]["uv"]["sources"])


def test_what_has_models_requires_the_capabilities() -> None:
    """By its name alone: no plugin imports another."""
    owners = {canonical(entry.owner) for entry in registry().models}
    with_models = [folder for folder in FOLDERS if name(folder) in owners]
    assert len(with_models) >= 6
    for folder in with_models:
        needs = [re.split("[>=<]", need)[0] for need in settings(folder)["project"]["dependencies"]]
        assert "rockfall-capabilities" in needs, folder


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
class TestDistribution:
    def test_is_complete(self, folder: Path) -> None:
        project = settings(folder)["project"]
        assert (folder / "README.md").read_text().startswith("# ")
        typed = [p for p in (folder / "src").iterdir() if (p / "py.typed").exists()]
        assert len(typed) == 1
        assert project["license"] == "MIT"

    def test_entry_points_exist(self, folder: Path) -> None:
        for target in settings(folder)["project"]["entry-points"]["rockfall"].values():
            assert (folder / "src" / (target.replace(".", "/") + ".py")).exists()

    def test_needs_have_no_upper_cap(self, folder: Path) -> None:
        for need in settings(folder)["project"]["dependencies"]:
            assert re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", need), need

    def test_imports_point_to_the_core_only(self, folder: Path) -> None:
        ours = {p: name(f) for f in FOLDERS for p in packages(f)}
        allowed = {name(folder)} | ({"rockfall-core"} if "core" not in folder.name else set())
        for path in sources(folder):
            strangers = {ours[m] for m in imported(path) if m in ours} - allowed
            assert not strangers, f"{path} imports from {strangers}"

    def test_what_is_imported_is_required(self, folder: Path) -> None:
        project = settings(folder)["project"]
        extras = project.get("optional-dependencies", {}).values()
        needs = [*project["dependencies"], *chain.from_iterable(extras)]
        known = {re.split("[>=<]", need)[0].replace("-", "_") for need in needs}
        known |= {"sklearn"} if "scikit_learn" in known else set()
        known |= {"PIL"} if "pillow" in known else set()
        known |= {"pygame"} if "pygame_ce" in known else set()
        known |= {"rockfall"} if "rockfall_core" in known else set()
        # An environment's plugin is imported by Rockfall alone; IPython is there in a notebook.
        known |= packages(folder) | {"IPython"} | set(sys.stdlib_module_names)
        for path in sources(folder):
            if path in plugins_beside(folder) or "templates" in path.parts:
                continue
            assert imported(path) <= known, f"{path}: {imported(path) - known}"

    def test_no_device_is_assumed_and_no_pickle_loaded(self, folder: Path) -> None:
        for path in sources(folder):
            text = path.read_text()
            for word in (".cuda()", "torch.load(", "pickle.load", "allow_pickle=True"):
                if path.name != "weights.py" or word != "torch.load(":  # of published weights
                    assert word not in text, f"{path}: {word}"
            if "torch.load(" in text:
                assert text.count("torch.load(") == text.count("weights_only=True"), path
                assert folder.name == "core", path
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
            assert not names & {"eval", "exec"}, path

    @pytest.mark.long
    def test_builds_a_wheel(self, folder: Path) -> None:
        inside = set(zipfile.ZipFile(wheel(folder)).namelist())
        expected = {
            str(path.relative_to(folder / "src"))
            for path in (folder / "src").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
        }
        assert expected <= inside


@pytest.mark.long
@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name != "core"], ids=name)
def test_a_wheel_works_with_the_core_alone(folder: Path, tmp_path: Path) -> None:
    """Nothing of ours on the path but the two wheels, beside what others publish."""
    site = tmp_path / "site"
    for distribution in (ROOT / "core", folder):
        zipfile.ZipFile(wheel(distribution)).extractall(site)
    published = Path(click.__file__).parents[1]
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; import rockfall; print(rockfall.__file__);"
        "from rockfall.registry import registry;"
        "print({p.distribution: p.error for p in registry().plugins})"
    )
    # -S leaves out the links of the editable installs, -I the working directory.
    said = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code, str(site), str(published)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(str(site))
    assert f"'{name(folder)}': ''" in said
