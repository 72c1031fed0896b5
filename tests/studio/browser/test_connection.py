"""The page's end of the websocket: frames, and a studio that goes and comes back."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings

from rockfall_studio.framing import dumps, packed, request_of
from tests.studio import serving
from tests.studio.serving import Served
from tests.studio.test_messages import JSON, PLANES

READ = """
async (frames) => {
  const { unpacked } = await import("./connection.js");
  return frames.map((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const { id, data, planes } = unpacked(bytes.buffer);
    const plain = planes.map((plane) => {
      const raw = new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength);
      return [plane.constructor.name, plane.shape, [...raw]];
    });
    return [id, JSON.stringify(data), plain];
  });
}
"""
WRITTEN = """
async ([fields, bytes]) => {
  const { framed } = await import("./connection.js");
  return [...framed(JSON.stringify(fields), Uint8Array.from(bytes))];
}
"""
NAMES = {"uint8": "Uint8Array", "int32": "Int32Array", "float32": "Float32Array"}


def test_the_page_reads_frames_as_they_were_written(
    studio: Served, open_page: Callable[..., Any]
) -> None:
    page = open_page(studio)
    from hypothesis import strategies as st

    one = st.tuples(st.integers(0, 2**32 - 1), st.dictionaries(st.text(), JSON), PLANES)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(one, min_size=1, max_size=8))
    def check(frames: list[tuple[int, Any, list[np.ndarray[Any, Any]]]]) -> None:
        texts = [base64.b64encode(packed(*frame)).decode() for frame in frames]
        for (number, data, planes), read in zip(frames, page.evaluate(READ, texts), strict=True):
            assert read[0] == number
            assert _plain(json.loads(read[1])) == _plain(json.loads(dumps(data)))
            for plane, (kind, shape, raw) in zip(planes, read[2], strict=True):
                assert kind == NAMES[str(plane.dtype)]
                assert tuple(shape) == plane.shape
                assert bytes(raw) == plane.tobytes()

    check()


def test_the_studio_reads_what_the_page_attaches(
    studio: Served, open_page: Callable[..., Any]
) -> None:
    page = open_page(studio)
    for size in (0, 1, 7, 1000):
        sent = bytes(index % 251 for index in range(size))
        fields = {"id": 1, "ask": "á" * size, "more": [1, None, "𝄞"]}
        frame = bytes(page.evaluate(WRITTEN, [fields, list(sent)]))
        assert request_of(frame) == (fields, sent)


def test_the_page_says_that_the_studio_is_gone_and_comes_back_by_itself(
    tmp_path: Path, open_page: Callable[..., Any], page_errors: list[str]
) -> None:
    runs = tmp_path / "runs"
    with serving.serve(runs) as first:
        page = open_page(first, "#play")
        page.locator('[data-player="random"]').get_by_text("step").wait_for()
        first.process.send_signal(signal.SIGKILL)
        gone = page.get_by_role("alert").get_by_text("The studio is gone")
        gone.wait_for()
        port = first.port
    with serving.serve(runs, port=port):
        gone.wait_for(state="hidden")
        page.locator('[data-player="random"]').get_by_text("step").wait_for()
    refused = [each for each in page_errors if "WebSocket" in each or "ERR_CONNECTION" in each]
    assert page_errors == refused  # the browser's own notes of what was not there
    page_errors.clear()


def test_a_page_without_the_token_says_what_to_do(
    studio: Served, page: Any, page_errors: list[str]
) -> None:
    answer = page.goto(studio.base)
    assert answer.status == 403
    assert "open the address that `rockfall studio` printed" in page.content()
    page_errors.clear()


def test_another_page_of_this_machine_gets_nothing(
    studio: Served, page: Any, page_errors: list[str]
) -> None:
    """One at another port, with the same cookies: no websocket, no answer, no frame."""
    import http.server
    import threading

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>another</title>")

        def log_message(self, *_: Any) -> None:
            return

    page.goto(studio.address)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            page.goto(f"http://127.0.0.1:{other.server_port}/")
            assert (
                page.evaluate(
                    """port => new Promise((resolve) => {
                    const socket = new WebSocket(`ws://127.0.0.1:${port}/tab`);
                    socket.onopen = () => resolve("open");
                    socket.onerror = () => resolve("refused");
                })""",
                    studio.port,
                )
                == "refused"
            )
            read = """async (port) => {
                try {
                    const options = { credentials: "include" };
                    return (await fetch(`http://127.0.0.1:${port}/main.js`, options)).status;
                } catch {
                    return "refused";
                }
            }"""
            assert page.evaluate(read, studio.port) == "refused"
            framed = """port => new Promise((resolve) => {
                const frame = document.createElement("iframe");
                frame.src = `http://127.0.0.1:${port}/`;
                frame.onload = () => resolve(frame.contentDocument === null);
                document.body.append(frame);
            })"""
            assert page.evaluate(framed, studio.port), "it is in a frame, and can be read"
        finally:
            other.shutdown()
    assert page_errors
    page_errors.clear()


def _plain(data: Any) -> Any:
    """Numbers as JavaScript has them: one kind, and −0 is 0 once it is written."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    if isinstance(data, int | float) and not isinstance(data, bool):
        return float(data) + 0.0
    return data
