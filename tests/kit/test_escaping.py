"""Whatever text is shown, and however, none of it acts on the terminal."""

from __future__ import annotations

import io
import json
import sys
import types
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.text import Text

from rockfall.cli import main
from rockfall.kit.console import hang, new_console, print_json, print_table, say
from rockfall.kit.download_progress import tell
from rockfall.kit.escaping import printable
from rockfall.progress.jsonlines import print_event
from rockfall.progress.notebook import NotebookListener
from rockfall.progress.terminal import TerminalListener
from rockfall.run.events import Event

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
BIDI = list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
SEQUENCES = [
    "\x1b]52;c;ZWNobyBoaQ==\x07",
    "\x1b[2J",
    "\x9b2J",
    "[link=http://x.example]a[/link]",
    ":bomb:",
]
TEXT = st.lists(
    st.one_of(st.sampled_from(CONTROLS + BIDI + SEQUENCES), st.characters(), st.just("\ud800"))
).map("".join)


def acts(text: str) -> list[str]:
    """What a terminal would do more with than show it."""
    return [
        char
        for char in text
        if (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in "\n\t")
        or unicodedata.bidirectional(char)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]


STARTED = {"run": "a", "model": "m", "source": "s", "device": "cpu", "resumed": None}
FINISHED = {"run": "a", "address": "a", "model": "m", "kinds": [], "seconds": 1.0}


def _events(text: str) -> list[Event]:
    figure = {
        "value": 1.0,
        "error": 0.0,
        "note": text,
        "baselines": {text: {"value": 1.0, "error": 0.0}},
    }
    result = {"figures": {text: figure}}
    return [
        Event("started", {**STARTED, "run": text, "model": text, "source": text}),
        Event(
            "progress",
            {"fraction": 0.5, "step": 1, "label": text, "seconds": 1.0, "metrics": {text: 1.0}},
        ),
        Event("evaluating", {"what": text}),
        Event("warning", {"message": text}),
        Event(
            "finished",
            {**FINISHED, "run": text, "address": text, "result": result, "pictures": [text]},
        ),
    ]


def _listen(listener: Callable[[Event], None], text: str) -> None:
    for event in _events(text):
        listener(event)


SHOWS: dict[str, Callable[[str], object]] = {
    "say": say,
    "say on standard error": lambda text: say(text, err=True),
    "hang": lambda text: hang(text[:5], text),
    "print_json": lambda text: print_json({text: [text]}),
    "print_table": lambda text: print_table(("a", text), [(text, text)]),
    "tell": tell,
    "events as JSON": lambda text: _listen(print_event, text),
    "progress in a pipe": lambda text: _listen(TerminalListener(), text),
    "a console": lambda text: new_console().print(text, Text(text)),
}


@pytest.mark.parametrize("show", SHOWS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(text=TEXT)
def test_nothing_that_is_shown_acts(
    show: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    SHOWS[show](text)
    shown = capsys.readouterr()
    assert not acts(shown.out + shown.err)


@settings(max_examples=60, deadline=None)
@given(text=TEXT)
def test_a_live_line_lets_through_what_rich_says_alone(text: str) -> None:
    """The codes that move the cursor are those of lines that have nothing to escape."""

    def codes(text: str) -> list[str]:
        screen = io.StringIO()
        # So wide that no text takes another line.
        console = new_console(file=screen, force_terminal=True, width=20_000, color_system=None)
        _listen(TerminalListener(console), text.replace("\n", ""))
        return acts(screen.getvalue())

    assert codes(text) == codes("x")


@given(text=TEXT)
def test_json_says_the_same(text: str) -> None:
    assert json.loads(printable(json.dumps([text], ensure_ascii=False))) == [text]


@given(text=st.text(st.characters(exclude_categories=("C", "Z")), max_size=30))
def test_what_can_be_shown_stays(text: str) -> None:
    assert printable(text) == text


def test_words_of_many_scripts_stay() -> None:
    for text in ("Fréchet 距離 नमस्ते", "👩\u200d🔬", "می\u200cخواهم", "a\tb\nc"):
        assert printable(text) == text


def test_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [("[link=http://x.example]a[/link] [bold]b :bomb:",)])
    new_console().print("[red]c[/red]", Text("[d]"))
    assert capsys.readouterr().out.split() == [
        "name", "[link=http://x.example]a[/link]", "[bold]b", ":bomb:", "[red]c[/red]", "[d]",
    ]  # fmt: skip


def test_an_error_and_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b]52;c;aGk=\x07"
    with pytest.raises(SystemExit):
        main(["train", hostile])
    assert not acts(capsys.readouterr().err)
    before = sys.excepthook
    try:
        with pytest.raises(Exception, match="named") as found:
            main(["--traceback", "train", hostile])
        sys.excepthook(found.type, found.value, found.tb)
    finally:
        sys.excepthook = before
    shown = capsys.readouterr().err
    assert "Traceback" in shown and not acts(shown)


def test_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    display = types.ModuleType("IPython.display")
    handle = types.SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))

    def show(bundle: dict[str, str], **_: Any) -> Any:
        shown.append(bundle)
        return handle

    display.display = show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    _listen(NotebookListener(), "<script>\x1b]52;c;aGk=\x07\u202e")
    assert shown and not acts("".join(text for bundle in shown for text in bundle.values()))
    assert "<script>" not in "".join(bundle.get("text/html", "") for bundle in shown)


def test_no_console_of_rich_is_made_elsewhere() -> None:
    """What prints past the kit's console is not escaped."""
    from tests.architecture.modules import PACKAGES, modules

    wrong = [
        name
        for package in PACKAGES
        for name, path in modules(package).items()
        if "Console(" in path.read_text(encoding="utf-8")
        and "safe_console" not in name
        and name != "rockfall.kit.console"
    ]
    assert not wrong
