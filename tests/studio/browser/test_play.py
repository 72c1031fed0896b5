"""Play: what a person sees and does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.studio.serving import Served

Page = Callable[..., Any]


def player(page: Any, name: str) -> Any:
    return page.locator(f'[data-player="{name}"]')


def lit(canvas: Any) -> int:
    """How many colours its picture has."""
    return canvas.evaluate(
        """canvas => {
            const pen = canvas.getContext("2d");
            const { buffer } = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(buffer)).size;
        }"""
    )


def test_an_agent_plays_beside_the_oracle_and_random(
    studio: Served, open_page: Page, trained: Callable[[str], Any], screenshot: Callable[..., None]
) -> None:
    trained("pqn")
    page = open_page(studio, "#play/pqn")
    for name in ("pqn", "oracle", "random"):
        player(page, name).get_by_text(re.compile(r"(step|over at) [1-9]")).wait_for()
        assert lit(player(page, name).locator("canvas")) > 3
    bars = player(page, "pqn").locator(".bar")
    assert bars.count() == 3
    assert player(page, "pqn").locator(".bar.best").count() == 1
    assert [bar.locator("span").first.inner_text() for bar in bars.all()] == ["·", "←", "→"]
    page.get_by_role("slider", name="Steps a second").fill("100")
    page.get_by_text(re.compile("^Over")).wait_for()
    screenshot(page, "play-over")


def test_pause_step_and_go_on(
    studio: Served, open_page: Page, trained: Callable[[str], Any], screenshot: Callable[..., None]
) -> None:
    trained("pqn")
    page = open_page(studio, "#play/pqn")
    note = player(page, "pqn").get_by_text(re.compile(r"step \d"))
    player(page, "pqn").get_by_text(re.compile(r"step [1-9]")).wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").wait_for()
    page.wait_for_timeout(300)
    before = int(note.inner_text().split()[1])
    page.wait_for_timeout(400)
    assert int(note.inner_text().split()[1]) == before
    page.get_by_role("button", name="One step").click()
    player(page, "pqn").get_by_text(f"step {before + 1}", exact=True).wait_for()
    screenshot(page, "play")
    page.get_by_role("button", name="Go on").click()
    player(page, "pqn").get_by_text(re.compile(rf"step {before + 3}|over")).wait_for()


def test_a_person_plays_with_keys_against_the_oracle(
    studio: Served, open_page: Page, screenshot: Callable[..., None]
) -> None:
    page = open_page(studio, "#play")
    page.locator("#play-what").select_option("environment falling-rocks-8x8")
    page.get_by_label("you", exact=True).check()
    page.get_by_text(re.compile("Press a key to begin")).wait_for()
    human = player(page, "human")
    human.get_by_text("step 0", exact=True).wait_for()
    page.keyboard.press("ArrowLeft")
    human.get_by_text(re.compile(r"step [1-9]")).wait_for()
    screenshot(page, "play-human")
    page.get_by_role("slider", name="Steps a second").fill("100")
    page.get_by_text(re.compile(r"^Over.*you")).wait_for()


def test_a_finger_plays_with_the_buttons(studio: Served, open_page: Page) -> None:
    page = open_page(studio, "#play")
    page.locator("#play-what").select_option("environment falling-rocks-8x8")
    page.get_by_label("you", exact=True).check()
    human = player(page, "human")
    human.get_by_text("step 0", exact=True).wait_for()
    page.get_by_role("button", name="Key ←").click()
    human.get_by_text(re.compile(r"step [1-9]")).wait_for()


def test_the_same_game_number_is_the_same_game(studio: Served, open_page: Page) -> None:
    page = open_page(studio, "#play")
    page.locator("#play-what").select_option("environment falling-rocks-8x8")
    page.get_by_role("slider", name="Steps a second").fill("100")

    def outcome() -> str:
        page.get_by_text(re.compile("^Over")).wait_for()
        said = page.get_by_text(re.compile("^Over")).inner_text()
        page.get_by_role("button", name="Restart").click()
        return said

    first = outcome()
    assert outcome() == first
    page.get_by_text(re.compile("^Over")).wait_for()
    page.get_by_role("button", name="Next game").click()
    assert page.get_by_label("Game number").input_value() == "1"


@pytest.mark.parametrize("name", ["drifting-rocks", "falling-rocks-32x32"])
def test_other_games(studio: Served, open_page: Page, name: str) -> None:
    page = open_page(studio, "#play")
    page.locator("#play-what").select_option(f"environment {name}")
    player(page, "random").get_by_text(re.compile(r"(step|over at) [1-9]")).wait_for()
    assert lit(player(page, "random").locator("canvas")) > 3


def test_who_is_not_there_is_one_line(studio: Served, open_page: Page) -> None:
    page = open_page(studio, "#play/nobody")
    page.get_by_role("alert").get_by_text("There is no agent nobody").wait_for()
