"""Many tabs, slow ones, dead ones: none is in another's way, and none is left behind."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import Field

from rockfall_studio import asks
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.serving import THREADS
from rockfall_studio.studio import Studio
from rockfall_studio.tab import MOST_STREAMS
from tests.studio.in_process import InThread, Silent, ask, next_of, serving

LARGE = 2**22
PING = 0.5


class Wanted(Ask):
    count: int = Field(3, ge=0)
    size: int = Field(8, ge=0)
    tag: int = 0


class Doors:
    """What the handlers of these tests share with them."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[int] = []
        self.streams = 0
        self.answered = 0
        self.lock = threading.Lock()


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    found = Doors()
    monkeypatch.setattr(asks, "TABLE", dict(asks.TABLE))

    @answers("test.now")
    def now(studio: Studio, ask: Wanted) -> Answer:
        return Answer({"tag": ask.tag})

    @answers("test.waits")
    def waits(studio: Studio, ask: Wanted) -> Answer:
        found.begun.append(ask.tag)
        found.open.wait(20)
        return Answer({"tag": ask.tag})

    for number in range(2 * THREADS):

        @answers(f"test.large{number}")
        def large(studio: Studio, ask: Wanted) -> Answer:
            return Answer({}, [np.zeros(ask.size, np.uint8)])

    def stream(studio: Studio, ask: Wanted) -> Iterator[Answer | None]:
        with found.lock:
            found.streams += 1
        try:
            for number in range(ask.count):
                found.answered += 1
                yield Answer({"number": number}, [np.full(ask.size, number, np.int32)])
            while ask.count == 0:
                yield None
        finally:
            with found.lock:
                found.streams -= 1

    for number in range(MOST_STREAMS + 2):
        answers(f"test.stream{number}")(stream)
    yield found
    found.open.set()


@pytest.fixture
def served(tmp_path: object, doors: Doors) -> Iterator[InThread]:
    with serving(Studio(tmp_path), ping=PING) as found:  # type: ignore[arg-type]
        yield found


def soon(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.01)
    return true()


def test_the_newest_of_an_ask_wins(served: InThread, doors: Doors) -> None:
    with served.tab() as tab:
        for tag in range(1, 6):
            ask(tab, tag, "test.waits", tag=tag)
        for tag in (2, 3, 4):
            assert next_of(tab) == {"id": tag, "superseded": True}
        doors.open.set()
        assert [next_of(tab) for _ in range(4)] == [
            {"id": 1, "data": {"tag": 1}},
            {"id": 1, "end": True},
            {"id": 5, "data": {"tag": 5}},
            {"id": 5, "end": True},
        ]
    assert doors.begun == [1, 5]


def test_a_flood_of_requests_computes_few_and_answers_the_last(
    served: InThread, doors: Doors
) -> None:
    with served.tab() as tab:
        reader: list[dict[str, object]] = []
        thread = threading.Thread(
            target=lambda: reader.extend(iter(lambda: next_of(tab), {"id": 3000, "end": True}))
        )
        thread.start()
        for number in range(1, 3001):
            ask(tab, number, "test.waits", tag=number)
        doors.open.set()
        thread.join(20)
        assert not thread.is_alive()
    assert {"id": 3000, "data": {"tag": 3000}} in reader
    assert len(doors.begun) < 10


def test_a_stream_is_closed_when_it_is_asked_anew_cancelled_or_left(
    served: InThread, doors: Doors
) -> None:
    with served.tab() as tab:
        ask(tab, 1, "test.stream0", count=0)
        assert soon(lambda: doors.streams == 1)
        ask(tab, 2, "test.stream0", count=2)
        assert next_of(tab) == {"id": 1, "end": True}
        numbers = [next_of(tab) for _ in range(3)]
        assert [message.get("data") for message in numbers] == [{"number": 0}, {"number": 1}, None]
        assert numbers[1]["planes"][0].tolist() == [1] * 8
        ask(tab, 3, "test.stream0", count=0)
        ask(tab, 4, "test.stream1", count=0)
        assert soon(lambda: doors.streams == 2)
        tab.send('{"id": 3, "ask": "cancel"}')
        assert next_of(tab) == {"id": 3, "end": True}
        assert doors.streams == 1
    assert soon(lambda: doors.streams == 0)


def test_a_tab_has_so_many_streams_and_no_more(served: InThread, doors: Doors) -> None:
    with served.tab() as tab:
        for number in range(MOST_STREAMS):
            ask(tab, number, f"test.stream{number}", count=0)
        ask(tab, 99, f"test.stream{MOST_STREAMS}", count=0)
        assert "stop something first" in next_of(tab)["error"]
    assert soon(lambda: doors.streams == 0)


def test_a_tab_that_never_reads_is_in_nobodys_way_and_is_closed(
    served: InThread, doors: Doors
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            silent = stack.enter_context(Silent(served))
            for number in range(THREADS):
                silent.say(f'{{"id": {number}, "ask": "test.large{number}", "size": {LARGE}}}')
            silent.say('{"id": 90, "ask": "test.stream0", "size": 1000000, "count": 1000}')
        assert soon(lambda: doors.streams == 3 or doors.answered > 0)
        with served.tab() as tab:
            for number in range(5):
                ask(tab, number, "test.now", tag=number)
                assert next_of(tab, 5)["data"] == {"tag": number}
                assert next_of(tab, 5)["end"]
        assert doors.answered < 30  # each is computed once the one before is on its way
        assert soon(lambda: doors.streams == 0, 20), "its stream is left behind"
        assert soon(lambda: not served.server.server_state.connections, 20)


def test_pings_to_which_nobody_reads_the_answers_pile_up_nowhere(
    served: InThread, doors: Doors
) -> None:
    with Silent(served) as silent:
        silent.say(f'{{"id": 1, "ask": "test.large0", "size": {LARGE}}}')
        (connection,) = served.server.server_state.connections
        assert soon(lambda: not connection.writable.is_set())  # type: ignore[union-attr]
        before = connection.transport.get_write_buffer_size()  # type: ignore[union-attr]
        with contextlib.suppress(OSError):
            for _ in range(2000):
                silent.socket.sendall(bytes([0x89, 0x80 | 100, 0, 0, 0, 0]) + bytes(100))
        after = connection.transport.get_write_buffer_size()  # type: ignore[union-attr]
        assert after <= before + 1000


def test_a_hundred_quick_reconnects_leave_nothing(served: InThread, doors: Doors) -> None:
    before = threading.active_count()
    for number in range(100):
        with served.tab() as tab:
            ask(tab, number, "test.stream0", count=0)
            if number % 2:  # without a goodbye
                tab.socket.shutdown(socket.SHUT_RDWR)
    assert soon(lambda: doors.streams == 0 and not served.server.server_state.connections, 20)
    assert soon(lambda: threading.active_count() <= before + THREADS + 2)
    with served.tab() as tab:
        ask(tab, 1, "test.now", tag=1)
        assert next_of(tab)["data"] == {"tag": 1}


def test_twenty_tabs_stream_at_once(served: InThread, doors: Doors) -> None:
    def follow(_: int) -> list[int]:
        with served.tab() as tab:
            ask(tab, 1, "test.stream0", count=30, size=10_000)
            messages = iter(lambda: next_of(tab, 30), {"id": 1, "end": True})
            return [message["data"]["number"] for message in messages]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(follow, range(20))) == [list(range(30))] * 20


def test_the_server_ends_promptly_whatever_its_tabs_do(tmp_path: object, doors: Doors) -> None:
    with contextlib.ExitStack() as stack:
        with serving(Studio(tmp_path)) as served:  # type: ignore[arg-type]
            silent = stack.enter_context(Silent(served))
            silent.say(f'{{"id": 1, "ask": "test.large0", "size": {LARGE}}}')
            silent.say('{"id": 2, "ask": "test.stream0", "size": 1000000, "count": 1000}')
            reading = stack.enter_context(served.tab())
            ask(reading, 1, "test.stream1", count=0)
            ask(reading, 2, "test.waits")
            assert soon(lambda: doors.streams == 2 and bool(doors.begun))
            began = time.monotonic()
        assert time.monotonic() - began < 10
        assert soon(lambda: doors.streams == 0)
