"""The studio: from its start to its page, the page in a browser, and what it keeps in memory.

CPU seconds of the server's process; what the browser measures is time on its clock, of a machine on
which nothing else should run. Each part is a function in PARTS; `--only start,page` runs some.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import shutil
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


def curves(folder: Path, _: int) -> list[Row]:
    """Twenty runs of 10,000 logged steps on the home page: chosen one after the other, smoothed,
    drawn over a logarithmic axis, and growing.
    """
    runs = folder / "curves"
    original = serving.trained(runs, "lenet5")
    for number in range(LONG_RUNS):
        shutil.copytree(original, runs / f"long-{number:02}")
        _log(runs / f"long-{number:02}", number, range(LONG_STEPS), "w")
    with serving.serve(runs) as studio, browser() as opened:
        shown = opened.new_page(viewport={"width": 1280, "height": 800})
        opened.start_tracing(page=shown, categories=TRACED)
        shown.goto(studio.address)
        shown.get_by_role("checkbox", name="Curve of long-19").wait_for()
        for number in range(LONG_RUNS):
            shown.get_by_role("checkbox", name=f"Curve of long-{number:02}").check()
        shown.wait_for_timeout(4000)
        shown.get_by_label("smoothing").fill("0.9")
        shown.wait_for_timeout(4000)
        shown.get_by_label("log y").check()
        for moment in range(LONG_STEPS, LONG_STEPS + 200, 20):
            for number in range(LONG_RUNS):
                _log(runs / f"long-{number:02}", number, range(moment, moment + 20), "a")
            shown.wait_for_timeout(200)
        tasks = _main_thread(json.loads(opened.stop_tracing())["traceEvents"])
    return [
        ["20 runs of 10,000 points, longest task of the page, ms", max(t[0] for t in tasks), "50"],
        ["the same, CPU ms", max(t[1] for t in tasks), "50"],
    ]


LONG_RUNS, LONG_STEPS = 20, 10_000
TRACED = ["-*", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]


def _log(run: Path, number: int, steps: range, mode: str) -> None:
    with (run / "metrics.jsonl").open(mode) as file:
        for step in steps:
            loss = 2 * math.exp(-step / (1500 + 200 * number)) + 0.3 * random.random()
            line = {"step": step, "seconds": step / 100, "train loss": loss, "accuracy": 1 - loss}
            file.write(json.dumps(line) + "\n")


def _main_thread(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """The milliseconds of each task of a page's main thread, on the clock and of the CPU."""
    named = [e for e in events if e["name"] == "thread_name"]
    main = {(e["pid"], e["tid"]) for e in named if e["args"]["name"] == "CrRendererMain"}
    tasks = [e for e in events if e["name"] == "RunTask" and (e["pid"], e["tid"]) in main]
    return [(e["dur"] / 1000, e.get("tdur", 0) / 1000) for e in tasks if "dur" in e]


PARTS: dict[str, Callable[[Path, int], list[Row]]] = {
    "start": starting,
    "page": page,
    "idle": idle,
    "stroke": stroke,
    "curves": curves,
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
