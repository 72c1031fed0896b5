"""Trained styles, applied one after the other, each stage shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rockfall import UsageError
from rockfall.plugin import has_capability, registry
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.style.photographs import Named, photograph, plane

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall.kit.ready import Ready

CAPABILITY = "stylizes"
MOST_READY = 8
"""Styles that are kept in memory, of those that are no runs."""
READY, RUN = "ready", "run"


class Styles(Ask):
    """What there is."""


@answers("style.styles")
def styles(studio: Studio, ask: Styles) -> Answer:
    """data: styles, each {style, name, summary, megabytes (to download, or 0)}; pictures, each
    {name, summary}; first, one of them to begin with, or null; painters, each {name, summary,
    restyles}; paintings, names of runs of these.
    """
    found = [
        {
            "style": f"{READY}:{name}",
            "name": name,
            "summary": each.summary,
            "megabytes": each.megabytes,
        }
        for name, each in ready().items()
    ]
    found.sort(key=lambda style: bool(style["megabytes"]))
    board = studio.board.runs(studio)
    runs = [
        {
            "style": f"{RUN}:{run['name']}",
            "name": run["name"],
            "summary": f"{run['model']} on {run['source']}",
            "megabytes": 0,
        }
        for run in reversed(board)
        if CAPABILITY in run.get("capabilities", ()) and run["ready"]
    ]
    pictures = [
        {"name": registry().pictures.shown_name(entry), "summary": entry.spec.summary}
        for entry in registry().pictures
    ]
    paintings = [run["name"] for run in board if "paints" in run.get("capabilities", ())]
    return Answer(
        {
            "styles": [*runs, *found],
            "pictures": pictures,
            "first": _first(),
            "painters": painters(),
            "paintings": paintings,
        }
    )


def _first() -> str | None:
    """What the first painter learns from where nothing is said."""
    names = (registry().models.find(each["name"]).spec.default_source for each in painters())
    return next((name for name in names if registry().pictures.get(name)), None)


def painters() -> list[dict[str, Any]]:
    """Models that learn from one picture and render it; first those that take a style, too."""
    found = [
        {
            "name": registry().models.shown_name(entry),
            "summary": entry.spec.summary,
            "restyles": has_capability(entry.spec, "restyles"),
        }
        for entry in registry().models
        if "picture" in entry.spec.learns_from and has_capability(entry.spec, "paints")
    ]
    return sorted(found, key=lambda each: not each["restyles"])


class Apply(Ask):
    """styles: in order, as `style.styles` names them. passes: how often all of that is done. size:
    pixels along the longer side, at most.
    """

    picture: Named
    styles: tuple[Annotated[str, Field(max_length=300)], ...] = Field(max_length=12)
    passes: int = Field(1, ge=1, le=10)
    size: int = Field(480, ge=32, le=2400)


@answers("style.apply")
def apply(studio: Studio, ask: Apply) -> Iterator[Answer]:
    """data: stage, from 0, the photograph; of, how many there are; name. planes: it (H, W, 3)."""
    from rockfall.kit.resizing import within

    chain = ask.styles * ask.passes
    for style in ask.styles:
        _split(style)
    picture = within(photograph(ask.picture), ask.size)
    yield Answer({"stage": 0, "of": len(chain), "name": "the photograph"}, [plane(picture)])
    for stage, style in enumerate(chain, 1):
        picture = stylized(studio, style, picture)
        name = _split(style)[1]
        yield Answer({"stage": stage, "of": len(chain), "name": name}, [plane(picture)])


def stylized(studio: Studio, style: str, picture: Tensor) -> Tensor:
    """(3, H, W) uint8 in a style."""
    import torch

    from rockfall.kit.devices import autocast, choose_device, choose_precision

    def by(model: Any, device: torch.device) -> Tensor:
        precision = choose_precision("auto", device, "bf16")
        with torch.no_grad(), autocast(device, precision):
            made: Tensor = model.stylize(picture.to(device))
            return made

    kind, name = _split(style)
    if kind == RUN:
        with studio.opened(name, CAPABILITY) as opened:
            return by(opened.run.model, opened.run.device)
    return by(_opened.get(name), choose_device())


def ready() -> dict[str, Ready]:
    """Styles without a run, by name, of whoever registers the capability."""
    return {
        name: each
        for entry in registry().capabilities
        if entry.spec.name == CAPABILITY and entry.spec.ready
        for name, each in entry.spec.load(entry.spec.ready)().items()
    }


class _Opened:
    """Ready styles; the one that was not asked for the longest goes."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Any:
        with self._lock:
            if name not in self._models:
                there = ready()
                if name not in there:
                    raise UsageError(f"there is no style {name[:80]}")
                self._models[name] = there[name].open()
            self._models.move_to_end(name)
            while len(self._models) > MOST_READY:
                self._models.popitem(last=False)
            return self._models[name]


_opened = _Opened()


def _split(style: str) -> tuple[str, str]:
    """Its kind and its name. Raises UsageError for what is neither kind."""
    kind, _, name = style.partition(":")
    if kind not in (READY, RUN):
        raise UsageError(f"there is no style {style[:80]}")
    return kind, name
