"""Who is let in: the Host and Origin headers against a fixed list, a token once, a cookie after it.

A page of somebody else's that the user has open can send requests here, too. It can't read the
token or the cookie, and a name that is rebound to this machine is in no list.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_NAMES = ("127.0.0.1", "localhost", "::1")
CLOSED_TO = 4403
"""The code with which a websocket is refused."""
DENIED = "open the address that `rockfall studio` printed: this one has no token\n"
SAFE_METHODS = ("GET", "HEAD")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int, names: Iterable[str] = ()) -> None:
        self.app = app
        self.token = token
        self.cookie_name = f"rockfall-studio-{port}"
        self.cookie_value = secrets.token_urlsafe(24)
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
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return "this studio does not go by that name: see --host and --name\n"
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if origin not in self.origins and (changes or origin is not None):
            return "this studio answers its own page alone\n"
        return "" if with_token or self._has_cookie(headers) else DENIED

    def _has_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.token.encode())

    def _has_cookie(self, headers: Headers) -> bool:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return False
        found = jar.get(self.cookie_name)
        return found is not None and hmac.compare_digest(
            found.value.encode(), self.cookie_value.encode()
        )

    def _set_cookie(self) -> str:
        return f"{self.cookie_name}={self.cookie_value}; Path=/; HttpOnly; SameSite=Strict"


def _bracketed(name: str) -> str:
    """A host as it stands before a port: `[::1]`, and all else as it is."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name
