"""Style in a browser: a photograph through styles, and a painting that grows."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.studio import serving
from tests.studio.serving import Served

Opening = Callable[..., Any]
PATIENCE = 60_000


@pytest.fixture(scope="session")
def styles(shared_runs: Path) -> Path:
    """A folder with two runs of small styles."""
    runs = shared_runs.with_name("studio-styles")
    for name, style in (("hills", "woodcut"), ("glass", "stained-glass")):
        if not (runs / name / "result.json").exists():
            words = ("train", "fast-style", "--preset", "tiny", f"style={style}", "source.limit=64")
            out = ("--name", name, "--out", str(runs), "--json")
            subprocess.run(serving.rockfall(*words, *out), check=True, capture_output=True)
    return runs


@pytest.fixture
def studio_of_styles(
    styles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    with serving.serve(styles) as served:
        yield served


def photograph(folder: Path) -> Path:
    """60 × 40, red above and blue below."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :, 0] = pixels[20:, :, 2] = 200
    path = folder / "Red and blue.png"
    Image.fromarray(pixels).save(path)
    return path


def open_photograph(page: Any, folder: Path) -> None:
    page.get_by_role("heading", name="A photograph").wait_for()
    page.locator("input[type=file]").first.set_input_files(photograph(folder))
    page.get_by_text("Red and blue.png, 60 × 40").wait_for()


def test_two_styles_are_chained_and_put_in_order(
    studio_of_styles: Served, open_page: Opening, tmp_path: Path, screenshot: Opening
) -> None:
    page = open_page(studio_of_styles, "#style")
    open_photograph(page, tmp_path)
    page.get_by_role("checkbox", name="hills").check()
    page.get_by_role("checkbox", name="glass").check()
    page.get_by_text("the photograph → hills → glass").wait_for(timeout=PATIENCE)
    stages = page.get_by_role("group", name="Stages").get_by_role("button")
    assert stages.all_text_contents() == ["the photograph", "1. hills", "2. glass"]
    screenshot(page, "style")
    page.get_by_role("button", name="glass earlier").click()
    page.get_by_text("the photograph → glass → hills").wait_for(timeout=PATIENCE)
    page.get_by_label("Passes").fill("2")
    page.get_by_label("Passes").press("Tab")
    page.get_by_text("→ glass → hills → glass → hills").wait_for(timeout=PATIENCE)
    page.get_by_role("checkbox", name="glass").uncheck()
    page.get_by_text("the photograph → hills → hills", exact=True).wait_for(timeout=PATIENCE)


def test_before_and_after_are_compared_by_keys_and_saved(
    studio_of_styles: Served, open_page: Opening, tmp_path: Path
) -> None:
    page = open_page(studio_of_styles, "#style/hills")  # which ticks it
    open_photograph(page, tmp_path)
    page.get_by_text("the photograph → hills").wait_for(timeout=PATIENCE)
    after = page.locator("canvas.after")
    slider = page.get_by_label("How much of the photograph is seen")
    slider.focus()
    page.keyboard.press("End")
    assert after.evaluate("canvas => canvas.style.clipPath") == "inset(0px 0px 0px 100%)"
    page.keyboard.press("Home")
    assert after.evaluate("canvas => canvas.style.clipPath") == "inset(0px 0px 0px 0%)"
    box = page.locator(".compared").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    assert slider.input_value() == "25"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == "Red and blue-hills.png"
    styled = np.array(Image.open(saved.value.path()).convert("RGB"))
    assert styled.shape == (40, 60, 3)
    page.get_by_role("button", name="the photograph").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    before = np.array(Image.open(saved.value.path()).convert("RGB"))
    assert np.array_equal(before, np.array(Image.open(tmp_path / "Red and blue.png")))
    assert not np.array_equal(before, styled)


def test_what_is_no_picture_is_one_line(
    studio_of_styles: Served, open_page: Opening, tmp_path: Path
) -> None:
    page = open_page(studio_of_styles, "#style")
    page.get_by_role("heading", name="A photograph").wait_for()
    (tmp_path / "notes.png").write_text("no picture")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "notes.png")
    page.get_by_role("alert").get_by_text("this picture can't be read as a picture").wait_for()


def test_a_picture_is_pasted_and_dropped(
    studio_of_styles: Served, open_page: Opening, tmp_path: Path
) -> None:
    page = open_page(studio_of_styles, "#style")
    page.get_by_role("heading", name="A photograph").wait_for()
    for count, how in enumerate(("paste", "drop"), 1):
        file = io.BytesIO()
        Image.new("RGB", (30 * count, 20), "red").save(file, "PNG")
        page.evaluate(
            """([how, bytes]) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([new Uint8Array(bytes)], "a.png", { type: "image/png" }));
              const of = { bubbles: true, cancelable: true };
              if (how === "paste") {
                of.clipboardData = transfer;
                document.dispatchEvent(new ClipboardEvent("paste", of));
              } else {
                const zone = document.querySelector(".upload");
                zone.dispatchEvent(new DragEvent("drop", { ...of, dataTransfer: transfer }));
              }
            }""",
            [how, list(file.getvalue())],
        )
        page.get_by_text(f"{30 * count} × 20").wait_for()


def test_the_webcam_is_asked_for(
    studio_of_styles: Served, browser: Any, page_errors: list[str]
) -> None:
    """Nobody answers where there is none: one line, and nothing else."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(studio_of_styles.address + "#style")
    page.get_by_role("button", name="Webcam").click()
    page.get_by_role("alert").get_by_text("no picture from the webcam").wait_for()
    context.close()


def test_a_painting_grows_beside_its_original(
    own_studio: Callable[..., Served],
    open_page: Opening,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    screenshot: Opening,
) -> None:
    monkeypatch.setenv("ROCKFALL_STATE", str(tmp_path / "state"))
    page = open_page(own_studio(), "#style")
    open_photograph(page, tmp_path)
    page.get_by_role("combobox", name="By").select_option("gatys")
    page.get_by_role("combobox", name="Style picture").select_option("woodcut")
    page.get_by_role("combobox", name="Longer side").last.select_option("96")
    page.get_by_role("button", name="Paint", exact=True).click()
    painting = page.locator('img[data-name="painting"]')
    painting.wait_for(timeout=PATIENCE)
    first = painting.get_attribute("src")
    page.get_by_text("done").wait_for(timeout=2 * PATIENCE)
    assert painting.get_attribute("src") != first
    assert painting.evaluate("img => img.naturalWidth") == 60
    assert os.listdir(tmp_path / "runs") == [
        name for name in os.listdir(tmp_path / "runs") if name.startswith("gatys-red-and-blue-")
    ]
    screenshot(page, "style-painted")


def test_what_is_opened_last_is_shown_whatever_is_read_first(
    studio_of_styles: Served, open_page: Opening, tmp_path: Path
) -> None:
    page = open_page(studio_of_styles, "#style")
    page.get_by_role("heading", name="A photograph").wait_for()
    page.get_by_role("combobox", name="or one that is here").select_option("brush-strokes")
    open_photograph(page, tmp_path)  # while that is being drawn
    page.wait_for_timeout(3000)
    page.get_by_text("Red and blue.png, 60 × 40").wait_for()
