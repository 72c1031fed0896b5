"""A studio's server in a thread, and clients that are not polite."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.sync.client import ClientConnection, connect

from rockfall_studio.command import listen
from rockfall_studio.framing import ALIGNED, TYPES
from rockfall_studio.security import Guard
from rockfall_studio.serving import PING, Server, build, server
from rockfall_studio.studio import Studio

TOKEN = "the-token-of-this-test"
KINDS = {number: dtype for dtype, number in TYPES.items()}


@dataclass
class Answered:
    """What the server answered to an HTTP request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class InThread:
    port: int
    guard: Guard
    server: Server
    studio: Studio

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    @property
    def cookie(self) -> str:
        return f"{self.guard.cookie_name}={self.guard.cookie_value}"

    def raw(self, *lines: str, body: bytes = b"") -> Answered:
        """An HTTP/1.1 request of exactly these lines."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            head = "\r\n".join((*lines, "Connection: close", "", ""))
            connection.sendall(head.encode("latin-1") + body)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        head, _, content = received.partition(b"\r\n\r\n")
        status, *rest = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in rest]
        return Answered(
            int(status.split()[1]), [(name.lower(), value) for name, _, value in pairs], content
        )

    def get(self, path: str, *headers: str, method: str = "GET") -> Answered:
        """As the page would, with the cookie; headers: instead of its own."""
        own = headers or (f"Host: {self.host}", f"Cookie: {self.cookie}")
        return self.raw(f"{method} {path} HTTP/1.1", *own)

    def tab(self, **how: Any) -> ClientConnection:
        """A websocket as the page opens one."""
        headers = how.pop("headers", {"Cookie": self.cookie})
        origin = how.pop("origin", self.origin)
        return connect(
            f"ws://{self.host}/tab",
            origin=origin,
            additional_headers=headers,
            max_size=None,
            compression=None,
            proxy=None,
            **how,
        )


class Silent:
    """A client that says what it wants and then reads nothing, and answers no ping."""

    def __init__(self, served: InThread) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", served.port))
        lines = (
            "GET /tab HTTP/1.1",
            f"Host: {served.host}",
            f"Origin: {served.origin}",
            f"Cookie: {served.cookie}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            "",
            "",
        )
        self.socket.sendall("\r\n".join(lines).encode())
        assert self.socket.recv(1024).startswith(b"HTTP/1.1 101")

    def say(self, text: str) -> None:
        content = text.encode()
        assert len(content) < 126
        self.socket.sendall(bytes([0x81, 0x80 | len(content), 0, 0, 0, 0]) + content)

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@contextlib.contextmanager
def serving(studio: Studio, names: tuple[str, ...] = (), ping: float = PING) -> Iterator[InThread]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    guard = build(studio, token=TOKEN, port=port, names=names)
    ready = threading.Event()
    running = server(guard, ready.set, ping)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    assert ready.wait(20)
    try:
        yield InThread(port, guard, running, studio)
    finally:
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def ask(tab: ClientConnection, number: int, name: str, **fields: Any) -> None:
    tab.send(json.dumps({"id": number, "ask": name, **fields}))


def next_of(tab: ClientConnection, seconds: float = 10) -> dict[str, Any]:
    """The next message; of a binary one, its planes too."""
    message = tab.recv(seconds)
    if isinstance(message, str):
        return json.loads(message)
    number, data, planes = unpacked(message)
    return {"id": number, "data": data, "planes": planes}


def unpacked(frame: bytes) -> tuple[int, Any, list[np.ndarray[Any, Any]]]:
    """A binary frame, read as its description says; see framing.py."""
    number, count, length, zero = struct.unpack_from("<4I", frame)
    assert zero == 0
    data = json.loads(frame[16 : 16 + length])
    at = _aligned(16 + length)
    planes = []
    for _ in range(count):
        kind, rank, nothing = struct.unpack_from("<BBH", frame, at)
        assert nothing == 0
        shape = struct.unpack_from(f"<{rank}I", frame, at + 4)
        at = _aligned(at + 4 + 4 * rank)
        values = np.frombuffer(frame, KINDS[kind], int(np.prod(shape, dtype=int)), at)
        planes.append(values.reshape(shape))
        at = _aligned(at + values.nbytes)
    assert at == len(frame)
    return number, data, planes


def _aligned(at: int) -> int:
    return -(-at // ALIGNED) * ALIGNED
