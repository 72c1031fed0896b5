"""The server: the page's files, and a websocket a tab."""

from __future__ import annotations

import contextlib
import mimetypes
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from rockfall_studio import views
from rockfall_studio.security import Guard
from rockfall_studio.studio import Studio
from rockfall_studio.tab import Tab

PAGE = Path(__file__).parent / "page"
LARGEST = 32 * 2**20
"""Bytes of one message from the page, the largest of which is a photograph."""
THREADS = 16
"""For short answers, most of which wait for a model that another one uses; streams have their own.
"""
PING = 20.0
"""Seconds between two signs of life, and for the second; a tab that gives none is closed."""
GRACE = 2
"""Seconds that open connections get when the studio ends."""
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


# Of the system's own list, which may say that JavaScript is plain text.
for ending, kind in {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}.items():
    mimetypes.add_type(kind, ending)


def build(
    studio: Studio,
    *,
    token: str,
    port: int,
    names: Iterable[str] = (),
    secret: bytes | None = None,
) -> Guard:
    """The application; see `Guard`."""
    views.load()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="answers")

    async def tab(socket: WebSocket) -> None:
        await Tab(socket, studio, pool).serve()

    routes = [WebSocketRoute("/tab", tab), Mount("/", Files(directory=PAGE, html=True))]
    app = Starlette(routes=routes)
    return Guard(app, token=token, port=port, names=names, secret=secret)


class Files(StaticFiles):
    """The page's files; what no file system takes for a path is none of them."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return ("", None) if "\0" in path else super().lookup_path(path)


class Connection(WebSocketsSansIOProtocol):
    """A websocket to which a page that reads nothing costs no more than what it was sent last."""

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)

    def keepalive_timeout(self) -> None:
        # To close it first sends what it has, which nobody reads.
        self.transport.abort()

    def shutdown(self) -> None:
        super().shutdown()
        if not self.writable.is_set():
            self.transport.abort()


class Server(uvicorn.Server):
    """Says when it is ready, and ends at Ctrl-C, or when it is told to or its terminal goes."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own raises them anew once it has ended, before trainings can be stopped.

        What is ignored stays so, as `nohup` wants it.
        """
        heard = [each for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN]
        if threading.current_thread() is not threading.main_thread():
            heard = []
        before = {each: signal.signal(each, self.handle_exit) for each in heard}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def serve(
    listener: socket.socket,
    studio: Studio,
    *,
    token: str,
    names: Iterable[str],
    secret: bytes | None,
    ready: Callable[[], None],
) -> None:
    """Until Ctrl-C, after which nothing goes on that it has begun."""
    port = listener.getsockname()[1]
    app = build(studio, token=token, port=port, names=names, secret=secret)
    try:
        server(app, ready).run(sockets=[listener])
    finally:
        studio.close()


def server(app: Guard, ready: Callable[[], None], ping: float = PING) -> Server:
    """ping: seconds between two signs of life of a tab, and for the second."""
    config = uvicorn.Config(
        app,
        log_level="critical",
        lifespan="off",
        access_log=False,
        ws=Connection,
        ws_per_message_deflate=False,  # costs more time than it saves within a machine
        ws_max_size=LARGEST,
        ws_ping_interval=ping,
        ws_ping_timeout=ping,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config, ready)
