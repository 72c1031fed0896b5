"""Frames both ways, and requests that are none: one line each, and the tab goes on."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import Field

from rockfall import UsageError
from rockfall_studio import asks
from rockfall_studio import serving as studio_serving
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.command import listen
from rockfall_studio.framing import MOST_JSON, dumps, packed, request_of
from rockfall_studio.studio import Studio
from tests.studio.in_process import InThread, Silent, ask, next_of, serving, unpacked

PLANES = st.lists(
    st.sampled_from([np.uint8, np.int32, np.float32]).flatmap(
        lambda kind: arrays.arrays(
            kind, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
        )
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(number=st.integers(0, 2**32 - 1), data=st.dictionaries(st.text(), JSON), planes=PLANES)
def test_a_frame_is_read_as_it_was_written(
    number: int, data: dict[str, Any], planes: list[np.ndarray[Any, Any]]
) -> None:
    frame = packed(number, data, planes)
    assert len(frame) % 8 == 0
    read_number, read_data, read_planes = unpacked(frame)
    assert read_number == number
    assert read_data == json.loads(dumps(data))
    for before, after in zip(planes, read_planes, strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        assert after.tobytes() == before.tobytes()


def test_planes_of_any_layout_are_written_as_they_read() -> None:
    plain = np.arange(24, dtype=np.int32).reshape(4, 6)
    for plane in (plain.T, plain[::-1, ::2], np.asfortranarray(plain), plain.astype(">i4")[:0]):
        if plane.dtype.byteorder == ">":
            continue
        (read,) = unpacked(packed(0, {}, [plane]))[2]
        assert np.array_equal(read, plane)
    with pytest.raises(TypeError, match="float64"):
        packed(0, {}, [np.zeros(1)])


@given(JSON)
def test_what_is_said_is_json_of_browsers(data: Any) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    json.loads(dumps(data), parse_constant=refuse)
    dumps(data).encode()


@given(st.dictionaries(st.text(), JSON), st.binary())
def test_a_request_with_bytes_is_read_as_it_was_written(
    fields: dict[str, Any], attached: bytes
) -> None:
    text = dumps(fields).encode()
    message = struct.pack("<I", len(text)) + text + attached
    assert request_of(message) == (json.loads(text), attached)
    assert request_of(text.decode()) == (json.loads(text), b"")


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_comes_is_a_request_or_one_line(message: bytes | str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(request_of(message)[0], dict)


class Echo(Ask):
    text: str = Field("", max_length=100)
    number: float = Field(0.0, ge=-10, le=10)
    any_number: float = 0.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InThread]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asks, "TABLE", dict(asks.TABLE))

        @answers("test.echo")
        def echo(studio: Studio, ask: Echo) -> Answer:
            return Answer({"text": ask.text, "number": ask.number, "bytes": len(ask.attached)})

        @answers("test.raises")
        def raises(studio: Studio, ask: Echo) -> Answer:
            raise ValueError(f"a secret of the server {ask.text}")

        @answers("test.refuses")
        def refuses(studio: Studio, ask: Echo) -> Answer:
            raise UsageError("no:\nthis\x1b[31m is\nnot so")

        @answers("test.halfway")
        def halfway(studio: Studio, ask: Echo) -> Iterator[Answer]:
            yield Answer({"first": True})
            raise ValueError("in the midst of it")

        @answers("test.wrong")
        def wrong(studio: Studio, ask: Echo) -> Answer:
            return Answer({}, [np.zeros(2)])  # of float64, which no frame has

        with serving(Studio(tmp_path_factory.mktemp("runs"))) as found:
            yield found


DEEP = "[" * 100_000
HOSTILE: list[str | bytes] = [
    "",
    b"",
    "null",
    "[]",
    "1",
    '"ask"',
    "{",
    "{}",
    '{"id": 1}',
    '{"id": 1, "ask": null}',
    '{"id": 1, "ask": ["test.echo"]}',
    '{"id": 1, "ask": {"a": 1}}',
    '{"id": 1, "ask": "test.Echo"}',
    '{"id": 1, "ask": "__class__"}',
    '{"id": 1, "ask": "test.echo", "more": 1}',
    '{"id": 1, "ask": "test.echo", "text": 1}',
    '{"id": 1, "ask": "test.echo", "text": "' + "a" * 101 + '"}',
    '{"id": 1, "ask": "test.echo", "number": 11}',
    '{"id": 1, "ask": "test.echo", "number": NaN}',
    '{"id": 1, "ask": "test.echo", "number": Infinity}',
    '{"id": 1, "ask": "test.echo", "any_number": 1e999}',
    '{"id": 1, "ask": "test.echo", "number": ' + "9" * 5000 + "}",
    '{"id": 1, "ask": "test.echo", "__init__": 1, "model_config": {}}',
    '{"id": 1, "ask": "test.echo", "text": "\\ud800"}',
    '{"id": 1, "ask": "' + "x" * 50_000 + '"}',
    '{"id": 1, "ask": "test.echo", "' + "x" * 50_000 + '": 1}',
    '{"id": 1, "ask": "test.echo", "text": ' + DEEP[:50_000] + "}",
    DEEP,
    '{"a":' * 20_000,
    "{" + ",".join(f'"a{number}":1' for number in range(8000)) + "}",
    "x" * (MOST_JSON + 1),
    b"\x00",
    b"\x01\x00\x00\x00",
    b"\xff\xff\xff\xff{}",
    struct.pack("<I", 2) + b"[]",
    struct.pack("<I", 1) + b"\xff",
    struct.pack("<I", MOST_JSON + 1) + b" " * (MOST_JSON + 1),
    b"\x04\x00\x00\x00null" + bytes(100),
]


@pytest.mark.parametrize("message", HOSTILE, ids=lambda message: repr(message[:60]))
def test_what_is_no_request_gets_one_line_and_the_tab_goes_on(
    served: InThread, message: str | bytes
) -> None:
    with served.tab() as tab:
        tab.send(message)
        refused = next_of(tab)
        assert set(refused) == {"id", "error"}
        assert "\n" not in refused["error"]
        assert len(refused["error"]) < 500
        ask(tab, 2, "test.echo", text="still here")
        assert next_of(tab)["data"]["text"] == "still here"


def test_numbers_of_requests_that_are_none_harm_nobody(served: InThread) -> None:
    with served.tab() as tab:
        for number in ("1", None, -1, 2**32, 1.5, [], {"a": 1}, 10**30):
            ask(tab, number, "test.echo")  # type: ignore[arg-type]
            assert next_of(tab) == {"id": 0, "data": {"text": "", "number": 0.0, "bytes": 0}}
            assert next_of(tab) == {"id": 0, "end": True}
        tab.send('{"id": 99, "ask": "cancel"}')
        ask(tab, 3, "test.echo", text="on")
        assert next_of(tab)["data"]["text"] == "on"


def test_what_is_attached_cannot_be_said_in_json(served: InThread) -> None:
    with served.tab() as tab:
        ask(tab, 1, "test.echo", attached="abc")
        assert next_of(tab)["data"]["bytes"] == 0


def test_a_handler_that_raises_is_a_fault_and_says_nothing_of_it(
    served: InThread, caplog: pytest.LogCaptureFixture
) -> None:
    with served.tab() as tab:
        ask(tab, 1, "test.raises", text="\x1b]0;title\x07")
        assert next_of(tab) == {
            "id": 1,
            "error": "a fault of the studio: its log has the traceback",
        }
        ask(tab, 2, "test.refuses")
        assert next_of(tab) == {"id": 2, "error": "no: this\\u001b[31m is not so"}
        ask(tab, 3, "test.halfway")
        assert next_of(tab)["data"] == {"first": True}
        assert next_of(tab)["error"].startswith("a fault of the studio")
        ask(tab, 4, "test.wrong")
        assert next_of(tab)["error"].startswith("a fault of the studio")
        ask(tab, 5, "test.echo", text="on")
        assert next_of(tab)["data"]["text"] == "on"
    logged = caplog.text
    assert "a secret of the server" in logged
    assert "Traceback" in logged
    assert "\x1b" not in logged


def test_a_message_over_the_limit_ends_that_tab_alone(served: InThread) -> None:
    with served.tab() as other, Silent(served) as raw:
        raw.socket.sendall(b"\x82\xff" + struct.pack(">Q", studio_serving.LARGEST + 1) + bytes(4))
        said = raw.socket.recv(1024)
        assert said[0] == 0x88
        assert struct.unpack_from(">H", said, 2) == (1009,)
        ask(other, 1, "test.echo", text="on")
        assert next_of(other)["data"]["text"] == "on"


def test_a_large_message_within_the_limit_is_read(served: InThread) -> None:
    text = b'{"id": 1, "ask": "test.echo"}'
    size = studio_serving.LARGEST - 4 - len(text)
    with served.tab() as tab:
        tab.send(struct.pack("<I", len(text)) + text + bytes(size))
        assert next_of(tab, 30)["data"]["bytes"] == size


@pytest.mark.parametrize(
    "name", ["../other", "/etc", "..", ".", "", "a/b", "a\\b", "run\0", "~", "x" * 3000, "ру́н"]
)
def test_a_runs_name_is_never_a_path(tmp_path: Any, name: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("{}")
    studio = Studio(tmp_path / "runs")
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError, match="there is no run"):
        studio.run(name)
    with pytest.raises(UsageError, match="there is no run"), studio.opened(name):
        pass


def test_small_messages_are_sent_at_once() -> None:
    """asyncio turns Nagle's algorithm off only for a socket that says that it is TCP's."""
    listener = listen("127.0.0.1", 0)
    assert listener.proto == socket.IPPROTO_TCP
    listener.close()
