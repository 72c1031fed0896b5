"""Home: a first run, curves that grow, and what is done with a run, as somebody sees it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.studio.browser.waiting import until
from tests.studio.serving import Served

INK = """canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let drawn = 0;
  for (let i = 3; i < pixels.length; i += 4) drawn += pixels[i] > 0;
  return drawn;
}"""
"""How many pixels of a canvas are drawn."""


def card(page: Any, name: str) -> Any:
    return page.get_by_role("article", name=name, exact=True)


def drawn(page: Any, chart: int = 0) -> int:
    return page.locator(".plot canvas").nth(chart).evaluate(INK)


def test_with_no_run_yet_a_first_one_is_trained_while_you_watch(
    own_studio: Callable[..., Served], open_page: Callable[..., Any], screenshot: Any
) -> None:
    studio = own_studio()
    page = open_page(studio)
    begin = page.get_by_role("region", name="Begin")
    begin.get_by_role("heading", name="Nothing is trained yet").wait_for()
    screenshot(page, "home-empty")
    begin.get_by_role("button", name=re.compile("^Train ")).click()
    page.get_by_text(re.compile("^Training now: ")).wait_for(timeout=90_000)
    assert begin.is_hidden()
    page.locator(".run progress").first.wait_for()
    until(page, lambda: drawn(page) > 100, 60)  # its curve grows before it has ended
    assert page.locator(".run .tag").first.text_content() == "running"
    before = drawn(page)
    until(page, lambda: drawn(page) != before, 30)
    (name,) = (path.name for path in studio.runs.iterdir())
    page.get_by_role("button", name=f"Stop: {name}").click()
    page.get_by_role("button", name=f"Resume {name}").wait_for(timeout=60_000)
    assert page.locator(".run .tag").first.text_content() == "stopped"
    assert (studio.runs / name / "checkpoint" / "last.safetensors").exists()
    page.get_by_role("button", name=f"Resume {name}").click()
    page.get_by_role("button", name=f"Stop: {name}").wait_for(timeout=90_000)


def test_figures_stand_beside_their_baselines_and_pictures_are_those_of_the_folder(
    studio: Served, open_page: Callable[..., Any], trained: Callable[[str], Path], screenshot: Any
) -> None:
    path = trained("lenet5")
    page = open_page(studio)
    run = card(page, "lenet5")
    figure = json.loads((path / "result.json").read_text())["figures"]["test accuracy"]
    row = run.get_by_role("row", name=re.compile("^test accuracy"))
    assert f"{figure['value']:.4g}" in row.text_content()
    for name in figure["baselines"]:
        assert run.get_by_role("rowheader", name=name).first.is_visible()
    run.get_by_text("Pictures, all figures, commands").click()
    pictures = run.get_by_role("img")
    until(page, lambda: pictures.count() >= 3)
    final = {p.stem for p in (path / "pictures").glob("*.png") if not p.stem[-1].isdigit()}
    shown = {img.get_attribute("alt") for img in pictures.all()}
    assert {f"{name} of lenet5" for name in final} <= shown
    until(page, lambda: all(img.evaluate("i => i.naturalWidth > 0") for img in pictures.all()))
    picture = run.get_by_role("button", name="layers of lenet5")
    before = picture.bounding_box()["width"]
    picture.click()
    assert picture.bounding_box()["width"] > before
    run.get_by_role("button", name="Copy as command").click()
    said = run.get_by_role("status").text_content()
    assert said == f"rockfall train lenet5 digits epochs=12 --out {studio.runs}"
    run.get_by_role("button", name="Copy as Python").click()
    python = run.get_by_role("status").text_content()
    assert f'rockfall.train("lenet5", "digits", out="{studio.runs}", epochs=12)' in python
    compile(python, "copied", "exec")
    screenshot(page, "home")


def test_a_curve_is_read_by_mouse_and_keyboard(
    studio: Served, open_page: Callable[..., Any], trained: Callable[[str], Path]
) -> None:
    path = trained("lenet5")
    page = open_page(studio)
    until(page, lambda: drawn(page) > 100)
    boxes = page.locator(".run").get_by_role("checkbox")
    for label in [box.get_attribute("aria-label") for box in boxes.all()]:
        if label != "Curve of lenet5":
            page.get_by_role("checkbox", name=label, exact=True).uncheck()
    card(page, "lenet5").get_by_role("checkbox").check()
    assert page.locator(".key").all_inner_texts() == ["lenet5"]
    page.get_by_label("Metric of chart 1").select_option("train loss")
    logged = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in logged if "train loss" in line]
    tip = page.locator(".plot .tip").first
    page.locator(".plot").first.focus()
    page.keyboard.press("Home")
    assert f"lenet5 · steps {steps[0]}" in tip.text_content()
    page.keyboard.press("End")
    assert f"steps {steps[-1]}" in tip.text_content()
    page.get_by_label("Across").select_option("seconds")
    page.keyboard.press("Escape")
    box = page.locator(".plot").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, lambda: "lenet5 · seconds" in (tip.text_content() or ""))
    page.mouse.move(0, 0)
    until(page, tip.is_hidden)


def test_smoothing_log_axes_and_a_legend_that_hides_change_what_is_drawn(
    studio: Served, open_page: Callable[..., Any], trained: Callable[[str], Path]
) -> None:
    trained("lenet5")
    page = open_page(studio)
    card(page, "lenet5").get_by_role("checkbox").check()
    page.get_by_label("Metric of chart 1").select_option("train loss")
    until(page, lambda: drawn(page) > 100)
    page.wait_for_timeout(500)
    shown = page.locator(".plot canvas").first
    for act in (
        lambda: page.get_by_label("smoothing").fill("0.9"),
        lambda: page.get_by_label("log y").check(),
        lambda: page.get_by_label("log x").check(),
        lambda: page.locator(".key", has_text="lenet5").click(),
    ):
        before = shown.evaluate("canvas => canvas.toDataURL()")
        act()
        until(page, lambda b=before: shown.evaluate("canvas => canvas.toDataURL()") != b)


def test_a_run_that_grows_elsewhere_grows_on_the_page(
    own_studio: Callable[..., Served], open_page: Callable[..., Any]
) -> None:
    studio = own_studio("lenet5")
    page = open_page(studio)
    until(page, lambda: drawn(page) > 100)
    page.get_by_label("Metric of chart 1").select_option("train loss")
    page.locator(".plot").first.focus()
    page.keyboard.press("End")
    with (studio.runs / "lenet5" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 98_765, "seconds": 9.0, "train loss": 1.25}) + "\n")
    tip = page.locator(".plot .tip").first
    until(page, lambda: page.keyboard.press("End") or "98,765 · 1.25" in tip.text_content())


def test_twenty_long_runs_block_nothing(
    own_studio: Callable[..., Served], open_page: Callable[..., Any], page: Any, screenshot: Any
) -> None:
    """The figure of the main thread is measured in tests/benchmarks; here they are all there."""
    studio = own_studio("lenet5")
    for number in range(20):
        path = studio.runs / f"long-{number:02}"
        shutil.copytree(studio.runs / "lenet5", path)
        with (path / "metrics.jsonl").open("w") as file:
            for step in range(2_000):
                line = {"step": step, "seconds": step / 9, "train loss": 1 + number / (step + 9)}
                file.write(json.dumps(line) + "\n")
    page = open_page(studio)
    card(page, "long-19").wait_for()
    for number in range(20):
        card(page, f"long-{number:02}").get_by_role("checkbox").check()
    assert page.locator(".key", has_text="long-").count() == 20
    until(page, lambda: drawn(page) > 1000)
    screenshot(page, "home-many")


def test_a_damaged_run_is_said_in_one_line(
    own_studio: Callable[..., Served], open_page: Callable[..., Any]
) -> None:
    studio = own_studio("lenet5")
    (studio.runs / "broken").mkdir()
    (studio.runs / "broken" / "run.json").write_text("{")
    page = open_page(studio)
    assert "damaged" in card(page, "broken").text_content()
    card(page, "lenet5").get_by_text("finished").wait_for()


@pytest.mark.parametrize("view", ["see", "imagine"])
def test_each_view_offers_models_and_has_a_link_for_its_runs(
    studio: Served, open_page: Callable[..., Any], trained: Callable[[str], Path], view: str
) -> None:
    trained("lenet5"), trained("vae")
    page = open_page(studio)
    use = page.get_by_role("article", name=re.compile(f"^For {view}", re.I))
    use.wait_for()
    assert use.get_by_role("button", name=re.compile("^Train ")).count() > 1
    use.get_by_role("link", name=re.compile(view, re.I)).click()
    page.wait_for_url(re.compile(f"#{view}/"))
