"""One websocket, which is one tab: each ask has a lane, in which the newest request wins.

Answers are computed in threads. One that is being computed is still sent when a newer request of
its lane comes, for while somebody draws each is worth seeing; one that still waits is dropped, and
a stream is closed. A tab that does not read what it is sent is waited for by its own streams alone,
and nobody's short answers: these are sent from the event loop, once their thread is free again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from rockfall import RockfallError
from rockfall.kit.escaping import printable
from rockfall_studio import asks
from rockfall_studio.asks import Answer, Ask, Entry
from rockfall_studio.framing import dumps, packed, request_of

if TYPE_CHECKING:
    from rockfall_studio.studio import Studio

IDLE = 0.25
"""Seconds until a stream that had nothing new is asked again."""
MOST_STREAMS = 12
"""Of one tab."""
CANCEL = "cancel"
"""The ask that ends another one, by its id."""
MOST_SAID = 2000
"""Characters of an error, for one may quote what the page sent."""
FAULT = "a fault of the studio: its log has the traceback"

Sent = Mapping[str, Any] | bytes

log = logging.getLogger(__name__)


class Gone(Exception):
    """Nobody waits for an answer any more."""


@dataclass
class Request:
    """stopped: set once the page wants no more of it."""

    id: int
    entry: Entry
    ask: Ask
    stopped: threading.Event = field(default_factory=threading.Event)


@dataclass
class Lane:
    """What is computed and what waits, of one ask."""

    running: Request | None = None
    waiting: Request | None = None


class Tab:
    """Reads requests and sends answers until the websocket is closed.

    pool: threads of every tab's short answers; a stream gets a thread of its own.
    """

    def __init__(self, socket: WebSocket, studio: Studio, pool: ThreadPoolExecutor) -> None:
        self.socket, self.studio, self.pool = socket, studio, pool
        self.lanes: dict[str, Lane] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.sending = asyncio.Lock()

    async def serve(self) -> None:
        """Until it is closed; then every stream of it is stopped."""
        await self.socket.accept()
        try:
            while True:
                message = await self.socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._receive(message.get("bytes") or message.get("text") or "")
        except WebSocketDisconnect:
            return
        finally:
            for lane in self.lanes.values():
                lane.waiting = None
                if lane.running:
                    lane.running.stopped.set()
            for task in self.tasks:
                task.cancel()

    async def _receive(self, message: str | bytes) -> None:
        number = 0
        try:
            fields, attached = request_of(message)
            number = _id(fields.pop("id", 0))
            name = fields.pop("ask", None)
            if name == CANCEL:
                self._cancel(number)
                return
            request = Request(number, *asks.read(name, fields, attached))
            if request.entry.streams and self._streams() >= MOST_STREAMS:
                raise RockfallError("too much goes on in this tab at once: stop something first")
        except RockfallError as error:
            await self._send({"id": number, "error": _line(error)})
            return
        lane = self.lanes.setdefault(request.entry.name, Lane())
        if lane.waiting:
            await self._send({"id": lane.waiting.id, "superseded": True})
        lane.waiting = request
        if lane.running is None:
            self._next(lane)
        elif lane.running.entry.streams:
            lane.running.stopped.set()

    def _streams(self) -> int:
        running = [lane.running for lane in self.lanes.values() if lane.running]
        return sum(request.entry.streams for request in running)

    def _cancel(self, number: int) -> None:
        for lane in self.lanes.values():
            if lane.running and lane.running.id == number:
                lane.running.stopped.set()
            if lane.waiting and lane.waiting.id == number:
                lane.waiting = None

    def _next(self, lane: Lane) -> None:
        """Begin what waits in the lane, if anything does."""
        lane.running, lane.waiting = lane.waiting, None
        if lane.running:
            task = asyncio.create_task(self._compute(lane, lane.running))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _compute(self, lane: Lane, request: Request) -> None:
        loop = asyncio.get_running_loop()
        try:
            if request.entry.streams:
                await _in_a_thread(self._stream, loop, request)
            else:
                for message in await loop.run_in_executor(self.pool, self._answers, request):
                    await self._send(message)
        except WebSocketDisconnect:
            return
        finally:
            request.stopped.set()
            self._next(lane)

    def _answers(self, request: Request) -> list[Sent]:
        """In a thread of the pool: all that there is to send."""
        try:
            found = asks.answer(self.studio, request.entry, request.ask)
            answers = [_message(request.id, answer) for answer in found if answer is not None]
            return [*answers, {"id": request.id, "end": True}]
        except Exception as error:
            return [_failure(request, error)]

    def _stream(self, loop: asyncio.AbstractEventLoop, request: Request) -> None:
        """In a thread of its own: every answer, each computed once the one before has been sent."""
        last: Sent = {"id": request.id, "end": True}
        with contextlib.suppress(Gone):
            try:
                with closing(asks.answer(self.studio, request.entry, request.ask)) as found:
                    for answer in found:
                        if answer is None:
                            request.stopped.wait(IDLE)
                        else:
                            self._send_from_thread(loop, _message(request.id, answer))
                        if request.stopped.is_set():
                            break
            except Gone:
                raise
            except Exception as error:
                last = _failure(request, error)
            self._send_from_thread(loop, last)

    def _send_from_thread(self, loop: asyncio.AbstractEventLoop, message: Sent) -> None:
        """Once it is sent. Raises Gone if the tab or the studio is closed."""
        if loop.is_closed():
            raise Gone
        sending = self._send(message)
        try:
            asyncio.run_coroutine_threadsafe(sending, loop).result()
        except (WebSocketDisconnect, CancelledError, RuntimeError):
            sending.close()
            raise Gone from None

    async def _send(self, message: Sent) -> None:
        """Raises WebSocketDisconnect if nobody is there any more."""
        async with self.sending:
            try:
                if isinstance(message, bytes):
                    await self.socket.send_bytes(message)
                else:
                    await self.socket.send_text(dumps(message))
            except (RuntimeError, OSError) as error:
                raise WebSocketDisconnect(reason=str(error)) from None


def _message(number: int, answer: Answer) -> Sent:
    if answer.planes:
        return packed(number, answer.data, answer.planes)
    return {"id": number, "data": answer.data}


def _id(given: object) -> int:
    valid = isinstance(given, int) and 0 <= given < 2**32
    return given if valid else 0  # type: ignore[return-value]


def _failure(request: Request, error: Exception) -> Sent:
    """What the page is told. What nobody foresaw is told the log, with its traceback."""
    match error:
        case RockfallError():
            line = _line(error)
        case OSError(strerror=str(reason)):
            line = _line(RockfallError(f"{error.filename or request.entry.name}: {reason}"))
        case _:
            shown = "".join(traceback.format_exception(error))
            log.error("%s\n%s", request.entry.name, printable(shown).rstrip())
            line = FAULT
    return {"id": request.id, "error": line}


def _line(error: Exception) -> str:
    return " ".join(printable(str(error)).split())[:MOST_SAID]


async def _in_a_thread(function: Any, *arguments: Any) -> None:
    """As `asyncio.to_thread`, in a thread of its own, so that streams never wait for each other."""
    own = ThreadPoolExecutor(1, thread_name_prefix="stream")
    try:
        await asyncio.wrap_future(own.submit(function, *arguments))
    finally:
        own.shutdown(wait=False)
