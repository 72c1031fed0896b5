"""Downloads, from a server that goes wrong in every way: complete and verified, or absent."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from rockfall.errors import RockfallError, Unavailable
from rockfall.kit import downloads, transfer
from rockfall.kit.download_progress import Downloading
from rockfall.kit.downloads import Remote, data_folder, fetch
from tests.core.mirrors import (
    Mirror,
    cut,
    endless,
    mirror,
    stalling,
    status,
    whole,
    without_ranges,
)

DATA = bytes(range(256)) * 1200  # more than a chunk or two
OTHER = bytes(reversed(DATA))
SHA = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
DEAD = "http://127.0.0.1:9/file"  # nobody listens on the discard port


@pytest.fixture
def server() -> Iterator[Mirror]:
    with mirror() as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", 0.5)


def remote(*urls: str, size: int | None = len(DATA), digest: str = SHA) -> Remote:
    return Remote("file", urls, digest, size)


def ranges(server: Mirror) -> list[str | None]:
    return [asked for _, asked in server.asked]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def failure(remote: Remote, folder: Path) -> str:
    with pytest.raises(Unavailable) as caught:
        fetch(remote, folder)
    message = str(caught.value)
    assert "\n" not in message
    assert not (folder / "file").exists()
    return message


# What goes right ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [len(DATA), None])
@pytest.mark.parametrize("digest", [SHA, f"md5:{hashlib.md5(DATA).hexdigest()}"])
def test_a_file_is_fetched_once(
    server: Mirror, tmp_path: Path, size: int | None, digest: str
) -> None:
    server.answers["/a"] = whole(DATA)
    wanted = remote(server.url("/a"), size=size, digest=digest)
    path = fetch(wanted, tmp_path / "deep" / "folder")
    assert path == tmp_path / "deep" / "folder" / "file"
    assert path.read_bytes() == DATA
    assert names(path.parent) == {"file"}
    assert fetch(wanted, path.parent) == path
    assert ranges(server) == [None]


def test_what_the_user_laid_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OTHER)
    assert fetch(remote(DEAD), tmp_path).read_bytes() == OTHER


def test_each_mirror_is_tried_in_turn(server: Mirror, tmp_path: Path) -> None:
    server.answers |= {"/wrong": whole(OTHER), "/good": whole(DATA)}
    urls = [server.url(path) for path in ("/none", "/wrong", "/good", "/never")]
    assert fetch(remote(DEAD, *urls), tmp_path).read_bytes() == DATA
    assert server.asked == [("/none", None), ("/wrong", None), ("/good", None)]


def test_a_redirection_is_followed(server: Mirror, tmp_path: Path) -> None:
    server.answers |= {"/a": status(302, Location="/b"), "/b": whole(DATA)}
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA


# Resuming ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [len(DATA), None])
def test_only_the_rest_is_asked_for(server: Mirror, tmp_path: Path, size: int | None) -> None:
    (tmp_path / "file.part").write_bytes(DATA[:1000])
    server.answers["/a"] = whole(DATA)
    assert fetch(remote(server.url("/a"), size=size), tmp_path).read_bytes() == DATA
    assert ranges(server) == ["bytes=1000-"]
    assert names(tmp_path) == {"file"}


def test_a_server_without_ranges_starts_over(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA[:1000])
    server.answers["/a"] = without_ranges(DATA)
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert ranges(server) == ["bytes=1000-"]


def test_a_part_of_another_file_is_given_up_once(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(OTHER[:1000])
    server.answers["/a"] = whole(DATA)
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert ranges(server) == ["bytes=1000-", None]

    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "file.part").write_bytes(DATA[:1000])
    server.answers["/a"], server.asked = whole(OTHER), []
    assert "published digest" in failure(remote(server.url("/a")), tmp_path / "again")
    assert ranges(server) == ["bytes=1000-", None]
    assert names(tmp_path / "again") == set()


def test_a_whole_part_is_verified_not_fetched(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA)
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert not server.asked


@pytest.mark.parametrize(("laid", "asked"), [(DATA, 1), (OTHER, 2), (DATA + b"more", 2)])
def test_nothing_after_the_part_is_said_by_416(
    server: Mirror, tmp_path: Path, laid: bytes, asked: int
) -> None:
    (tmp_path / "file.part").write_bytes(laid)
    server.answers["/a"] = whole(DATA)
    assert fetch(remote(server.url("/a"), size=None), tmp_path).read_bytes() == DATA
    assert len(server.asked) == asked


def test_a_part_that_is_too_long_is_no_part(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA + b"more")
    server.answers["/a"] = whole(DATA)
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert ranges(server) == [None]


def test_another_part_than_was_asked_for_is_refused(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(DATA[:1000])
    span = f"bytes 0-{len(DATA) - 1}/{len(DATA)}"
    server.answers["/a"] = lambda request: request.begin(206, Content_Range=span, Content_Length=0)
    assert "another part" in failure(remote(server.url("/a")), tmp_path)
    assert (tmp_path / "file.part").read_bytes() == DATA[:1000]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, len(DATA)), max_size=4), st.booleans())
def test_a_connection_that_breaks_goes_on_where_it_broke(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], sized: bool
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    left = list(steps)
    with mirror() as server:
        server.answers["/a"] = cut(DATA, lambda start: start + (left.pop(0) if left else len(DATA)))
        wanted = remote(server.url("/a"), size=len(DATA) if sized else None)
        assert fetch(wanted, folder).read_bytes() == DATA
        starts = [0]
        for step in steps:
            if starts[-1] + step < len(DATA):
                starts.append(starts[-1] + step)
            else:
                break
        assert ranges(server) == [f"bytes={start}-" if start else None for start in starts]


def test_a_connection_that_always_breaks_is_given_up(server: Mirror, tmp_path: Path) -> None:
    server.answers |= {
        "/none": cut(DATA, lambda start: start),
        "/little": cut(DATA, lambda start: start + 10),
    }
    told = failure(remote(server.url("/none"), server.url("/little")), tmp_path)
    assert "stopped after 0 of 307,200 bytes" in told
    assert "stopped after 50 of 307,200 bytes" in told
    assert ranges(server) == [None, None, *(f"bytes={10 * n}-" for n in range(1, 5))]
    assert (tmp_path / "file.part").read_bytes() == DATA[:50]


# What goes wrong ---------------------------------------------------------------------------------


def test_every_mirror_s_failure_is_told_in_one_line(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/wrong"] = whole(OTHER)
    urls = [server.url(path) for path in ("/none", "/wrong", "/none")]
    told = failure(remote(DEAD, *urls), tmp_path)
    assert "127.0.0.1:9: Connection refused" in told
    assert told.count(f":{server.server_port}: HTTP 404 Not Found") == 1
    assert "published digest" in told
    assert f"lay it at {tmp_path / 'file'} yourself, or set ROCKFALL_DATA" in told
    assert names(tmp_path) == set()


def test_a_stalled_body_ends_and_the_next_mirror_gives_the_rest(
    server: Mirror, tmp_path: Path
) -> None:
    server.answers |= {"/stalls": stalling(DATA, 70_000), "/good": whole(DATA)}
    began = time.monotonic()
    urls = server.url("/stalls"), server.url("/good")
    assert fetch(remote(*urls), tmp_path).read_bytes() == DATA
    assert time.monotonic() - began < 5
    assert server.asked[-1] == ("/good", "bytes=70000-")


def test_a_server_that_never_answers_is_given_up(server: Mirror, tmp_path: Path) -> None:
    server.answers["/mute"] = lambda request: request.server.closing.wait() and None
    assert "no answer for 0.5 s" in failure(remote(server.url("/mute")), tmp_path)


@pytest.mark.parametrize("size", [len(DATA), None])
def test_a_body_without_an_end_does_not_fill_the_disk(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(transfer, "LARGEST", len(DATA))
    server.answers["/a"] = endless
    assert f"more than the {len(DATA):,} bytes" in failure(
        remote(server.url("/a"), size=size), tmp_path
    )
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_another_length_than_was_published_is_not_even_fetched(
    server: Mirror, tmp_path: Path
) -> None:
    server.answers["/portal"] = whole(b"<html>Please log in</html>")
    told = failure(remote(server.url("/portal")), tmp_path)
    assert f"has 26 bytes, and {len(DATA):,} were published" in told
    assert names(tmp_path) == set()


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1:9/file"])
def test_a_redirection_leads_out_of_the_web_never(
    server: Mirror, tmp_path: Path, target: str
) -> None:
    server.answers["/a"] = status(302, Location=target)
    told = failure(remote(server.url("/a")), tmp_path)
    assert "HTTP 302" in told or "unknown url type: ftp" in told


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_and_no_other_mirror_is_tried(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file.part").symlink_to("/dev/full")
    server.answers["/a"] = whole(DATA)
    with pytest.raises(RockfallError, match=r"can't write .*file.part: No space left") as caught:
        fetch(remote(server.url("/a"), server.url("/a")), tmp_path)
    assert not isinstance(caught.value, Unavailable)
    assert len(server.asked) == 1
    assert not (tmp_path / "file").exists()


def test_a_disk_that_fills_up_leaves_a_part_to_go_on_with(server: Mirror, tmp_path: Path) -> None:
    """A real limit on the size of files, in a process of its own."""
    server.answers["/a"] = whole(DATA)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))\n"
    done = subprocess.run(
        fetching(server.url("/a"), tmp_path, limit), capture_output=True, text=True, check=False
    )
    assert "RockfallError: can't write" in done.stderr
    assert (tmp_path / "file.part").read_bytes() == DATA[:100000]
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert ranges(server) == [None, "bytes=100000-"]


def test_a_folder_that_can_t_be_made(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    with pytest.raises(RockfallError, match=r"can't write .*in-the-way") as caught:
        fetch(remote(server.url("/a")), tmp_path / "in-the-way" / "folder")
    assert not isinstance(caught.value, Unavailable)
    assert not server.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_t_be_written(server: Mirror, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RockfallError, match=r"can't write .*Permission denied"):
            fetch(remote(server.url("/a")), tmp_path)
    finally:
        tmp_path.chmod(0o700)


# Several processes -------------------------------------------------------------------------------


def fetching(url: str, folder: Path, before: str = "") -> list[str]:
    """The command line of a process that fetches."""
    code = (
        f"{before}from pathlib import Path\nfrom rockfall.kit.downloads import Remote, fetch\n"
        f"fetch(Remote('file', ({url!r},), {SHA!r}, {len(DATA)}), Path({str(folder)!r}))\n"
    )
    return [sys.executable, "-c", code]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.long
def test_of_two_processes_one_downloads(server: Mirror, tmp_path: Path) -> None:
    both_there = []

    def slowly(request: object) -> None:
        wait_for(lambda: len(both_there) == 2)
        whole(DATA)(request)  # type: ignore[arg-type]

    server.answers["/a"] = slowly
    command = fetching(server.url("/a"), tmp_path, "print('here', flush=True)\n")
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for process in started:
        assert process.stdout is not None
        both_there.append(process.stdout.readline())
    for process in started:
        process.communicate(timeout=30)
    assert [process.returncode for process in started] == [0, 0]
    assert ranges(server) == [None]
    assert (tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_stopped_leaves_what_it_had(
    server: Mirror, tmp_path: Path, number: signal.Signals
) -> None:
    server.answers["/a"] = stalling(DATA, 70_000)
    process = subprocess.Popen(
        fetching(server.url("/a"), tmp_path), stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / "file.part"
    wait_for(lambda: part.exists() and part.stat().st_size == 70_000)
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == -number
    assert not (tmp_path / "file").exists()
    server.answers["/a"] = whole(DATA)
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert ranges(server) == [None, "bytes=70000-"]


def test_waiting_for_another_process_is_told(
    server: Mirror,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.05)
    server.answers["/a"] = stalling(DATA, 1000)
    holder = subprocess.Popen(fetching(server.url("/a"), tmp_path), stderr=subprocess.DEVNULL)
    wait_for((tmp_path / "file.part").exists)
    server.answers["/a"] = whole(DATA)
    threading.Timer(0.5, holder.kill).start()
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    holder.wait()
    captured = capsys.readouterr()
    assert "waiting for another process" in captured.err
    assert not captured.out


# What people see ---------------------------------------------------------------------------------


def test_progress_goes_to_standard_error(
    server: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a"] = whole(DATA)
    fetch(remote(server.url("/a")), tmp_path)
    captured = capsys.readouterr()
    assert captured.err == (
        f"downloading {tmp_path.name}/file (0.3 MB) from 127.0.0.1:{server.server_port}\n"
    )
    assert not captured.out


def shown(monkeypatch: pytest.MonkeyPatch, terminal: bool, size: int | None) -> str:
    """A download of 10 MB that takes 40 s."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, color_system=None)
    with Downloading("a.gz", size, console) as progress:
        progress.ask("mirror.org")
        for second in range(41):
            progress.reached(second * 250_000)
            now[0] += 1
    return out.getvalue()


def test_in_a_pipe_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, terminal=False, size=10_000_000).splitlines()
    assert lines[0] == "downloading a.gz (10.0 MB) from mirror.org"
    assert [line.partition(" ")[2].strip() for line in lines[1:]] == [
        "38 % of 10.0 MB  0.2 MB/s, 25 s left  a.gz",
        "75 % of 10.0 MB  0.2 MB/s, 10 s left  a.gz",
    ]


def test_in_a_terminal_the_line_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=True, size=10_000_000)
    assert "50 % of 10.0 MB  0.2 MB/s, 20 s left  a.gz" in text
    assert text.count("% of") > 35


def test_of_unknown_size_what_is_there_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "downloading a.gz  7.5 MB  0.2 MB/s" in shown(monkeypatch, terminal=False, size=None)


# What is asked for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "../file"}, "not a file's name"),
        ({"name": ".."}, "not a file's name"),
        ({"digest": "sha1:" + "0" * 40}, "is not sha256:… or md5:…"),
        ({"digest": "md5:" + "0" * 64}, "is not sha256:… or md5:…"),
        ({"urls": ()}, "no address"),
        ({"urls": ("ftp://a/b",)}, "not http or https"),
        ({"urls": ("file:///etc/passwd",)}, "not http or https"),
    ],
)
def test_a_remote_that_can_t_be(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Remote(**({"name": "file", "urls": ("http://a/b",), "digest": SHA} | changes))  # type: ignore[arg-type]


def test_where_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROCKFALL_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv("ROCKFALL_DATA", "~/data")
    assert data_folder() == Path.home() / "data"
    monkeypatch.delenv("ROCKFALL_DATA")
    assert data_folder().name == "rockfall"
