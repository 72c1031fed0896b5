"""The frame around the views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.studio.serving import TRAINED, Served


def test_the_first_address_opens_the_home_page_and_keeps_no_token(
    studio: Served, open_page: Callable[..., Any]
) -> None:
    page = open_page(studio)
    page.get_by_role("heading", name="Runs").first.wait_for()
    assert "token" not in page.url
    page.reload()
    page.get_by_role("heading", name="Runs").first.wait_for()


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_run_is_listed(
    studio: Served, open_page: Callable[..., Any], trained: Callable[[str], Any], name: str
) -> None:
    trained(name)
    page = open_page(studio)
    page.get_by_role("heading", name=name, exact=True).first.wait_for()


def test_light_and_dark_are_chosen_and_remembered(
    studio: Served, open_page: Callable[..., Any]
) -> None:
    page = open_page(studio)
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(paper) != before
    chosen = page.evaluate(paper)
    page.reload()
    assert page.evaluate(paper) == chosen


def test_what_the_system_prefers_is_followed_until_something_is_chosen(
    studio: Served, open_page: Callable[..., Any]
) -> None:
    page = open_page(studio)
    button = page.get_by_role("button", name="Light or dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    shown = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        shown[scheme] = (page.evaluate(paper), button.inner_text())
    assert shown["light"][0] != shown["dark"][0]
    assert shown["light"][1] != shown["dark"][1]
    button.click()
    assert page.evaluate(paper) == shown["light"][0]
    page.emulate_media(color_scheme="light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(100)
    assert (page.evaluate(paper), button.inner_text()) == shown["light"]
