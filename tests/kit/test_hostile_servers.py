"""Downloads from servers that are busy, slow or hostile: one line in words, within a bound."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rockfall.errors import Unavailable
from rockfall.kit import connections, downloads, transfer
from rockfall.kit.connections import seconds_of
from rockfall.kit.downloads import Remote, fetch
from tests.core.mirrors import Answer, Mirror, Request, mirror, status, whole

DATA = bytes(range(256)) * 400
SHA = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def server() -> Iterator[Mirror]:
    with mirror() as running:
        yield running


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", pauses.append)
    return pauses


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", 0.4)
    monkeypatch.setattr(connections, "MINUTE", 0.5)


def remote(*urls: str) -> Remote:
    return Remote("file", urls, SHA, len(DATA))


def failure(wanted: Remote, folder: Path) -> str:
    with pytest.raises(Unavailable) as caught:
        fetch(wanted, folder)
    message = str(caught.value)
    assert message.isprintable()
    assert not (folder / "file").exists()
    return message.partition("(")[2].rpartition(")")[0]


def at_first(*answers: Answer) -> Answer:
    """One answer after the other, and then the file."""
    left = [*answers]

    def answer(request: Request) -> None:
        (left.pop(0) if left else whole(DATA))(request)

    return answer


# Busy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", transfer.BUSY)
@pytest.mark.parametrize(("said", "pause"), [("7", 7), ("0", 0), (None, 1), ("soon", 1), ("-3", 1)])
def test_a_busy_server_is_asked_again_when_it_says(
    code: int, said: str | None, pause: float, server: Mirror, tmp_path: Path, slept: list[float]
) -> None:
    headers = {} if said is None else {"Retry_After": said}
    server.answers["/a"] = at_first(status(code, **headers))
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA
    assert slept == [pause]


def test_a_date_is_a_pause_too(server: Mirror, tmp_path: Path, slept: list[float]) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    server.answers["/a"] = at_first(status(503, Retry_After=date))
    fetch(remote(server.url("/a")), tmp_path)
    assert 15 < slept[0] <= 20


@given(st.text(max_size=40) | st.integers().map(str) | st.datetimes().map(format_datetime))
def test_whatever_is_asked_for_is_a_pause_or_nothing(said: str) -> None:
    pause = seconds_of(said)
    assert pause is None or pause >= 0


def test_a_pause_has_a_bound(server: Mirror, tmp_path: Path, slept: list[float]) -> None:
    server.answers["/long"] = status(429, Retry_After=3600)
    told = failure(remote(server.url("/long")), tmp_path)
    assert told.endswith("HTTP 429 Too Many Requests, and asks to wait 3,600 s")
    assert not slept
    server.answers["/always"] = status(503)
    assert failure(remote(server.url("/always")), tmp_path).endswith("HTTP 503 Service Unavailable")
    assert slept == [1, 2, 4, 8]
    slept.clear()
    server.answers["/often"] = status(503, Retry_After=25)
    failure(remote(server.url("/often")), tmp_path)
    assert slept == [25, 25]


def test_other_mirrors_are_asked_before_a_busy_one_again(
    server: Mirror, tmp_path: Path, slept: list[float]
) -> None:
    server.answers |= {"/busy": status(503), "/good": whole(DATA)}
    fetch(remote(server.url("/busy"), server.url("/good")), tmp_path)
    assert not slept
    (tmp_path / "file").unlink()
    server.asked.clear()
    server.answers["/busy"] = at_first(status(503))
    fetch(remote(server.url("/busy"), server.url("/none")), tmp_path)
    assert [path for path, _ in server.asked] == ["/busy", "/none", "/busy"]


def test_what_is_not_busy_is_not_asked_again(
    server: Mirror, tmp_path: Path, slept: list[float]
) -> None:
    for code in (400, 401, 403, 404, 410, 451, 505, 599):
        server.answers["/a"], server.asked = status(code), []
        assert f"HTTP {code}" in failure(remote(server.url("/a")), tmp_path)
        assert len(server.asked) == 1
    assert not slept


# Slow --------------------------------------------------------------------------------------------


def trickling(request: Request) -> None:
    request.begin(200, Content_Length=len(DATA))
    for byte in DATA:
        request.wfile.write(bytes([byte]))
        time.sleep(0.05)


def trickling_headers(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.closing.wait(0.05):
        request.wfile.write(b"X-More: and more\r\n")


def endless_continue(request: Request) -> None:
    while not request.server.closing.wait(0.05):
        request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def trickling_chunks(request: Request) -> None:
    request.begin(200, Transfer_Encoding="chunked")
    request.wfile.write(b"1;")
    while not request.server.closing.wait(0.05):
        request.wfile.write(b"x")


@pytest.mark.parametrize(
    "answer", [trickling, trickling_headers, endless_continue, trickling_chunks]
)
def test_a_server_that_trickles_is_given_up(
    answer: Answer, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ATTEMPTS", 2)
    server.answers |= {"/a": answer, "/good": whole(DATA)}
    began = time.monotonic()
    assert "sends less than 100 kB in 60 s" in failure(remote(server.url("/a")), tmp_path)
    assert fetch(remote(server.url("/a"), server.url("/good")), tmp_path).read_bytes() == DATA
    assert time.monotonic() - began < 10


def test_a_slow_line_is_fast_enough(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FLOOR", 100)

    def slowly(request: Request) -> None:
        request.begin(200, Content_Length=len(DATA))
        for at in range(0, len(DATA), 4000):
            request.wfile.write(DATA[at : at + 4000])
            time.sleep(0.05)

    server.answers["/a"] = slowly
    assert fetch(remote(server.url("/a")), tmp_path).read_bytes() == DATA


def test_nothing_watches_afterwards(server: Mirror, tmp_path: Path) -> None:
    server.answers["/a"] = whole(DATA)
    before = threading.active_count()
    fetch(remote(server.url("/a")), tmp_path)
    assert threading.active_count() <= before + 1  # the server's own, which may just end


# Hostile -----------------------------------------------------------------------------------------

LENGTH = f"Content-Length: {len(DATA)}\r\n".encode()
OK = b"HTTP/1.1 200 OK\r\n"
BEHAVIOURS: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"\x00\x01\x02 SSH-2.0-OpenSSH\r\n\r\n",
    "HTML alone": b"<html>hello</html>",
    "half a status": b"HTTP/1.1 2",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status out of range": b"HTTP/1.1 999 \x1b]0;title\x07\r\n\r\n",
    "a reason that acts": b"HTTP/1.1 404 \x1b]52;c;aGk=\x07\r\nContent-Length: 0\r\n\r\n",
    "a long reason": b"HTTP/1.1 404 " + b"x" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a long header": OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"X: y\r\n" * 300 + b"\r\n",
    "half the headers": OK + b"Content-Le",
    "no body": OK + LENGTH + b"\r\n",
    "half a body": OK + LENGTH + b"\r\n" + DATA[:1000],
    "a length that is none": OK + b"Content-Length: lots\r\n\r\nabc",
    "a negative length": OK + b"Content-Length: -5\r\n\r\nabc",
    "a huge length": OK + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "a chunk that is none": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a negative chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
    "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\nabc",
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
    "another file": OK + LENGTH + b"\r\n" + bytes(len(DATA)),
    "a part that was not asked for": b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/10\r\n\r\nabcde",
    "no content": b"HTTP/1.1 204 No\r\n\r\n",
    "a redirection to nowhere": b"HTTP/1.1 302 F\r\n\r\n",
    "a redirection to a file": b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n",
    "a redirection to no address": b"HTTP/1.1 302 F\r\nLocation: http://[::1\r\n\r\n",
    "a redirection with a control character": b"HTTP/1.1 302 F\r\nLocation: http://a\tb/\x1b\r\n\r\n",
    "a redirection to a long name": b"HTTP/1.1 302 F\r\nLocation: http://"
    + b"a" * 300
    + b"/\r\n\r\n",
    "a redirection to no port": b"HTTP/1.1 302 F\r\nLocation: http://a:port/\r\n\r\n",
    "a redirection to itself": b"HTTP/1.1 302 F\r\nLocation: /file\r\n\r\n",
    "unauthorised": b"HTTP/1.1 401 U\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
}
WORDLESS = ("(", "Error", "Exception", "b'", "0x", "None", "errno", "Errno")
"""What no reason for people has in it."""


@contextlib.contextmanager
def saying(*answers: bytes) -> Iterator[str]:
    """The address of a server that says these bytes to one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with contextlib.suppress(OSError), connection:
                        connection.recv(65_536)
                        connection.sendall(answers[number % len(answers)])
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(1)
                    number += 1

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/file"
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def in_words(told: str) -> bool:
    return bool(told) and not any(sign in told for sign in WORDLESS)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_each_hostile_answer_is_one_line_in_words(
    behaviour: str, tmp_path: Path, slept: list[float]
) -> None:
    with saying(BEHAVIOURS[behaviour]) as url:
        told = failure(remote(url), tmp_path)
    assert in_words(told), told
    assert len(told) < 200


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(BEHAVIOURS)), min_size=1, max_size=4), st.booleans())
def test_any_answers_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], good: bool
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    with mirror() as server, saying(*map(BEHAVIOURS.__getitem__, order)) as url:
        server.answers["/good"] = whole(DATA)
        if good:
            wanted = remote(url, server.url("/good"))
            assert fetch(wanted, folder).read_bytes() == DATA
        else:
            assert in_words(failure(remote(url), folder))


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/f", "http://no.such.host.invalid/f", "https://127.0.0.1:1/f"]
)
def test_no_server_at_all(address: str, tmp_path: Path) -> None:
    assert in_words(failure(remote(address), tmp_path))


def test_a_server_without_tls(tmp_path: Path) -> None:
    with saying(b"no TLS here") as url:
        told = failure(remote(url.replace("http:", "https:")), tmp_path)
    assert "makes no secure connection" in told


def test_the_names_of_callables_are_no_part_of_it() -> None:
    kinds: list[Callable[[], Exception]] = [OSError, ValueError, TimeoutError]
    assert all(in_words(connections.in_words(kind(), 15.0)) for kind in kinds)
