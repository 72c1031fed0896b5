"""From Home to what a run is for, in at most three clicks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.studio.serving import Served

MOST = 3
PATIENCE = 60_000


class Clicks:
    """Counts what a person clicks."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, element: Any) -> None:
        element.click()
        self.count += 1


@pytest.mark.parametrize(
    ("name", "view", "sign"),
    [
        ("lenet5", "See", "[data-seen]:not([data-seen='0'])"),
        ("rbm", "See", "[data-seen]:not([data-seen='0'])"),
        ("pqn", "See", "[data-seen]:not([data-seen='0'])"),
        ("vae", "Imagine", "canvas[aria-label*='latent' i], h2:has-text('Latents')"),
        ("gan", "Imagine", "h2:has-text('Samples')"),
        ("rbm", "Imagine", "h2:has-text('From a drawing')"),
        ("pqn", "Play", "[data-player] canvas"),
    ],
)
def test_a_run_is_used(
    name: str,
    view: str,
    sign: str,
    studio: Served,
    trained: Callable[[str], Path],
    open_page: Callable[..., Any],
) -> None:
    trained(name)
    page, click = open_page(studio), Clicks()
    card = page.get_by_role("article", name=name, exact=True)
    click(card.get_by_role("link", name=view))
    page.locator(sign).first.wait_for(timeout=PATIENCE)
    assert page.url.endswith(f"#{view.lower()}/{name}")
    assert click.count <= MOST


def test_a_network_is_built(studio: Served, open_page: Callable[..., Any]) -> None:
    page, click = open_page(studio), Clicks()
    click(page.get_by_role("link", name="Build", exact=True))
    page.get_by_text("parameters in all").wait_for(timeout=PATIENCE)
    assert click.count <= MOST


@pytest.mark.parametrize("style", ["starry-night", "wave"])
def test_a_photograph_goes_through_a_style(
    style: str, own_studio: Callable[..., Served], open_page: Callable[..., Any]
) -> None:
    """One that comes with Rockfall, and a published one."""
    data = Path(os.environ.get("ROCKFALL_DATA", ""), "weights", "fast-style", style)
    if style == "wave" and not data.exists():
        pytest.skip("ROCKFALL_DATA has no weights/fast-style/wave")
    page, click = open_page(own_studio()), Clicks()
    click(page.get_by_role("link", name="Style", exact=True))
    click(page.get_by_role("checkbox", name=re.compile(rf"^{style}\b")))
    page.locator(".result .thumb").nth(1).wait_for(timeout=PATIENCE)
    assert click.count <= MOST
