"""Build: a network from blocks, what is wrong with it, and variants beside each other."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.studio.browser.waiting import until
from tests.studio.serving import Served

FOUND_WITHIN = 90_000
"""Milliseconds in which the models are imported, on a machine that does much else."""


@pytest.fixture
def building(own_studio: Callable[..., Served], open_page: Callable[..., Any]) -> Any:
    """The view, with the network that it begins with."""
    studio = own_studio()
    page = open_page(studio, "#build")
    page.get_by_role("button", name="Add block").wait_for(timeout=FOUND_WITHIN)
    page.get_by_text("parameters in all").wait_for()
    page.studio = studio
    return page


def blocks(page: Any) -> Any:
    return page.locator(".block")


def change(page: Any, block: int, name: str, value: str) -> None:
    field = blocks(page).nth(block).get_by_role("textbox", name=name)
    field.fill(value)
    field.press("Tab")


def test_sizes_follow_what_is_built_and_what_can_not_be_is_explained_at_its_block(
    building: Any, screenshot: Any
) -> None:
    page = building
    count = blocks(page).count()
    change(page, 0, "filters", "5")
    blocks(page).nth(0).get_by_text("5 × 8 × 8, 50 parameters").wait_for()
    page.get_by_role("combobox", name="block", exact=True).select_option("avgpool")
    page.get_by_role("button", name="Add block").click()
    assert blocks(page).count() == count + 1
    change(page, count, "kernel", "7")
    alert = blocks(page).nth(count).get_by_role("alert")
    alert.wait_for()
    said = alert.inner_text()
    assert re.fullmatch(r"A \d × \d feature map is too small for a 7 × 7 kernel\.", said)
    screenshot(page, "build-impossible")
    blocks(page).nth(count).get_by_role("button", name="Remove").click()
    page.get_by_text("parameters in all").wait_for()
    blocks(page).nth(0).get_by_role("button", name="Move down").click()
    assert "ReLU" in blocks(page).nth(0).inner_text()
    blocks(page).nth(0).get_by_text("1 × 8 × 8").wait_for()


def test_each_kind_of_block_can_be_added_and_is_sized(building: Any) -> None:
    page = building
    while blocks(page).count():
        blocks(page).first.get_by_role("button", name="Remove").click()
    page.get_by_text("Layers is empty").wait_for()
    kinds = page.get_by_role("combobox", name="block", exact=True)
    # In an order in which all of them fit.
    order = [
        *("conv", "batchnorm", "relu", "maxpool", "avgpool", "sigmoid", "gelu"),
        *("globalavgpool", "globalmaxpool", "dropout", "flatten", "linear", "tanh"),
    ]
    assert set(order) == {o.get_attribute("value") for o in kinds.locator("option").all()}
    for name in order:
        kinds.select_option(name)
        page.get_by_role("button", name="Add block").click()
    # What is asked for last is what is shown at last.
    sizes = page.locator(".block .size")
    until(page, lambda: all(re.search(r"\d", text) for text in sizes.all_inner_texts()))
    page.get_by_text("parameters in all").wait_for()
    assert sizes.count() == len(order)


def test_mistakes_are_said_at_their_fields_and_nothing_is_trained(building: Any) -> None:
    page = building
    for name, value in (("lr", "-1"), ("epochs", "0")):
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_role("button", name="Train", exact=True).click()
    for name in ("lr", "epochs"):
        wrong = page.locator(".setting", has=page.get_by_label(name, exact=True)).locator(".bad")
        wrong.wait_for()
        assert "greater" in wrong.inner_text()
    assert list(building.studio.runs.iterdir()) == []


def test_two_variants_are_trained_and_their_curves_stand_beside_each_other(
    building: Any, screenshot: Any
) -> None:
    page = building
    page.get_by_label("batches", exact=True).fill("30")
    page.get_by_label("batch_size", exact=True).fill("50")
    page.get_by_label("name", exact=True).fill("wide")
    page.get_by_label("name", exact=True).press("Tab")
    page.get_by_role("button", name="Duplicate", exact=True).click()
    page.get_by_label("name", exact=True).fill("narrow")
    page.get_by_label("name", exact=True).press("Tab")
    change(page, 0, "filters", "2")
    page.get_by_role("button", name="Copy as command").click()
    command = page.locator("pre.copied").inner_text()
    page.get_by_role("button", name="Copy as Python").click()
    python = page.locator("pre.copied").inner_text()
    assert 'name="narrow"' in python and "batches=30" in python and "batch_size=50" in python
    page.get_by_role("button", name="Train all variants").click()
    page.get_by_role("button", name="narrow", exact=True).nth(1).wait_for(timeout=FOUND_WITHIN)
    for _ in range(600):
        tags = [tag.inner_text() for tag in page.locator(".trained .tag").all()]
        if tags == ["finished", "finished"]:
            break
        page.wait_for_timeout(200)
    assert tags == ["finished", "finished"]
    records = {
        name: json.loads((building.studio.runs / name / "run.json").read_text())
        for name in ("wide", "narrow")
    }
    assert records["wide"]["config"]["layers"] != records["narrow"]["config"]["layers"]
    for record in records.values():
        assert (record["config"]["batches"], record["config"]["batch_size"]) == (30, 50)
    lines = (building.studio.runs / "wide" / "metrics.jsonl").read_text().splitlines()
    assert sum("train loss" in line for line in lines) == 30
    # The command is what the page did.
    assert shlex.split(command)[:3] == ["rockfall", "train", records["wide"]["model"].split(":")[1]]
    assert "--name narrow" in command
    words = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
    assert words.items() >= {"batches": "30", "batch_size": "50"}.items()
    assert words["layers"] == records["narrow"]["config"]["layers"]
    screenshot(page, "build")


def test_anything_else_is_trained_from_its_own_form(building: Any, screenshot: Any) -> None:
    page = building
    page.get_by_role("combobox", name="model", exact=True).select_option("pqn")
    source = page.get_by_role("combobox", name="source", exact=True)
    page.locator("datalist").wait_for(state="attached")
    assert source.input_value() == "falling-rocks-8x8" and not blocks(page).count()
    source.fill("no-such-thing")
    source.press("Tab")
    page.get_by_text("no registered source").wait_for(timeout=FOUND_WITHIN)
    source.fill("CartPole-v1")
    source.press("Tab")
    page.get_by_role("combobox", name="preset", exact=True).select_option("tiny")
    page.get_by_role("button", name="Copy as Python").click()
    python = page.locator("pre.copied").inner_text()
    assert '"pqn", "CartPole-v1", preset="tiny"' in python
    screenshot(page, "build-anything")
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".trained .tag", has_text="finished").wait_for(timeout=FOUND_WITHIN)
    (run,) = building.studio.runs.iterdir()
    record = json.loads((run / "run.json").read_text())
    assert (record["source"], record["preset"]) == ("CartPole-v1", "tiny")


def test_what_was_built_is_there_again_after_another_view(building: Any) -> None:
    page = building
    change(page, 0, "filters", "7")
    page.get_by_role("link", name="Home").click()
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_role("link", name="Build").click()
    blocks(page).first.wait_for()
    assert blocks(page).first.get_by_role("textbox", name="filters").input_value() == "7"
