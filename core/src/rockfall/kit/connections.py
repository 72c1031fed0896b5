"""HTTP connections that a slow server can't hold open, and what failed of one in words."""

from __future__ import annotations

import contextlib
import http
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MINUTE = 60.0
"""Seconds after each of which it is looked at how much has come."""
FLOOR = 100_000
"""Bytes a minute, which the slowest line of today gives many times over."""


class Pace:
    """Cuts the connections of one request when less than `FLOOR` bytes came in a minute, be it
    headers, a handshake or the body. A timeout alone begins anew with every byte.

    came: bytes of the body so far, which the reader counts. slow: whether it was cut.
    """

    def __init__(self) -> None:
        self.came = 0
        self.slow = False
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """While open, the pace is watched."""
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            watch.join()
            for each in self._sockets:
                each.close()

    def _watch(self) -> None:
        before = 0
        while not self._over.wait(MINUTE):
            if self.came - before < FLOOR:
                self.slow = True
                for each in self._sockets:
                    with contextlib.suppress(OSError):
                        each.shutdown(socket.SHUT_RDWR)
                return
            before = self.came

    def connect(self, *given: Any, **named: Any) -> socket.socket:
        """`socket.create_connection`, which this one can cut."""
        made = socket.create_connection(*given, **named)
        self._sockets.append(made.dup())  # http.client and TLS hand the first one on
        return made

    def opener(self) -> urllib.request.OpenerDirector:
        """HTTP and HTTPS, through a proxy if the environment names one; no file:, ftp: or data:."""
        pace = self

        def paced(kind: Any) -> Any:
            def make(*given: Any, **named: Any) -> Any:
                connection = kind(*given, **named)
                connection._create_connection = pace.connect
                return connection

            return make

        class Http(urllib.request.HTTPHandler):
            def http_open(self, request: Any) -> Any:
                return self.do_open(paced(http.client.HTTPConnection), request)

        class Https(urllib.request.HTTPSHandler):
            def https_open(self, request: Any) -> Any:
                context = ssl.create_default_context()
                kind = paced(http.client.HTTPSConnection)
                return self.do_open(kind, request, context=context)

        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler,
            Http,
            Https,
            urllib.request.HTTPDefaultErrorHandler,
            urllib.request.HTTPRedirectHandler,
            urllib.request.HTTPErrorProcessor,
            urllib.request.UnknownHandler,
        ):
            opener.add_handler(handler())
        return opener


def status_in_words(code: int) -> str:
    """`HTTP 404 Not Found`, in the standard's words and not the server's."""
    try:
        return f"HTTP {code} {http.HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


def in_words(error: Exception, timeout: float) -> str:
    """Why a connection failed. timeout: seconds for which it waited for the next bytes."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    match inner:
        case TimeoutError():
            return f"no answer for {timeout:g} s"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not to be trusted: {inner.verify_message}"
        case ssl.SSLError():
            return "makes no secure connection"
        case socket.gaierror():
            return "there is no such host, or no network"
        case http.client.RemoteDisconnected():
            return "closed the connection without an answer"
        case http.client.IncompleteRead():
            return "closed the connection before the end"
        case http.client.InvalidURL() | ValueError():
            return "leads to what is no address"
        case http.client.HTTPException():
            return "answers with what is not HTTP"
        case OSError(strerror=str(reason)):
            return reason
    return " ".join(str(inner).split())[:200] or "the connection failed"


def seconds_of(retry_after: str | None) -> float | None:
    """What `Retry-After` asks to wait, of seconds or a date; None if it says neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
