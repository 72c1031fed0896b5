"""Built wheels in clean environments: the core alone, with plugins, and with a stranger's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.packaging.wheels import ROOT, Environment, build, wheel

pytestmark = pytest.mark.slow
STRANGER = Path(__file__).with_name("rockfall-strokes")
OURS = """
from importlib.metadata import distributions
import re
names = [found.metadata["Name"] for found in distributions()]
print(*sorted(name for name in names if re.match("rockfall|falling|drifting", name)))
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core and no plugin."""
    return Environment(tmp_path_factory.mktemp("alone") / "venv", [wheel(ROOT / "core")])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core, the capabilities, one plugin of methods and that of its default source."""
    plugins = ("capabilities", "datasets", "vision")
    wheels = [wheel(ROOT / "core"), *(wheel(ROOT / "plugins" / name) for name in plugins)]
    return Environment(tmp_path_factory.mktemp("together") / "venv", wheels)


def is_installed(environment: Environment, *names: str) -> None:
    """Assert that these are all of ours that it has, and that they lie in it."""
    assert environment.python(OURS).split() == sorted(names)
    modules = [name.removesuffix("-core").replace("-", "_") for name in names]
    files = environment.python(
        f"import {', '.join(modules)}\nfor m in ({', '.join(modules)},): print(m.__file__)"
    ).splitlines()
    assert len(files) == len(names)
    assert all(Path(file).is_relative_to(environment.folder / "lib") for file in files)


class TestTheCoreAlone:
    def test_it_is_alone(self, alone: Environment) -> None:
        is_installed(alone, "rockfall-core")
        assert {plugin["distribution"] for plugin in alone.json("plugins")["plugins"]} == {
            "rockfall-core"
        }

    def test_it_says_how_to_begin_where_there_is_nothing_to_train(self, alone: Environment) -> None:
        said = alone.rockfall()
        assert re.search(r"^models +none$", said, re.MULTILINE)
        assert re.search(r"^start with +rockfall install NAME", said, re.MULTILINE)
        assert "rockfall train" not in said
        assert "play" not in said.split("\n", 1)[1]  # the verb is a plugin's

    def test_its_help_has_its_own_verbs_and_no_empty_section(self, alone: Environment) -> None:
        said = alone.rockfall("--help")
        for verb in ("train", "resume", "evaluate", "list", "info", "runs", "show", "plugins"):
            assert re.search(rf"^  {verb} ", said, re.MULTILINE), said
        sections = re.findall(r"^\w+$", said, re.MULTILINE)
        assert sections == ["Learn", "Look", "Extend"]

    def test_its_lists_are_empty_and_say_so(self, alone: Environment) -> None:
        said = alone.rockfall("list")
        assert "rockfall install NAME" in said
        assert "rockfall train" not in said
        assert not any(alone.json("list").values())

    def test_there_are_no_runs(self, alone: Environment) -> None:
        for words, code in ((("runs",), 0), (("show", "last"), 2), (("resume", "last"), 2)):
            said = alone.rockfall(*words, code=code)
            assert "no runs in runs/ yet" in said
            assert "rockfall install NAME" in said
            assert "rockfall train" not in said
        assert alone.json("runs") == []

    def test_what_it_lacks_is_an_error_of_one_line(self, alone: Environment) -> None:
        for words in (("train", "anything"), ("info", "anything"), ("evaluate", "anything")):
            assert len(alone.rockfall(*words, code=2).splitlines()) == 1
        assert "no command named classify" in alone.rockfall("classify", "last", code=2)


class TestWithPlugins:
    def test_nothing_of_the_checkout_is_seen(self, together: Environment) -> None:
        names = ("rockfall-core", "rockfall-capabilities", "rockfall-datasets", "rockfall-vision")
        is_installed(together, *names)
        assert not any(plugin["error"] for plugin in together.json("plugins")["plugins"])

    def test_what_it_says_to_type_first_can_be_typed(self, together: Environment) -> None:
        said = re.search(r"^start with +rockfall train (\S+)$", together.rockfall(), re.MULTILINE)
        assert said
        assert said[1] in together.rockfall("list", "models")

    def test_without_an_environment_there_is_no_game(self, together: Environment) -> None:
        assert "no environment is installed" in together.rockfall("play", "random", code=2)

    def test_it_trains_shows_and_classifies(self, together: Environment) -> None:
        trained = together.rockfall("train", "lenet5", "--preset", "tiny")
        assert "test accuracy" in trained
        assert "rockfall classify" in trained.splitlines()[-1]
        shown = together.rockfall("show", "last")
        assert "lenet5" in shown
        Image.new("L", (8, 8), 255).save(together.work / "white.png")
        said = together.rockfall("classify", "last", "white.png")
        assert "lenet5" in said
        assert re.search(r"\d %|0\.\d", said), said

    def test_a_strangers_plugin_comes_works_and_goes(
        self, together: Environment, tmp_path: Path
    ) -> None:
        before = together.rockfall("plugins"), together.rockfall("list")
        together.rockfall("install", "strokes", "--yes", PIP_INDEX_URL=index(tmp_path, STRANGER))
        is_installed(
            together,
            "rockfall-core",
            "rockfall-capabilities",
            "rockfall-datasets",
            "rockfall-strokes",
            "rockfall-vision",
        )
        (plugin,) = (
            plugin
            for plugin in together.json("plugins")["plugins"]
            if plugin["distribution"] == "rockfall-strokes"
        )
        assert sorted(plugin["provides"]) == [
            "capability counts-ink",
            "dataset strokes",
            "model ink-counter",
        ]
        listed = together.rockfall("list")
        assert "ink-counter" in listed
        assert "strokes" in listed

        trained = together.rockfall("train", "ink-counter", "--name", "inked")
        assert "ink error" in trained
        assert "strokes" in together.rockfall("show", "inked")
        learned = together.json("runs")[-1]
        assert learned["source"] == "strokes"
        # Their dataset serves our model, and the kit that ours pass is there for theirs.
        together.rockfall("train", "mlp", "strokes", "--preset", "tiny", "--name", "ours")
        together.python(
            "from rockfall.testing import check_plugin; check_plugin('rockfall-strokes')"
        )

        together.pip("uninstall", "-y", "rockfall-strokes")
        assert (together.rockfall("plugins"), together.rockfall("list")) == before
        assert "ink-counter" in together.rockfall("runs")  # the run outlives its plugin
        assert "`rockfall install rockfall-strokes`" in together.rockfall(
            "evaluate", "inked", code=2
        )


def index(folder: Path, *sources: Path) -> str:
    """The URL of a package index (PEP 503) with the wheels of these folders."""
    for source in sources:
        place = folder / "simple" / source.name
        place.mkdir(parents=True)
        file = build(source, place).name
        (place / "index.html").write_text(f'<!DOCTYPE html><a href="{file}">{file}</a>')
    return (folder / "simple").as_uri()
