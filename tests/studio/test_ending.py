"""`rockfall studio` as a process: how it begins beside others, and how it ends."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.studio.serving import READY_WITHIN, Served, rockfall, serve

pytestmark = pytest.mark.slow

ENDS_WITHIN = 15
"""Seconds, on a machine that does much else; it takes one."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "runs") as found:
        yield found


def cookie(served: Served) -> str:
    """As a browser gets it by the first address."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", f"/?token={served.token}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return str(answer.headers["set-cookie"]).partition(";")[0]


def tab(served: Served) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{served.port}/tab",
        origin=served.base,  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie(served)},
        proxy=None,
        max_size=None,
    )


def ask(of: ClientConnection, name: str, **fields: Any) -> None:
    of.send(json.dumps({"id": 1, "ask": name, **fields}))


GAME = {
    "environment": "falling-rocks-8x8",
    "players": ["random"],
    "game": "a-game-of-this-test",
    "paused": True,
}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_promptly_with_an_open_tab_that_streams(
    served: Served, how: signal.Signals
) -> None:
    with tab(served) as open_tab:
        ask(open_tab, "play.watch", **GAME)
        open_tab.recv(READY_WITHIN)
        began = time.monotonic()
        served.process.send_signal(how)
        assert served.process.wait(ENDS_WITHIN) == 0
        assert time.monotonic() - began < ENDS_WITHIN
    assert served.log.read_text() == ""


def test_its_trainings_end_with_it_and_can_be_resumed(served: Served) -> None:
    with tab(served) as open_tab:
        words = {"model": "rbm", "source": "digits", "settings": {"epochs": "100000"}}
        ask(open_tab, "train.begin", **words)
        said = json.loads(open_tab.recv(READY_WITHIN))
        assert "data" in said, said
        (run,) = served.runs.iterdir()
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 0
    processes = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(served.runs) not in processes
    assert (run / "checkpoint" / "last.safetensors").exists()
    assert not (run / "result.json").exists()


def test_two_studios_at_once_and_a_port_that_is_taken(served: Served, tmp_path: Path) -> None:
    with serve(tmp_path / "others") as second:
        assert second.port != served.port
        assert cookie(second).partition("=")[0] != cookie(served).partition("=")[0]
        with tab(served), tab(second):
            pass
        options = ("studio", "--no-browser", "--port", str(second.port))
        taken = subprocess.run(rockfall(*options), capture_output=True, text=True, check=False)
    assert taken.returncode == 2
    assert "already in use" in taken.stderr
    assert "Traceback" not in taken.stderr
    assert len(taken.stderr.splitlines()) == 1


def test_who_can_get_in_is_said_where_others_can(tmp_path: Path) -> None:
    with serve(tmp_path / "runs", "--host", "0.0.0.0", "--name", "my.host") as served:
        assert "0.0.0.0" not in served.address
        assert "open to others: whoever reaches this machine" in served.log.read_text()
        first = cookie(served)
    with serve(tmp_path / "runs", "--host", "0.0.0.0", port=served.port) as again:
        assert cookie(again) != first, "who was let in once would be for ever"


def test_the_next_studio_at_the_port_knows_the_page_of_the_last(tmp_path: Path) -> None:
    with serve(tmp_path / "runs") as first:
        before = cookie(first)
        assert first.log.read_text() == ""
    with serve(tmp_path / "runs", port=first.port) as second:
        assert cookie(second) == before
        assert second.token != first.token


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "no.such.host.invalid"), "can't listen at no.such.host.invalid"),
        (("--name", "http://a:1"), "no name of a machine"),
        (("--host", "a b"), "no name of a machine"),
        (("--port", "70000"), "70000"),
        (("--port", "-1"), "-1"),
    ],
)
def test_what_is_wrong_is_one_line(words: tuple[str, ...], said: str) -> None:
    command = rockfall("studio", "--no-browser", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = ["nohup", *rockfall("studio", "--no-browser", "--json", "--port", "0")]
    with subprocess.Popen(
        [*command, "--out", str(runs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"]
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN) == 0


def test_a_run_of_a_stranger_imports_nothing(
    tmp_path: Path, trained: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As little as on the command line: its source may name a module, which would run any code."""
    marker = tmp_path / "was-imported"
    (tmp_path / "modules").mkdir()
    code = f"open({str(marker)!r}, 'w').close()\n"
    (tmp_path / "modules" / "module_of_a_stranger.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    run = tmp_path / "runs" / "stranger"
    shutil.copytree(trained("pqn"), run)
    record = json.loads((run / "run.json").read_text())
    record["source"] = "module_of_a_stranger:Game-v0"
    (run / "run.json").write_text(json.dumps(record))
    asked = {
        "play.about": {},
        "play.watch": {"players": ["stranger"], "game": "a-game-of-this-test"},
        "see.open": {},
        "see.game": {},
        "train.resume": {},
    }
    with serve(tmp_path / "runs") as served, tab(served) as open_tab:
        for name, fields in asked.items():
            ask(open_tab, name, run="stranger", **fields)
            said = open_tab.recv(READY_WITHIN)
            while isinstance(said, str) and not {"error", "end"} & json.loads(said).keys():
                said = open_tab.recv(READY_WITHIN)
            assert not marker.exists(), name
            assert isinstance(said, str)
            if name.startswith("play"):
                assert "comes from a file" in json.loads(said)["error"]
