"""See, as somebody uses it: the classic experiments, units, saliency, examples, games."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.studio import serving
from tests.studio.serving import Served

Point = tuple[float, float]

FOUR = [[(0.3, 0.15), (0.27, 0.55), (0.75, 0.55)], [(0.62, 0.2), (0.6, 0.9)]]
BETWEEN = [[(0.6, 0.1), (0.4, 0.3), (0.32, 0.6), (0.7, 0.6)], [(0.66, 0.4), (0.64, 0.9)]]
SEVEN = [[(0.27, 0.2), (0.72, 0.2), (0.45, 0.88)]]
ONE = [[(0.5, 0.1), (0.5, 0.9)]]


class View:
    """The page at See, and what somebody does there."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.locator("[data-seen]").wait_for()

    @property
    def seen(self) -> int:
        """How many inputs were drawn so far."""
        return int(self.page.locator("[data-seen]").get_attribute("data-seen"))

    def settle(self) -> None:
        """Until nothing more comes."""
        before = -1
        while before != self.seen:
            before = self.seen
            self.page.wait_for_timeout(250)

    def stroke(self, points: Sequence[Point], steps: int = 8) -> None:
        box = self.page.locator(".sketchpad").bounding_box()
        placed = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*placed[0])
        self.page.mouse.down()
        for start, end in pairwise(placed):
            for step in range(1, steps + 1):
                share = step / steps
                self.page.mouse.move(
                    *(a + (b - a) * share for a, b in zip(start, end, strict=True))
                )
        self.page.mouse.up()

    def draw(self, strokes: Sequence[Sequence[Point]]) -> None:
        self.page.get_by_role("button", name="Clear").click()
        for points in strokes:
            self.stroke(points)
        self.settle()

    @property
    def best(self) -> str:
        return str(self.page.locator(".see-classes").get_attribute("data-best"))

    def share(self, name: str) -> float:
        """The percentage of a class."""
        row = self.page.locator(".see-row", has=self.page.get_by_text(name, exact=True))
        found = re.search(r"([\d.]+) %", row.inner_text())
        assert found
        return float(found[1])

    def layer(self, name: str) -> Any:
        return self.page.get_by_role("application", name=re.compile(name))


@pytest.fixture
def see(
    studio: Served, trained: Callable[[str], Any], open_page: Callable[..., Any]
) -> Callable[[str], View]:
    """see("lenet5") → the view of that run."""

    def at(run: str) -> View:
        trained(run)
        return View(open_page(studio, f"#see/{run}"))

    return at


def test_a_drawing_is_read_and_every_layer_follows_it(
    see: Callable[[str], View], screenshot: Callable[..., None]
) -> None:
    view = see("lenet5")
    pictures = []
    for strokes, digit in ((ONE, "1"), (FOUR, "4")):
        view.draw(strokes)
        assert view.best == digit
        pictures.append(view.layer("Conv2d, network.4").evaluate("canvas => canvas.toDataURL()"))
    assert pictures[0] != pictures[1]
    assert "cropped to the drawing, inverted" in view.page.locator(".see-prepare").inner_text()
    assert view.page.locator(".see-units").count() == 15
    screenshot(view.page, "see")


def test_live_while_the_pen_is_down(see: Callable[[str], View]) -> None:
    view = see("lenet5")
    view.page.get_by_role("button", name="Clear").click()
    view.settle()
    before = view.seen
    box = view.page.locator(".sketchpad").bounding_box()
    view.page.mouse.move(box["x"] + 100, box["y"] + 50)
    view.page.mouse.down()
    for step in range(10):
        view.page.mouse.move(box["x"] + 100, box["y"] + 50 + 10 * step)
        view.page.wait_for_timeout(60)
    assert view.seen > before + 3
    view.page.mouse.up()


def test_a_digit_between_four_and_six(see: Callable[[str], View]) -> None:
    """The first of the classic experiments: a stroke that closes it makes a six of a four."""
    view = see("lenet5")
    view.draw(BETWEEN)
    assert view.best == "4"
    of_four = view.share("4")
    view.stroke([(0.32, 0.6), (0.38, 0.9), (0.64, 0.9)])
    view.settle()
    assert view.best == "6"
    view.page.get_by_role("button", name="Undo").click()
    view.settle()
    assert view.share("4") == pytest.approx(of_four, abs=0.1)


def test_a_seven_that_reads_as_a_one(see: Callable[[str], View]) -> None:
    """The second one: steep, and with a short bar."""
    view = see("lenet5")
    view.draw(SEVEN)
    assert view.best == "7"
    view.draw([[(0.45, 0.2), (0.6, 0.2), (0.5, 0.88)]])
    assert view.best == "1"
    view.page.get_by_role("button", name="Eraser").click()
    before = view.page.locator(".sketchpad").evaluate("canvas => canvas.toDataURL()")
    view.stroke([(0.4, 0.2), (0.6, 0.2)])
    view.settle()
    assert view.page.locator(".sketchpad").evaluate("canvas => canvas.toDataURL()") != before
    assert view.best == "1"


def test_a_dotted_seven(see: Callable[[str], View]) -> None:
    """The third one: points along the strokes of a seven, which are seen as they are."""
    view = see("lenet5")
    view.page.get_by_role("button", name="Clear").click()
    view.page.get_by_label("Thickness of the pen").fill("6")
    corners = SEVEN[0]
    for (x0, y0), (x1, y1) in pairwise(corners):
        for step in range(5):
            view.stroke([(x0 + (x1 - x0) * step / 4, y0 + (y1 - y0) * step / 4)])
    view.settle()
    shares = [view.share(str(digit)) for digit in range(10)]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert "cropped to the drawing" in view.page.locator(".see-prepare").inner_text()


def test_a_unit_tells_its_filter_and_its_strongest_inputs(
    see: Callable[[str], View], screenshot: Callable[..., None]
) -> None:
    view = see("lenet5")
    layer = view.layer("Conv2d, network.4")
    layer.scroll_into_view_if_needed()
    layer.hover(position={"x": layer.bounding_box()["width"] / 2 - 20, "y": 20})
    card = view.page.locator(".see-card")
    card.get_by_text("Its kernels").wait_for()
    assert re.search(r"Conv2d \d+ of 16", card.inner_text())
    assert card.locator(".see-kernel").count() == 6
    assert card.locator(".see-strong").count() == 6
    screenshot(view.page, "see-unit")
    view.page.mouse.move(5, 5)
    card.wait_for(state="hidden")


def test_a_feature_map_position_by_position(
    see: Callable[[str], View], screenshot: Callable[..., None]
) -> None:
    view = see("lenet5")
    layer = view.layer("Conv2d, network.1")
    layer.focus()
    view.page.keyboard.press("ArrowRight")
    view.page.keyboard.press("Enter")
    dialog = view.page.get_by_role("dialog")
    dialog.get_by_text(re.compile("Conv2d 2 of 6")).wait_for()
    dialog.get_by_role("button", name="Pause").click()
    slider = dialog.get_by_label("Position")
    sums = []
    for position in ("200", "300"):
        slider.fill(position)
        text = dialog.locator(".see-sum").inner_text().replace("−", "-")
        left, right = text.split(" = ")
        parts = [float(part.removeprefix("bias ")) for part in left.split(" + ")]
        assert sum(parts) == pytest.approx(float(right), abs=0.02 * max(map(abs, parts)) + 0.02)
        sums.append(text)
    assert sums[0] != sums[1]
    screenshot(view.page, "see-map")
    view.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_a_class_glows_where_it_depends_on_the_picture(
    see: Callable[[str], View], screenshot: Callable[..., None]
) -> None:
    view = see("lenet5")
    view.draw(SEVEN)
    best = view.page.locator(".see-row.best")
    best.click()
    view.page.get_by_text("What “7” depends on").wait_for()
    assert view.page.locator(".see-heat").is_visible()
    screenshot(view.page, "see-saliency")
    best.click()
    view.page.get_by_text("What it gets").wait_for()
    assert view.page.locator(".see-heat").is_hidden()


def test_a_file_and_a_test_example(see: Callable[[str], View], tmp_path: Path) -> None:
    view = see("lenet5")
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    for x0, y0, x1, y1 in ((85, 55, 215, 55), (215, 55, 130, 255)):
        pen.line((x0, y0, x1, y1), "navy", 26)
    image.save(tmp_path / "seven.png")
    before = view.seen
    view.page.locator("input[type=file]").set_input_files(tmp_path / "seven.png")
    view.page.wait_for_function(
        "before => Number(document.querySelector('[data-seen]').dataset.seen) > before", arg=before
    )
    view.settle()
    assert view.best == "7"
    view.page.get_by_role("spinbutton", name="Test example").fill("5")
    view.page.keyboard.press("Enter")
    view.page.get_by_text("test example 5 of").wait_for()


def test_by_keyboard_alone(see: Callable[[str], View]) -> None:
    view = see("lenet5")
    view.page.get_by_role("button", name="Clear").press("Enter")
    view.settle()
    before = view.seen
    sheet = view.page.locator(".sketchpad")
    sheet.focus()
    for _ in range(4):
        view.page.keyboard.press("Shift+ArrowUp")
    view.page.keyboard.press("Space")
    for _ in range(8):
        view.page.keyboard.press("Shift+ArrowDown")
    view.page.keyboard.press("Space")
    view.settle()
    assert view.seen > before
    assert view.best == "1"


def test_a_game_step_by_step(see: Callable[[str], View], screenshot: Callable[..., None]) -> None:
    view = see("pqn")
    words = view.page.locator(".see-input p.number")
    assert re.search(r"step 1 of \d+ · it does \d · score 0", words.inner_text())
    first = view.layer("Linear, average.head").evaluate("canvas => canvas.toDataURL()")
    view.page.get_by_label("Step of the game").fill("20")
    view.settle()
    assert "step 21 of" in words.inner_text()
    assert view.layer("Linear, average.head").evaluate("canvas => canvas.toDataURL()") != first
    view.page.get_by_role("button", name="Play").click()
    view.page.get_by_text("step 24 of").wait_for()
    view.page.get_by_role("button", name="Pause").click()
    screenshot(view.page, "see-game")


@pytest.mark.parametrize(
    ("run", "layer"), [("rbm", "hidden units"), ("vae", "encoder.0"), ("gan", "discriminators")]
)
def test_machines_and_generators_show_their_inside(
    see: Callable[[str], View], screenshot: Callable[..., None], run: str, layer: str
) -> None:
    view = see(run)
    view.draw(SEVEN)
    assert view.page.locator(".see-classes").count() == 0
    assert view.layer(layer).first.is_visible()
    screenshot(view.page, f"see-{run}")


@pytest.mark.parametrize(
    ("kind", "layer"), [("classifier", "Linear, layers.1"), ("agent", "Linear, layers.3")]
)
def test_a_scaffolded_plugin_shows_its_inside(
    scaffolded: Callable[[str], Path], open_page: Callable[..., Any], kind: str, layer: str
) -> None:
    with serving.serve(scaffolded(kind)) as served:
        view = View(open_page(served, "#see"))
        assert view.layer(layer).is_visible()
        if kind == "classifier":
            view.draw(ONE)
            assert view.best == "1"
