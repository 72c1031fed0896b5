"""The server: the page's files, and a websocket a tab."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from rockfall_studio import views
from rockfall_studio.security import Guard
from rockfall_studio.studio import Studio
from rockfall_studio.tab import Tab

PAGE = Path(__file__).parent / "page"
LARGEST = 32 * 2**20
"""Bytes of one message from the page, the largest of which is a photograph."""
THREADS = 4
"""For short answers; streams have their own."""
PING = 20.0
"""Seconds between two signs of life, and for the second; a tab that gives none is closed."""
GRACE = 2
"""Seconds that open connections get when the studio ends."""


def build(studio: Studio, *, token: str, port: int, names: Iterable[str] = ()) -> Guard:
    """The application. names: by which a browser may call it, beside the loopback's own."""
    views.load()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="answers")

    async def tab(socket: WebSocket) -> None:
        await Tab(socket, studio, pool).serve()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(studio.close)

    routes = [WebSocketRoute("/tab", tab), Mount("/", StaticFiles(directory=PAGE, html=True))]
    return Guard(Starlette(routes=routes, lifespan=lifespan), token=token, port=port, names=names)


class Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()


def serve(
    listener: socket.socket,
    *,
    token: str,
    names: Iterable[str],
    out: Path | None,
    sources: Sequence[str] = (),
    ready: Callable[[], None],
) -> None:
    """Until Ctrl-C."""
    app = build(Studio(out, sources), token=token, port=listener.getsockname()[1], names=names)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=LARGEST,
        ws_ping_interval=PING,
        ws_ping_timeout=PING,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    Server(config, ready).run(sockets=[listener])
