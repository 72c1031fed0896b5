"""The door for plugins: whatever one does, the others and the command line go on."""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rockfall.errors import AmbiguousName, UnknownName
from rockfall.kit.randomness import random_state
from rockfall.registry import Plugin, Registry, registry
from rockfall.run.run import Run
from rockfall.testing.comparing import difference
from tests.core.sites import REGISTER, Site, model
from tests.core.test_cli_train import rockfall

Load = Callable[[], Registry]
Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def load(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Make a registry of what is installed and what is in the site."""
    monkeypatch.syspath_prepend(site.path)

    def make() -> Registry:
        _forget_fakes()
        return registry.__wrapped__()

    yield make
    _forget_fakes()


def _forget_fakes() -> None:
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def typed(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Typed]:
    """`rockfall …` in this process, which sees the site: importing torch anew takes seconds."""
    monkeypatch.syspath_prepend(site.path)
    _forget_fakes()
    registry.cache_clear()
    yield lambda *words: rockfall(tmp_path, *words)
    registry.cache_clear()
    _forget_fakes()


def plugin(found: Registry, distribution: str) -> Plugin:
    (one,) = (p for p in found.plugins if p.distribution == distribution)
    return one


RUBBISH = {
    "raises on import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exits on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "is not Python": ("def:", "SyntaxError"),
    "imports what is not there": ("import no_such_module", "No module named 'no_such_module'"),
    "no api": ("x = 1", "does not say `rockfall_api = 1`"),
    "newer api": ("rockfall_api = 2", "speaks plugin API 2, this rockfall-core speaks 1: upgrade"),
    "api is no number": ("rockfall_api = '1'", "does not say `rockfall_api = 1`"),
    "raises while registering": (REGISTER + "    raise KeyError('x')", "KeyError: 'x'"),
    "wrong hook signature": (
        REGISTER.replace("(register)", "(register, more)") + "    pass",
        "more",
    ),
    "unknown hook": (
        REGISTER.replace("rockfall_register", "rockfall_regster") + "    pass",
        "unknown hook 'rockfall_regster'",
    ),
    "bad name": (REGISTER + f"    {model('Big Name')}", "model name 'Big Name': use lower-case"),
    "name is no text": (REGISTER + f"    {model(name=3)}", "model name 3"),  # type: ignore[arg-type]
    "bad target": (REGISTER + f"    {model(target='fake.Thing')}", "'package.module:attribute'"),
    "no summary": (REGISTER + f"    {model(summary=' ')}", "summary must be one line"),
    "unknown field": (REGISTER + f"    {model(colour='red')}", "colour"),
    "missing field": (REGISTER + "    register.model(name='thing')", "missing"),
    "text for a tuple": (
        REGISTER + f"    {model(learns_from='pictures')}",
        "learns_from='pictures' is not tuple[str, ...]",
    ),
    "number for text": (REGISTER + f"    {model(default_source=8)}", "default_source=8 is not str"),
    "positional": (REGISTER + "    register.model('thing')", "positional"),
    "no such kind": (REGISTER + "    register.modle(name='thing')", "modle"),
    "one name twice": (REGISTER + f"    {model()}\n    {model()}", "the model thing twice"),
    "a verb of the core's": (
        REGISTER + "    register.command(name='train', summary='x', target='fake:x')",
        "the command name train belongs to rockfall-core",
    ),
}


@pytest.mark.parametrize("case", RUBBISH)
def test_a_plugin_that_fails_is_reported_and_changes_nothing(
    case: str, site: Site, load: Load
) -> None:
    code, complaint = RUBBISH[case]
    before = load()
    site.add("rockfall-bad", code)
    site.registering("rockfall-good", model("good-thing"))
    found = load()
    bad = plugin(found, "rockfall-bad")
    assert bad.status == "failed"
    assert complaint in bad.error
    assert "\n" not in bad.error
    assert "Traceback" in bad.traceback
    assert bad.provides == ()
    assert plugin(found, "rockfall-good").status == "loaded"
    assert set(found.models.names()) == {*before.models.names(), "good-thing"}
    assert found.commands.names() == before.commands.names()
    assert all(bad.entry_point not in name for name, _ in found.follow("rockfall_run_started"))


def test_a_registration_that_fails_half_way_is_undone(site: Site, load: Load) -> None:
    site.registering(
        "rockfall-half",
        model("first"),
        "register.command(name='verb', summary='x', target='fake:x')",
        model("second", target="rubbish"),
    )
    found = load()
    assert plugin(found, "rockfall-half").status == "failed"
    assert found.models.get("first") is None
    assert found.commands.get("verb") is None


def test_two_distributions_with_one_name(site: Site, load: Load) -> None:
    site.registering("rockfall-one", model("lenet", target="one:Lenet"))
    site.registering("rockfall-two", model("lenet", target="two:Lenet"))
    models = load().models
    with pytest.raises(AmbiguousName) as error:
        models.find("lenet")
    assert "rockfall-one:lenet and rockfall-two:lenet" in str(error.value)
    assert models.find("rockfall-two:lenet").spec.target == "two:Lenet"
    assert {"rockfall-one:lenet", "rockfall-two:lenet"} <= set(models.names())


def test_one_entry_point_name_in_two_distributions(site: Site, load: Load) -> None:
    site.registering("rockfall-one", model("first"), entry="plugin")
    site.registering("rockfall-two", model("second"), entry="plugin")
    assert {"first", "second"} <= set(load().models.names())


def test_one_distribution_may_use_a_name_for_two_kinds(site: Site, load: Load) -> None:
    dataset = "register.dataset(name='thing', summary='x', target='a:b', kinds=('pictures',))"
    site.registering("rockfall-both", model("thing"), dataset)
    assert plugin(load(), "rockfall-both").provides == ("model thing", "dataset thing")


@pytest.mark.parametrize("written", ["rockfall-one", "Rockfall_One", " rockfall-one , other"])
def test_allow_and_block(
    written: str, site: Site, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.registering("rockfall-one", model("first"))
    site.registering("rockfall-two", model("second"))
    monkeypatch.setenv("ROCKFALL_PLUGINS_BLOCK", written)
    found = load()
    assert plugin(found, "rockfall-one").skipped == "blocked by ROCKFALL_PLUGINS_BLOCK"
    assert found.models.get("first") is None
    assert found.models.get("second")
    monkeypatch.delenv("ROCKFALL_PLUGINS_BLOCK")
    monkeypatch.setenv("ROCKFALL_PLUGINS_ALLOW", written)
    found = load()
    assert found.models.names() == ["first"]
    assert plugin(found, "rockfall-two").status == "skipped"
    assert found.commands.get("train"), "the core itself can't be left out"


def test_a_blocked_plugin_is_not_even_imported(
    site: Site, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = site.add("rockfall-bad", "raise SystemExit")
    monkeypatch.setenv("ROCKFALL_PLUGINS_BLOCK", "rockfall-bad")
    assert plugin(load(), "rockfall-bad").status == "skipped"
    assert module not in sys.modules


def test_strict_mode_raises(site: Site, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("rockfall-bad", "1 / 0")
    monkeypatch.setenv("ROCKFALL_STRICT", "1")
    with pytest.raises(ZeroDivisionError):
        load()


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="no model named reinfroce; did you mean reinforce"):
        registry().models.find("reinfroce")
    with pytest.raises(UnknownName, match="no dataset named qqq; `rockfall list datasets`"):
        registry().datasets.find("qqq")
    with pytest.raises(UnknownName, match="`rockfall install rockfall-gone` may bring it"):
        registry().models.find("rockfall-gone:walks")


def test_the_command_line_survives_and_tells(site: Site, typed: Typed) -> None:
    site.add("rockfall-bad", "import sys; sys.exit('goodbye')")
    site.registering("rockfall-one", model("lenet"))
    site.registering("rockfall-two", model("lenet"))
    listed = site.run("list", "models")
    assert listed.returncode == 0, listed.stderr
    assert "rockfall-one:lenet" in listed.stdout
    unknown = typed("info", "lenat")
    assert unknown.returncode == 2
    assert "a plugin failed to load: `rockfall plugins`" in unknown.stderr
    assert len(unknown.stderr.splitlines()) == 1


@pytest.mark.long
def test_plugins_lists_all_and_says_what_failed(site: Site) -> None:
    module = site.add("rockfall-bad", "1 / 0")
    site.registering("rockfall-one", model("lenet"))
    site.registering("rockfall-two", model("lenet"))
    shown = site.run("plugins").stdout
    assert "rockfall-bad 1.2.3" in shown
    assert "failed: ZeroDivisionError: division by zero" in shown
    assert "model lenet is in several plugins; say rockfall-one:lenet or rockfall-two:lenet" in (
        shown
    )
    assert shown.splitlines()[-1] == "`rockfall plugins rockfall-bad` shows where it failed"
    data = json.loads(site.run("plugins", "--json").stdout)
    assert {"rockfall-core", "rockfall-bad"} <= {p["distribution"] for p in data["plugins"]}
    assert data["shared_names"] == [
        {"kind": "model", "name": "lenet", "use": ["rockfall-one:lenet", "rockfall-two:lenet"]}
    ]
    detail = site.run("plugins", "bad").stdout
    assert f'{module}.py", line 1' in detail
    assert "model lenet" in site.run("plugins", "Rockfall_One").stdout
    unknown = site.run("plugins", "rockfall-on")
    assert unknown.returncode == 2
    assert "did you mean rockfall-one?" in unknown.stderr


@pytest.mark.long
def test_a_lifecycle_hook_that_raises_is_reported_and_the_run_goes_on(
    site: Site, typed: Typed
) -> None:
    site.add(
        "rockfall-tracker",
        """
        import random
        from rockfall.plugin import hookimpl
        rockfall_api = 1
        @hookimpl
        def rockfall_run_started(run):
            random.seed(1)
            raise RuntimeError("no server")
        @hookimpl
        def rockfall_run_logged(step, metrics):
            raise RuntimeError("no disk")
        @hookimpl
        def rockfall_run_finished(result):
            print("ended with", sorted(result["figures"]))
        """,
    )
    done = typed("train", "mlp", "--preset", "tiny", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert [w.rpartition("left out: ")[2] for w in warnings] == [
        "RuntimeError: no server",
        "RuntimeError: no disk",
    ], "each is said once"
    assert "ended with ['test accuracy', 'train accuracy']" in done.stderr, "stdout is the answer"
    assert events[-1]["event"] == "finished"


def test_what_a_lifecycle_hook_draws_changes_nothing(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(lambda model, run: None)
    drawn: list[float] = []
    call = lambda run: drawn.append(random.random())  # noqa: E731
    monkeypatch.setattr(registry(), "follow", lambda hook: [("tracker", call)])
    before = random_state()
    run.observers.started(run)
    assert drawn
    assert not difference(before, random_state())


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["list", "capabilities"], ["list", "kinds"], [], ["plugins"]],
)
def test_looking_around_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom rockfall.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "found = {'torch', 'pydantic', 'gymnasium', 'numpy', 'rich'} & set(sys.modules)\n"
        "assert not found, found"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_any_exception_at_all_on_import(site: Site) -> None:
    site.add("bad-odd", "class Odd(BaseException): pass\nraise Odd('odd')")
    done = site.run("plugins")
    assert done.returncode == 0, done.stderr
    assert "Odd: odd" in done.stdout


def test_what_a_plugin_prints_on_import_is_not_an_answer(site: Site) -> None:
    site.add("chatty", "print('hello')\n" + REGISTER + "    print('again')")
    done = site.run("list", "--json")
    assert json.loads(done.stdout)
    assert done.stderr == "hello\nagain\n"


def test_sources_open_beside_broken_openers_and_environments(site: Site, typed: Typed) -> None:
    call = "register.source_opener(name={0!r}, summary='s', target={1!r}, order=5)"
    site.registering("bad-openers", call.format("gone", "no_such_module:opener"))
    site.add(
        "bad-opener",
        "def opener(text, options): return 1 / 0\n"
        + REGISTER
        + "    "
        + call.format("raises", "fake_bad_opener:opener"),
    )
    site.registering(
        "bad-environment",
        "register.environment(name='bad', summary='s', target='no_such_module:x', "
        "gymnasium_id='Bad-v0', kinds=('environment',))",
    )
    for source in ("CartPole-v1", "digits"):
        done = typed("info", source)
        assert done.returncode == 0, done.stderr
    done = typed("info", "nowhere")
    assert "no source nowhere" in done.stderr
    assert "bad-openers:gone" in done.stderr


def test_a_hook_that_exits_ends_nothing(site: Site, typed: Typed) -> None:
    site.add(
        "leaving",
        """
        from rockfall.plugin import hookimpl
        rockfall_api = 1
        @hookimpl
        def rockfall_run_logged():
            raise SystemExit("good\\nbye")
        """,
    )
    done = typed("train", "mlp", "--preset", "tiny")
    assert done.returncode == 0, done.stderr
    assert "left out: SystemExit: good bye\n" in done.stderr
