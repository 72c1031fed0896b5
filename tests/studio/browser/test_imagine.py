"""Imagine in a browser: what is dragged changes what is seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.studio import serving
from tests.studio.serving import Served

PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data).join();
}"""
Opening = Callable[..., Any]
Training = Callable[[str], Any]


def canvas(page: Any, name: str) -> Any:
    return page.locator(f'canvas[data-name="{name}"]')


def shown(page: Any, name: str) -> str:
    """The pixels of a canvas, once it has been drawn on."""
    page.locator(f'canvas[data-name="{name}"][data-shown]').wait_for()
    return str(canvas(page, name).evaluate(PIXELS))


def changes(page: Any, name: str, before: str) -> str:
    """Its pixels, once they are others than they were."""
    for _ in range(100):
        if (now := shown(page, name)) != before:
            return now
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} shows what it did before")


def drag(page: Any, element: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, places in parts of the element's sides."""
    element.scroll_into_view_if_needed()
    box = element.bounding_box()

    def move(place: tuple[float, float]) -> None:
        x, y = place
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)

    move(start)
    page.mouse.down()
    move(end)
    page.mouse.up()


def test_a_slider_and_the_picture_itself_move_latents(
    studio: Served, open_page: Opening, trained: Training, screenshot: Opening
) -> None:
    trained("vae")
    page = open_page(studio, "#imagine/vae")
    before = shown(page, "stage")
    slider = page.get_by_label("in standard deviations").first
    value = page.locator(".latents output").first
    slider.fill("2.5")
    before = changes(page, "stage", before)
    assert value.text_content() == "+2.5 σ"
    slider.press("ArrowLeft")
    assert value.text_content() != "+2.50 σ"
    drag(page, canvas(page, "stage"), (0.3, 0.3), (0.9, 0.7))
    before = changes(page, "stage", before)
    canvas(page, "stage").focus()
    page.keyboard.press("ArrowRight")
    moved = changes(page, "stage", before)
    page.keyboard.press("ArrowLeft")
    assert changes(page, "stage", moved) == before
    page.get_by_role("button", name="Random").click()
    changes(page, "stage", before)
    page.get_by_text("200 test examples").wait_for()
    screenshot(page, "imagine-vae")


def test_the_map_is_walked_in_by_mouse_and_by_keys(
    studio: Served, open_page: Opening, trained: Training
) -> None:
    trained("vae")
    page = open_page(studio, "#imagine/vae")
    page.get_by_text("200 test examples, by principal components").wait_for()
    stage, here = shown(page, "stage"), shown(page, "map-picture")
    drag(page, canvas(page, "map"), (0.2, 0.2), (0.8, 0.7))
    here = changes(page, "map-picture", here)
    changes(page, "stage", stage)
    canvas(page, "map").focus()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    changes(page, "map-picture", here)
    page.get_by_label("Placed by").select_option("two of them")
    page.get_by_label("Horizontal latent").select_option("z2")
    here = shown(page, "map-picture")
    drag(page, canvas(page, "map"), (0.1, 0.5), (0.9, 0.5))
    changes(page, "map-picture", here)


def test_two_pictures_are_blended_by_a_slider(
    studio: Served, open_page: Opening, trained: Training
) -> None:
    trained("vae")
    page = open_page(studio, "#imagine/vae")
    middle = shown(page, "blend")
    slider = page.get_by_label("From A to B")
    slider.fill("0")
    first = changes(page, "blend", middle)
    slider.fill("1")
    last = changes(page, "blend", first)
    own = shown(page, "blend-B")
    page.get_by_role("button", name="Picture B").click()
    page.get_by_role("button", name="Test example 7").click()
    changes(page, "blend-B", own)
    changes(page, "blend", last)
    page.get_by_role("button", name="Blend it as A").click()
    changes(page, "blend", middle)


def test_samples_and_the_same_noise_through_training(
    studio: Served, open_page: Opening, trained: Training, screenshot: Opening
) -> None:
    trained("gan")
    page = open_page(studio, "#imagine/gan")
    before = shown(page, "stage")
    page.get_by_role("button", name="Sample 3", exact=True).click()
    changes(page, "stage", before)
    film = page.locator('[data-name="training"] img')
    film.wait_for()
    assert film.get_attribute("alt") == "Samples in the end"
    page.get_by_label("Samples", exact=True).fill("0")
    page.locator('[data-name="training"] img[alt="Samples after step 0"]').wait_for()
    page.get_by_role("button", name="Find 60 test examples").click()
    page.get_by_text("test examples, of 60").or_(
        page.get_by_text("60 test examples, by")
    ).wait_for()
    screenshot(page, "imagine-gan")


def draw(page: Any) -> None:
    """A one."""
    pad = page.get_by_role("application", name="Drawing")
    drag(page, pad, (0.5, 0.15), (0.5, 0.85))


def test_a_chain_runs_from_a_drawing(
    studio: Served, open_page: Opening, trained: Training, screenshot: Opening
) -> None:
    trained("rbm")
    page = open_page(studio, "#imagine/rbm")
    prepared, rebuilt = shown(page, "prepared"), shown(page, "reconstruction")
    draw(page)
    changes(page, "prepared", prepared)
    changes(page, "reconstruction", rebuilt)
    page.get_by_label("Keep").select_option("the upper half")
    page.get_by_role("button", name="Run the chain").click()
    page.get_by_text(re.compile(r"^step \d+$")).wait_for()
    here = shown(page, "chain")
    changes(page, "chain", here)
    page.get_by_label("Temperature").fill("-1")
    screenshot(page, "imagine-rbm")
    page.get_by_role("button", name="Stop the chain").click()
    page.wait_for_timeout(500)
    here = shown(page, "chain")
    page.wait_for_timeout(500)
    assert shown(page, "chain") == here
    page.get_by_role("button", name="Go on").click()
    changes(page, "chain", here)


def test_without_a_run_it_says_what_to_train(
    own_studio: Callable[..., Served], open_page: Opening
) -> None:
    page = open_page(own_studio(), "#imagine")
    page.get_by_text("No run has learned to make pictures yet").wait_for()
    page.get_by_role("link", name="Train one").click()
    page.get_by_role("heading", name="Runs").first.wait_for()


def test_a_scaffolded_generator_is_here(
    scaffolded: Callable[[str], Path], open_page: Opening, screenshot: Opening
) -> None:
    with serving.serve(scaffolded("generator")) as served:
        page = open_page(served, "#imagine")
        before = shown(page, "stage")
        page.get_by_label("in standard deviations").first.fill("-2")
        changes(page, "stage", before)
        page.get_by_text("samples, by principal components").wait_for()
        screenshot(page, "imagine-scaffolded")
