"""Another page, another machine, another program: none gets in without the token or the cookie."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from rockfall import UsageError
from rockfall_studio.command import _names_of, listen
from rockfall_studio.security import check_name, is_own, lasting_secret
from rockfall_studio.studio import Studio
from tests.studio.in_process import TOKEN, InThread, ask, next_of, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InThread]:
    with serving(Studio(tmp_path_factory.mktemp("runs")), names=("My.Host", "fe80::1")) as found:
        yield found


def test_the_token_lets_in_and_leaves_a_cookie_that_no_script_and_no_other_site_gets(
    served: InThread,
) -> None:
    first = served.get(f"/?token={TOKEN}", f"Host: {served.host}")
    assert first.status == 200
    cookie, *attributes = first.header("set-cookie").split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert cookie.startswith(f"rockfall-studio-{served.port}=")
    assert TOKEN not in cookie
    assert served.get("/main.js", f"Host: {served.host}", f"Cookie: {cookie}").status == 200


def test_every_answer_says_what_the_page_may_do(served: InThread) -> None:
    for answer in (served.get("/"), served.get("/no"), served.get("/", f"Host: {served.host}")):
        policy = answer.header("content-security-policy")
        assert policy.startswith("default-src 'self'; ")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("cache-control") == "no-store"
        assert answer.header("referrer-policy") == "no-referrer"
        assert not answer.header("access-control-allow-origin")
        assert not answer.header("set-cookie")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?token=",
        "?token=wrong",
        f"?token={TOKEN}x",
        f"?token={TOKEN[:-1]}",
        f"?token={TOKEN}&token={TOKEN}",
        f"?TOKEN={TOKEN}",
        f"?token=%00{TOKEN}",
        "?token=%ff%fe",
        "?token=%ed%a0%80",
        "?" + "&".join(f"a{number}=1" for number in range(5000)),
    ],
)
def test_another_token_lets_nobody_in(served: InThread, query: str) -> None:
    answer = served.get(f"/{query}", f"Host: {served.host}")
    assert answer.status == 403
    assert not answer.header("set-cookie")


def test_the_token_counts_at_the_front_door_alone(served: InThread) -> None:
    assert served.get(f"/main.js?token={TOKEN}", f"Host: {served.host}").status == 403
    with pytest.raises(InvalidStatus):
        served.tab(headers={})


def test_nobody_gets_in_without_either(served: InThread) -> None:
    for path in ("/", "/main.js", "/views/home.js", "/tab", "/nothing"):
        assert served.get(path, f"Host: {served.host}").status == 403


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["evil.example"],
        ["evil.example:{port}"],
        ["127.0.0.1"],
        ["127.0.0.1:1"],
        ["localhost.evil.example:{port}"],
        ["127.0.0.1:{port}.evil.example"],
        ["evil.example@127.0.0.1:{port}"],
        ["127.0.0.1:{port}", "evil.example:{port}"],
        ["127.0.0.1:{port}", "127.0.0.1:{port}"],
        ["127.1:{port}"],
        ["0.0.0.0:{port}"],
        ["2130706433:{port}"],
        ["[::ffff:127.0.0.1]:{port}"],
        ["::1:{port}"],
        ["localhost.:{port}"],
        [""],
        ["127.0.0.1:{port},evil.example"],
    ],
)
def test_another_host_is_refused_even_with_the_cookie_and_the_token(
    served: InThread, hosts: list[str]
) -> None:
    """A name that was rebound to this machine brings neither; and it would not help."""
    lines = [f"Host: {host.format(port=served.port)}" for host in hosts]
    lines.append(f"Cookie: {served.cookie}")
    answer = served.get(f"/?token={TOKEN}", *lines)
    assert answer.status in (400, 403)
    assert not answer.header("set-cookie")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LocalHost", "[::1]", "my.host", "MY.HOST", "[fe80::1]"]
)
def test_its_own_names_and_those_it_was_given_are_let_in(served: InThread, host: str) -> None:
    lines = f"Host: {host}:{served.port}", f"Cookie: {served.cookie}"
    assert served.get("/", *lines).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://evil.example",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://127.0.0.1:3000",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}/",
        "http://evil.example:{port}",
        "file://",
    ],
)
def test_a_websocket_needs_the_origin_of_the_page(served: InThread, origin: str | None) -> None:
    given = origin.format(port=served.port) if origin else origin
    with pytest.raises(InvalidStatus) as refused:
        served.tab(origin=given)
    assert refused.value.response.status_code == 403


def test_a_rebound_name_is_refused_though_host_and_origin_agree(served: InThread) -> None:
    evil = f"evil.example:{served.port}"
    handshake = (
        "GET /tab HTTP/1.1",
        f"Host: {evil}",
        f"Origin: http://{evil}",
        f"Cookie: {served.cookie}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    assert served.raw(*handshake).status == 403


def test_two_origins_are_none(served: InThread) -> None:
    lines = (f"Host: {served.host}", f"Cookie: {served.cookie}", f"Origin: {served.origin}")
    assert served.get("/", *lines).status == 200
    assert served.get("/", *lines, "Origin: http://evil.example").status == 403
    assert served.get("/", *lines, f"Origin: {served.origin}").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
def test_what_may_change_something_needs_an_origin(served: InThread, method: str) -> None:
    lines = f"Host: {served.host}", f"Cookie: {served.cookie}"
    assert served.get("/", *lines, method=method).status == 403
    assert served.get("/", *lines, f"Origin: {served.origin}", method=method).status == 405


def test_the_page_of_another_site_gets_nothing(served: InThread) -> None:
    lines = f"Host: {served.host}", f"Cookie: {served.cookie}", "Origin: http://evil.example"
    assert served.get("/", *lines).status == 403


@pytest.mark.parametrize(
    "line",
    [
        'a="2|1:0|10:x"; b={"c": [1, "d"]}; {own}; e=f',
        "b@d name=x y; {own}",
        "{name}=of-another; {own}",
        "{own}; {name}=",
        "é=ü; {own}",
    ],
)
def test_cookies_of_other_servers_of_this_machine_are_in_nobodys_way(
    served: InThread, line: str
) -> None:
    filled = line.replace("{own}", served.cookie).replace("{name}", served.guard.cookie_name)
    assert served.get("/", f"Host: {served.host}", f"Cookie: {filled}").status == 200


@pytest.mark.parametrize(
    "line",
    ["{name}", "{name}=", "{name}={value}x", "x{name}={value}", "{name}x={value}", "{value}", "é"],
)
def test_another_cookie_lets_nobody_in(served: InThread, line: str) -> None:
    guard = served.guard
    filled = line.format(name=guard.cookie_name, value=guard.cookie_value)
    assert served.get("/", f"Host: {served.host}", f"Cookie: {filled}").status == 403


def test_the_cookie_of_another_port_is_another(tmp_path: Path, served: InThread) -> None:
    with serving(Studio(tmp_path)) as other:
        assert other.guard.cookie_name != served.guard.cookie_name
        value = f"{other.guard.cookie_name}={served.guard.cookie_value}"
        assert other.get("/", f"Host: {other.host}", f"Cookie: {value}").status == 403


def test_the_page_gets_a_websocket(served: InThread) -> None:
    with served.tab() as tab:
        ask(tab, 7, "home.runs")
        assert next_of(tab)["id"] == 7


def test_two_hosts_are_refused_by_whatever_server_passes_them_on(served: InThread) -> None:
    """Ours refuses such a request itself, before it is anybody's."""
    told: list[Any] = []
    own = (b"host", served.host.encode())
    headers = [own, (b"host", b"evil.example"), (b"cookie", served.cookie.encode())]

    async def send(message: Any) -> None:
        told.append(message)

    for given in (headers, [own, *headers[:1], headers[2]]):
        told.clear()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": given,
        }
        # In a thread of its own: a browser of the tests before may have its loop in this one.
        with ThreadPoolExecutor(1) as own:
            answered = served.guard(scope, None, send)  # type: ignore[arg-type]
            own.submit(asyncio.run, answered).result()
        assert told[0]["status"] == 403


def test_a_secret_lasts_and_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    first = lasting_secret()
    assert lasting_secret() == first
    file = tmp_path / "state" / "studio-secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    file.chmod(0o644)  # somebody may have read it
    second = lasting_secret()
    assert second != first
    assert lasting_secret() == lasting_secret() != first

    file.write_bytes(b"short")
    assert len(lasting_secret()) == 32
    file.unlink(missing_ok=True)
    (tmp_path / "known").write_bytes(bytes(32))
    (tmp_path / "known").chmod(0o600)
    file.symlink_to(tmp_path / "known")
    assert lasting_secret() != bytes(32)

    monkeypatch.setenv("ROCKFALL_STATE", os.devnull)
    assert lasting_secret() != lasting_secret()


def test_who_listens_for_this_machine_alone() -> None:
    assert all(map(is_own, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_own, ("0.0.0.0", "::", "192.168.1.2", "host", "localhost.evil.example")))
    assert _names_of("192.168.1.2") == ["192.168.1.2"]
    assert "0.0.0.0" not in _names_of("0.0.0.0")


@pytest.mark.parametrize(
    "name", ["http://a", "a:80", "a b", "", "*", "a/b", "-a", "a\n", "x" * 300]
)
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a machine"):
        check_name(name)


def test_a_port_that_is_taken_and_a_host_that_is_none() -> None:
    first = listen("127.0.0.1", 0)
    with first, pytest.raises(UsageError, match="already in use"):
        listen("127.0.0.1", first.getsockname()[1])
    for host in ("256.1.1.1", "no.such.host.invalid", "a" * 300, ".."):
        with pytest.raises(UsageError, match="can't listen"):
            listen(host, 0)
