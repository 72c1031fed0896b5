"""`rockfall studio`: the server, and its address."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import webbrowser
from pathlib import Path

import click

from rockfall import UsageError
from rockfall.kit.console import say
from rockfall.verbs import as_json

PORT = 8347
"""The first that is tried."""
TRIED = 20
"""Ports, from there on, before one is refused."""
LOOPBACK = "127.0.0.1"
OPEN_TO_OTHERS = (
    "open to others: whoever reaches this machine and has the link below sees your runs and "
    "pictures, and can train and stop; nothing is encrypted on the way. Without --host it is for "
    "you alone"
)


@click.command("studio")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"default: the first free one from {PORT} on; 0: any",
)
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    help="the address to listen at; any but this machine's own lets others in who have the link",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="another name by which a browser may call this machine, with --host",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="where runs are")
@click.option(
    "--source",
    "sources",
    multiple=True,
    help="what the page may train on beside what is installed: a file, a folder, module:Name-v0",
)
@click.option("--browser/--no-browser", default=None, help="open a browser; default: on a desktop")
@as_json
def command(
    port: int | None,
    host: str,
    names: tuple[str, ...],
    out: Path | None,
    sources: tuple[str, ...],
    browser: bool | None,
    as_json: bool,
) -> None:
    """Open the studio: every installed model in the browser, on this machine, offline."""
    from rockfall_studio.security import check_name, is_own, lasting_secret

    own = is_own(host)
    called = [check_name(name) for name in (*_names_of(host), *names)]
    listener = listen(host, port)
    number = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    shown = f"[{called[0]}]" if ":" in called[0] else called[0]
    address = f"http://{shown}:{number}/?token={token}"

    from rockfall_studio.serving import serve
    from rockfall_studio.studio import Studio

    def ready() -> None:
        if not own:
            say(OPEN_TO_OTHERS, err=True)
        if as_json:
            say(json.dumps({"address": address, "port": number}))
        else:
            say(f"Rockfall studio: {address}", "Ctrl-C ends it; trainings stop, and can be resumed")
        sys.stdout.flush()
        if browser or (browser is None and _is_desktop()):
            webbrowser.open(address)

    secret = lasting_secret() if own else None
    studio = Studio(out, sources)
    serve(listener, studio, token=token, names=called, secret=secret, ready=ready)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread in the midst of a long computation, for which nobody waits any more, would hold it.
    os._exit(0)


def listen(host: str, port: int | None) -> socket.socket:
    """A bound socket: at `port`, or at the first free one. Raises UsageError without one."""
    tried = range(PORT, PORT + TRIED) if port is None else (port,)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in tried:
        # Only of a socket that says TCP does asyncio send small messages at once, which else wait
        # 40 ms for the acknowledgement of those before (Nagle's algorithm).
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
            listener.listen(128)
        except (OSError, UnicodeError) as error:
            listener.close()
            reason = getattr(error, "strerror", None) or str(error)
            if number == tried[-1]:
                raise UsageError(f"can't listen at {host}:{number}: {reason}") from None
        else:
            return listener
    raise AssertionError("no port was tried")


def _names_of(host: str) -> list[str]:
    """What a browser may call a machine that listens there."""
    if host not in ("0.0.0.0", "::"):
        return [host]
    family, far = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    named = [socket.gethostname()]
    with socket.socket(family, socket.SOCK_DGRAM) as outward, contextlib.suppress(OSError):
        outward.connect((far, 9))  # sends nothing, and finds by which of its addresses it would
        named.insert(0, outward.getsockname()[0])
    return named


def _is_desktop() -> bool:
    """Whether a browser that opens is one that somebody sees."""
    if not sys.stdout.isatty():
        return False
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
