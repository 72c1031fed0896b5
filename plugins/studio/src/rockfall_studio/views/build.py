"""Build: a network from blocks, with what each makes of its input.

A setting of a model that is a network as text says so in its type, `rockfall.kit.layers.LayerText`;
this view is for whatever model has one.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rockfall import RockfallError, UsageError
from rockfall.plugin import registry
from rockfall_studio import forms
from rockfall_studio.asks import Answer, Ask, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.train import Training, Value, check_source

if TYPE_CHECKING:
    from rockfall import SourceInfo

MOST_LAYERS = 200
MOST_KNOWN = 12
"""Sources whose description is kept."""


class Blocks(Ask):
    """What can be built, and for which models."""


@answers("build.blocks")
def blocks(studio: Studio, ask: Blocks) -> Answer:
    """data: models, each {model, setting}; blocks, each {name, title, words}: see
    `rockfall.kit.layers.BLOCKS`; out, where runs are, or null.
    """
    from rockfall.kit.layers import BLOCKS

    found = [
        {"name": name, "title": title, "words": [word._asdict() for word in words]}
        for name, (title, words) in BLOCKS.items()
    ]
    out = str(studio.out) if studio.out else None
    return Answer({"models": _with_layers(), "blocks": found, "out": out})


class Stack(Training):
    """layers: a text of layers for `model`, on pictures of `source`."""

    layers: Value
    batch_size: Annotated[int, Field(ge=1, le=10**6)] = 1


@answers("build.stack")
def stack(studio: Studio, ask: Stack) -> Answer:
    """What the layers make of a picture.

    data: input, its shape; classes; layers, each {number (of the block, from 1), text, shape,
    parameters}, where a `flatten` that `linear` brings along has the number of that and the output
    layer one more than there are blocks; parameters, of all; error {number, reason}, or null;
    batches, in a pass over the training examples, null where these are not counted.
    """
    from rockfall.kit.layers import LayerError, layer_by_layer
    from rockfall.kit.memory import unallocated

    if ask.layers.count("/") >= MOST_LAYERS:
        raise UsageError(f"more than {MOST_LAYERS} layers: take fewer")
    info = _described(studio, ask)
    built: list[dict[str, Any]] = []
    error = None
    try:
        with unallocated():
            for layer in layer_by_layer(ask.layers, info.shape, len(info.classes)):
                built.append(
                    {
                        "number": layer.number,
                        "text": layer.text,
                        "shape": layer.shape,
                        "parameters": layer.parameters,
                    }
                )
    except LayerError as found:
        error = {"number": found.number, "reason": found.reason}
    examples = info.sizes.get("train")
    return Answer(
        {
            "input": info.shape,
            "classes": len(info.classes),
            "layers": built,
            "parameters": sum(layer["parameters"] for layer in built),
            "error": error,
            "batches": -(-examples // ask.batch_size) if examples else None,
        }
    )


@functools.cache
def _with_layers() -> list[dict[str, str]]:
    """Every model that has a setting of layers, and that."""
    found = []
    for entry in registry().models.as_registered():
        try:
            fields = forms.form(entry.full_name)["fields"]
        except (RockfallError, AttributeError):  # a plugin that is broken hides no other
            continue
        setting = next((each["name"] for each in fields if each["kind"] == forms.LAYERS), None)
        if setting:
            found.append({"model": registry().models.shown_name(entry), "setting": setting})
    return found


_infos: OrderedDict[tuple[Any, ...], SourceInfo] = OrderedDict()


def _described(studio: Studio, ask: Stack) -> SourceInfo:
    """The description of a source of labelled pictures. Raises UsageError for another, and whatever
    opening it raises.
    """
    from rockfall import open_source

    source = ask.source or registry().models.find(ask.model).spec.default_source
    check_source(studio, ask.model, source, ask.options)
    options = {**forms.preset_options(ask.model, source, ask.preset), **ask.options}
    key = (source, *sorted((name, str(value)) for name, value in options.items()))
    if key not in _infos:
        info = open_source(source, options).info
        if len(info.shape) != 3 or len(info.classes) < 2:
            raise UsageError(f"{source} has no pictures of two classes or more")
        _infos[key] = info
        while len(_infos) > MOST_KNOWN:
            _infos.popitem(last=False)
    return _infos[key]
