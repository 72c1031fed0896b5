"""A web server on this machine that gives files in every right and wrong way there is."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; an answer writes to it."""

    server: Mirror

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        with contextlib.suppress(OSError):  # the client may have had enough
            self.server.answers.get(self.path, status(404))(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))
        assert found
        return int(found[1])

    def begin(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


class Mirror(ThreadingHTTPServer):
    """answers: what each path gives. asked: the (path, Range) of each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def mirror() -> Iterator[Mirror]:
    """A server that runs while this is open."""
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def whole(data: bytes) -> Answer:
    """As a good server does: all, or from the byte that is asked for, or 416."""
    return cut(data, lambda start: len(data))


def cut(data: bytes, until: Callable[[int], int]) -> Answer:
    """A good server whose connection breaks before byte `until(start)`."""

    def answer(request: Request) -> None:
        start = request.start
        if start >= len(data) > 0:
            return request.begin(416, Content_Range=f"bytes */{len(data)}", Content_Length=0)
        if "Range" in request.headers:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            request.begin(206, Content_Length=len(data) - start, Content_Range=span)
        else:
            request.begin(200, Content_Length=len(data))
        request.wfile.write(data[start : until(start)])
        return None

    return answer


def without_ranges(data: bytes) -> Answer:
    def answer(request: Request) -> None:
        request.begin(200, Content_Length=len(data))
        request.wfile.write(data)

    return answer


def stalling(data: bytes, after: int) -> Answer:
    """Sends some, and then nothing more for as long as the server lives."""

    def answer(request: Request) -> None:
        request.begin(200, Content_Length=len(data))
        request.wfile.write(data[:after])
        request.server.closing.wait()

    return answer


def endless(request: Request) -> None:
    """Never stops sending, and never says how much it will be."""
    request.begin(200)
    while True:
        request.wfile.write(bytes(1 << 16))


def status(code: int, **headers: object) -> Answer:
    return lambda request: request.begin(code, Content_Length=0, **headers)
