"""The studio: from its start to its page, the page in a browser, and what it keeps in memory.

CPU seconds of the server's process; what the browser measures is time on its clock, of a machine on
which nothing else should run. Each part is a function in PARTS; `--only start,page` runs some.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.benchmarks.command_line import used
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script
from tests.studio import serving
from tests.studio.browser.conftest import CHROMIUM
from tests.studio.serving import Served

Row = list[Any]
READY = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("main h1")) return;
  window.readyAt = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
STROKES = """
() => {
  window.latencies = [];
  let begun = null;
  document.querySelector(".sketchpad").addEventListener(
    "pointermove", () => (begun ??= performance.now()), { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => {
    if (begun !== null) window.latencies.push(performance.now() - begun);
    begun = null;
  })).observe(document.querySelector("[data-seen]"), { attributeFilter: ["data-seen"] });
}
"""
MOVES, WARM_UP = 200, 20
"""Of the pen, and those before that are not counted."""
PEAK = "VmHWM"
RESIDENT = "VmRSS"


def memory(pid: int, what: str = RESIDENT) -> float:
    """Megabytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1000


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


def starting(folder: Path, repeats: int) -> list[Row]:
    """CPU time of the server, and time on the clock, until somebody has the page."""
    cpu, clock = [], []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        with serving.serve(folder / "runs") as studio:
            with urllib.request.urlopen(studio.address, timeout=30) as answer:
                assert b"Rockfall studio" in answer.read()
            clock.append(time.perf_counter() - began)
            cpu.append(used(studio.process.pid))
    return [
        ["`rockfall studio` to a served page, CPU s", Median(cpu[1:]), "3"],
        ["the same, s", Median(clock[1:]), ""],
    ]


def page(folder: Path, repeats: int) -> list[Row]:
    """From the request of the address to a home page that lists the runs."""
    with serving.serve(folder / "runs") as studio, browser() as opened:
        times = [_ready(opened, studio) for _ in range(repeats + 1)]
    return [["page ready, s", Median(times[1:]), "1"]]


def _ready(opened: Any, studio: Served) -> float:
    context = opened.new_context()
    shown = context.new_page()
    shown.add_init_script(READY)
    shown.goto(studio.address)
    shown.wait_for_function("window.readyAt !== undefined")
    found = shown.evaluate("window.readyAt") / 1000
    context.close()
    return float(found)


def idle(folder: Path, _: int) -> list[Row]:
    """Memory of a server that has shown its page, and of one that has a model open."""
    runs = folder / "runs"
    serving.trained(runs, "lenet5")
    with serving.serve(runs) as studio, browser() as opened:
        _ready(opened, studio)
        time.sleep(1)
        before = memory(studio.process.pid)
        shown = opened.new_page()
        shown.goto(f"{studio.address}#see/lenet5")
        shown.get_by_role("button").first.wait_for()
        time.sleep(5)
        after = memory(studio.process.pid)
        began = used(studio.process.pid)
        time.sleep(5)
        spent = (used(studio.process.pid) - began) / 5
    return [
        ["memory of the server, idle, MB", before, "400"],
        ["the same with lenet5 open in See, MB", after, "400"],
        ["CPU of that, idle, %", 100 * spent, ""],
    ]


def stroke(folder: Path, _: int) -> list[Row]:
    """From a move of the pen to the first frame after every layer of lenet5 was drawn, each move
    waited for.
    """
    runs = folder / "runs"
    serving.trained(runs, "lenet5")
    with serving.serve(runs) as studio, browser() as opened:
        shown = opened.new_page(viewport={"width": 1280, "height": 800})
        shown.goto(f"{studio.address}#see/lenet5")
        shown.locator("[data-seen]").wait_for()
        shown.get_by_role("button", name="Clear").click()
        shown.wait_for_timeout(500)
        shown.evaluate(STROKES)
        box = shown.locator(".sketchpad").bounding_box()
        shown.mouse.move(box["x"] + 50, box["y"] + 50)
        shown.mouse.down()
        for move in range(MOVES + WARM_UP):
            across, down = move % 20, move // 20
            shown.mouse.move(box["x"] + 60 + 8 * across, box["y"] + 60 + 12 * down)
            shown.wait_for_function("n => window.latencies.length > n", arg=move, polling=4)
        shown.mouse.up()
        found = shown.evaluate("window.latencies")[WARM_UP:]
    return [
        ["from a stroke to drawn layers of lenet5, median, ms", median(found), "40"],
        ["the same, 95th percentile, ms", quantiles(found, n=20)[-1], "100"],
    ]


PARTS: dict[str, Callable[[Path, int], list[Row]]] = {
    "start": starting,
    "page": page,
    "idle": idle,
    "stroke": stroke,
}
"""(folder, repeats) → rows of what was measured, its value, and what it should be below."""


def measure(options: argparse.Namespace) -> list[Table]:
    wanted = options.only.split(",") if options.only else list(PARTS)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in wanted for row in PARTS[name](Path(folder), options.repeats)]
    return [Table("Studio", ["what", "measured", "below"], rows, NOTE)]


NOTE = "Chromium, headless, on the same machine as the server."

if __name__ == "__main__":
    script(__doc__, measure, repeats=5, only="")
