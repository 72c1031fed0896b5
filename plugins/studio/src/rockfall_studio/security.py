"""Who is let in: the Host and Origin headers against a fixed list, a token once, a cookie after it.

A page of somebody else's that the user has open can send requests here, too. It can't read the
token or the cookie, and a name that is rebound to this machine is in no list. Pages of this machine
at other ports are in the same cookie jar, so that an Origin is needed for all that does anything.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import os
import re
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rockfall import UsageError
from rockfall.kit.files import state_folder

OWN_NAMES = ("127.0.0.1", "localhost", "::1")
CLOSED_TO = 4403
"""The code with which a websocket is refused."""
DENIED = "open the address that `rockfall studio` printed: this one has no token\n"
SAFE_METHODS = ("GET", "HEAD")
NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.IGNORECASE)
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(self), microphone=(), geolocation=()"),
    ("cache-control", "no-store"),
)


class Guard:
    """ASGI middleware: nothing behind it sees a request that is not the user's own page's.

    port: in every allowed Host and Origin, and in the cookie's name, for cookies know no ports and
        two studios of one machine have one jar.
    names: by which a browser may call this machine, beside the loopback's own.
    secret: what makes the cookie; with the same one, the pages of a studio that has ended are let
        in by the next one at its port.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        port: int,
        names: Iterable[str] = (),
        secret: bytes | None = None,
    ) -> None:
        self.app = app
        self.token = token
        self.cookie_name = f"rockfall-studio-{port}"
        self.cookie_value = hmac.digest(
            secret or secrets.token_bytes(32), self.cookie_name.encode(), "sha256"
        ).hex()
        self.hosts = frozenset(
            f"{_bracketed(name)}:{port}".lower() for name in (*OWN_NAMES, *names)
        )
        self.origins = frozenset(f"http://{host}" for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with_token = scope["path"] == "/" and self._has_token(scope)
        refusal = self._refusal(scope, headers, with_token)
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": CLOSED_TO, "reason": refusal})
            return
        answer = PlainTextResponse(refusal, status_code=403) if refusal else self.app

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    sent[name] = value
                if with_token and not refusal:
                    sent.append("set-cookie", self._set_cookie())
            await send(message)

        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers, with_token: bool) -> str:
        """Why it is not answered; empty: it is."""
        hosts = [host.lower() for host in headers.getlist("host")]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return "this studio does not go by that name: see --host and --name\n"
        origins = headers.getlist("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if (changes or origins) and (len(origins) != 1 or origins[0] not in self.origins):
            return "this studio answers its own page alone\n"
        return "" if with_token or self._has_cookie(headers) else DENIED

    def _has_token(self, scope: Scope) -> bool:
        try:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        except ValueError:  # too many fields
            return False
        return len(given) == 1 and _same(given[0], self.token)

    def _has_cookie(self, headers: Headers) -> bool:
        """Read by hand: other servers of this machine leave cookies that no parser takes, and may
        leave one of this name.
        """
        pairs = [
            pair.partition("=") for line in headers.getlist("cookie") for pair in line.split(";")
        ]
        found = [value.strip() for name, _, value in pairs if name.strip() == self.cookie_name]
        return any(_same(value, self.cookie_value) for value in found)

    def _set_cookie(self) -> str:
        return f"{self.cookie_name}={self.cookie_value}; Path=/; HttpOnly; SameSite=Strict"


def lasting_secret() -> bytes:
    """One of this user's, the same for as long as its file is there and nobody else can read it.

    Where none can be kept, a new one.
    """
    file = state_folder() / "studio-secret"
    new = secrets.token_bytes(32)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(new)
            return new
        with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as kept:
            about = os.fstat(kept.fileno())
            own = os.name == "nt" or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
            found = kept.read(len(new) + 1)
    except OSError:
        return new
    if own and len(found) == len(new):
        return found
    with contextlib.suppress(OSError):  # so that the next one is kept again
        file.unlink()
    return new


def is_own(name: str) -> bool:
    """Whether what listens there is reached from this machine alone."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def check_name(name: str) -> str:
    """A host's name or address as it may stand in a Host header. Raises UsageError for another."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} is no name of a machine: write it without http:// and port"
        )
    return name


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())


def _bracketed(name: str) -> str:
    """A host as it stands before a port: `[::1]`, and all else as it is."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name
