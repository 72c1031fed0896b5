"""The studio as a GIF, for READMEs: `python -m tests.studio.film docs/studio.gif --runs FOLDER`.

FOLDER gets the runs of `RUNS` that it does not have yet, some minutes of one core, and keeps them.
With MNIST in `ROCKFALL_DATA` the digits are its.
"""

from __future__ import annotations

import argparse
import io
import subprocess
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

from tests.studio.serving import rockfall, serve

RUNS = {
    "lenet5": ("lenet5", "mnist", "epochs=2"),
    "vae": ("vae", "mnist"),
    "player": ("pqn", "falling-rocks-16x16", "--seed", "1"),
}
"""Name → what is typed after `rockfall train`."""
SIZE = {"width": 1120, "height": 760}
SHOWN = 800, 543
"""Pixels of the GIF."""
COLOURS = 96
LONG, SHORT = 1600, 220
"""Milliseconds for which a frame is seen."""
FOUR = [[(0.3, 0.15), (0.27, 0.55), (0.75, 0.55)], [(0.62, 0.2), (0.6, 0.9)]]
"""Strokes, in shares of the sheet."""
Shot = tuple[bytes, int]


def scenes(page: Any) -> Iterator[Shot]:
    """Frames as PNG, and for how long each is seen."""
    yield from home(page)
    yield from see(page)
    yield from imagine(page)
    yield from style(page)
    yield from play(page)


def home(page: Any) -> Iterator[Shot]:
    at(page, "home")
    page.wait_for_timeout(3000)
    yield page.screenshot(), LONG


def see(page: Any) -> Iterator[Shot]:
    at(page, "see/lenet5")
    page.get_by_role("button", name="Clear").click()
    for stroke in FOUR:
        for _ in moved(page, ".sketchpad", stroke, 5):
            page.wait_for_timeout(400)
            yield page.screenshot(), SHORT
    page.wait_for_timeout(1000)
    yield page.screenshot(), LONG
    page.mouse.wheel(0, 520)
    page.wait_for_timeout(600)
    yield page.screenshot(), LONG


def imagine(page: Any) -> Iterator[Shot]:
    at(page, "imagine/vae")
    page.wait_for_timeout(4000)
    slider = page.locator("input[type=range]").first
    for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        slider.evaluate(
            "(e, share) => { e.value = +e.min + share * (e.max - e.min);"
            " e.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )
        page.wait_for_timeout(500)
        yield page.screenshot(), SHORT
    yield page.screenshot(), LONG


def style(page: Any) -> Iterator[Shot]:
    at(page, "style")
    page.get_by_label("or one that is here").select_option(label="china")
    page.get_by_label("great-wave").check()
    page.locator(".result .thumb").nth(1).wait_for(timeout=120_000)
    page.locator(".result").scroll_into_view_if_needed()
    slider = page.locator(".result input[type=range]")
    for share in (0.9, 0.7, 0.5, 0.3, 0.1):
        slider.evaluate(
            "(e, share) => { e.value = +e.min + share * (e.max - e.min);"
            " e.dispatchEvent(new Event('input', {bubbles: true})); }",
            share,
        )
        page.wait_for_timeout(200)
        yield page.screenshot(), 2 * SHORT


def play(page: Any) -> Iterator[Shot]:
    at(page, "play/player")
    page.get_by_role("button", name="Restart").click()
    page.wait_for_timeout(3000)
    for _ in range(12):
        page.get_by_role("button", name="Pause").click()
        yield page.screenshot(), SHORT
        page.get_by_role("button", name="Go on").click()
        page.wait_for_timeout(250)


def at(page: Any, view: str) -> None:
    page.evaluate(f"location.hash = '{view}'")
    page.wait_for_timeout(2500)
    page.evaluate("scrollTo(0, 0)")


def moved(
    page: Any, where: str, stroke: Sequence[tuple[float, float]], steps: int
) -> Iterator[None]:
    """Draw a stroke, and stop after every part of it."""
    box = page.locator(where).bounding_box()
    placed = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    page.mouse.move(*placed[0])
    page.mouse.down()
    for start, end in pairwise(placed):
        for step in range(1, steps + 1):
            share = step / steps
            page.mouse.move(*(a + (b - a) * share for a, b in zip(start, end, strict=True)))
            if step in (steps // 2, steps):
                yield
    page.mouse.up()


def write(path: Path, shots: Sequence[Shot]) -> None:
    """One palette for all frames, so that what stands still stays as it is."""
    frames = [
        Image.open(io.BytesIO(png)).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        for png, _ in shots
    ]
    strip = Image.new("RGB", (SHOWN[0], SHOWN[1] * len(frames)))
    for number, frame in enumerate(frames):
        strip.paste(frame, (0, number * SHOWN[1]))
    palette = strip.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    durations = [duration for _, duration in shots]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("to", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    given = parser.parse_args()
    for name, words in RUNS.items():
        if not (given.runs / name / "result.json").exists():
            command = rockfall("train", *words, "--name", name, "--out", str(given.runs))
            subprocess.run(command, check=True)
    from playwright.sync_api import sync_playwright

    with serve(given.runs) as studio, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(60_000)
        page.goto(studio.address)
        write(given.to, list(scenes(page)))
        browser.close()
    print(f"wrote {given.to}, {given.to.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
