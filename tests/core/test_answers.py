"""With `--json`, standard output is the answer, whatever a plugin prints and however."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.sites import REGISTER, Site, model

STRAYS = {
    "print": "print('stray')",
    "without an end": "print('stray', end='', flush=True)",
    "write": "import sys; sys.stdout.write('stray\\n')",
    "bytes": "import sys; sys.stdout.buffer.write(b'stray\\n'); sys.stdout.buffer.flush()",
    "descriptor": "import os; os.write(1, b'stray\\n')",
    "process": "import subprocess; subprocess.run(['echo', 'stray'])",
    "process into ours": "import subprocess as s, sys; s.run(['echo', 'stray'], stdout=sys.stdout)",
    "shell": "import os; os.system('echo stray')",
    "C": "import ctypes; ctypes.CDLL(None).puts(b'stray')",
    "click": "import click; click.echo('stray')",
    "rich": "import rich; rich.print('stray')",
    "the first stream": "import sys; sys.__stdout__.write('stray\\n'); sys.__stdout__.flush()",
    "logging": "import logging as l, sys; l.basicConfig(stream=sys.stdout); l.error('stray')",
    "thread": "import threading; threading.Thread(target=print, args=('stray',)).start()",
}
THING = """
import numpy as np
import rockfall
{top}
class Thing:
    class Config(rockfall.Config):
        steps: int = 2
    def __init__(self, config, info):
        {here}
        self.config = config
    def fit(self, source, run):
        {here}
        for step in run.steps(self.config.steps):
            {here}
            run.log(loss=1.0)
    def state_dict(self):
        {here}
        return {{"x": np.zeros(3)}}
    def load_state_dict(self, state):
        {here}
"""


def site_of(path: Path, stray: str) -> Site:
    path.mkdir()
    site = Site(path)
    site.registering("rockfall-loud", model(target="fake_thing:Thing", capabilities=()))
    (path / "fake_thing.py").write_text(THING.format(top=stray, here=stray))
    return site


def parsed(done: subprocess.CompletedProcess[str], lines: bool = False) -> object:
    assert done.returncode == 0, done.stderr
    assert "stray" not in done.stdout
    assert "stray" in done.stderr
    return [json.loads(x) for x in done.stdout.splitlines()] if lines else json.loads(done.stdout)


@pytest.mark.parametrize("stray", STRAYS)
def test_what_is_printed_meanwhile_is_no_answer(stray: str) -> None:
    code = (
        "from rockfall.kit.answers import answering\nfrom rockfall.kit.console import print_json\n"
        f"with answering():\n    {STRAYS[stray]}\n    print_json([1])\n    {STRAYS[stray]}\n"
        "print('after')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[\n  1\n]\nafter\n", done.stderr
    assert done.stderr.count("stray") == 2


@pytest.mark.long
def test_of_every_verb_that_opens_it(tmp_path: Path) -> None:
    site = site_of(tmp_path / "site", "; ".join(v for k, v in STRAYS.items() if k != "thread"))
    runs = {"ROCKFALL_RUNS": str(tmp_path / "runs")}
    events = parsed(site.run("train", "thing", "digits", "--json", **runs), lines=True)
    assert isinstance(events, list)
    assert [events[0]["event"], events[-1]["event"]] == ["started", "finished"]
    parsed(site.run("evaluate", "last", "--json", **runs))
    parsed(site.run("resume", "last", "--json", **runs), lines=True)


def test_a_verb_that_prints_json_itself_still_answers(tmp_path: Path) -> None:
    verb = """
import click, json
from rockfall.verbs import as_json
@click.command("dance")
@as_json
def dance(as_json):
    click.echo(json.dumps({"danced": as_json}))
"""
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    call = "register.command(name='dance', summary='s', target='fake_rockfall_own:dance')"
    site.add("rockfall-own", verb + REGISTER + f"    {call}\n")
    assert json.loads(site.run("dance", "--json").stdout) == {"danced": True}
    assert json.loads(site.run("dance").stdout) == {"danced": False}


def test_an_answer_to_nobody_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    done = subprocess.run(
        ["bash", "-c", 'python -c "from rockfall.cli import main; main()" list --json | head -c 1'],
        env={"PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
