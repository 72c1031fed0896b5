"""One unit of a layer: its filter, its strongest inputs, and how its values come about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rockfall import UsageError
from rockfall_studio.asks import Answer, answers
from rockfall_studio.studio import Studio
from rockfall_studio.views.see.planes import Units
from rockfall_studio.views.see.seen import OfRun, looking

if TYPE_CHECKING:
    from torch import Tensor

    from rockfall.kit.tracing import Layer

MOST_INPUTS = 12
"""That are listed, the strongest first."""
MOST_MAPS = 6
"""Whose maps and kernels are sent."""
MOST_SIDE = 256
"""Pixels a side of a map that is gone through position by position."""


class Unit(OfRun):
    """layer: its name. unit: its number. attached: the input's bytes."""

    layer: str = Field(max_length=500)
    unit: int = Field(ge=0)


@answers("see.unit")
def unit(studio: Studio, ask: Unit) -> Answer:
    """data: layer, kind, unit; value, of a single number, else the mean; bias; settings; how, which
    is "convolution", "weights", "pooling", "same" or "unknown"; and inputs, the strongest first,
    each with layer, unit, value (of a map the mean), weight if it is one number, and strength.

    planes: of maps, the unit's own (h, w); of as many of those inputs as were not too many, their
    maps (K, H, W); and of a convolution the kernels (K, kh, kw), of weights these (K, H, W).
    """
    with looking(studio, ask.run) as seen:
        layers = {layer.name: layer for layer in seen.layers(seen.inputs(ask.attached))}
        if ask.layer not in layers:
            raise UsageError(f"{ask.run} has no layer {ask.layer}")
        layer = layers[ask.layer]
        units = {name: Units.of(each.values[0]) for name, each in layers.items()}
        own = units[ask.layer]
        if ask.unit >= len(own):
            raise UsageError(f"{ask.layer} has {len(own)} units, and none of {ask.unit}")
        sources = [(name, units[name]) for name in layer.after if name in units]
        how, inputs, planes = come_about(layer, own, ask.unit, sources)
        value = float(own.values[ask.unit].mean())
        biased = how == "convolution" or (how == "weights" and own.size == 1)
        bias = float(layer.bias[ask.unit]) if biased and layer.bias is not None else None
        data = {
            "layer": layer.name,
            "kind": layer.kind,
            "unit": ask.unit,
            "units": len(own),
            "value": value,
            "bias": bias,
            "settings": {key: _plain(each) for key, each in layer.settings.items()},
            "how": how,
            "inputs": inputs,
        }
        first = own.values[ask.unit] if own.size > 1 else own.values.new_zeros(0, 0)
        found = [first, *planes] if max(own.values.shape[1:]) <= MOST_SIDE else []
        return Answer(data, [each.contiguous().float().numpy() for each in found])


Found = tuple[str, list[dict[str, Any]], list["Tensor"]]
"""How, the inputs, and the planes after the unit's own."""


def come_about(layer: Layer, own: Units, unit: int, sources: Sequence[tuple[str, Units]]) -> Found:
    """By what a unit gets its values."""
    if len(sources) == 1:
        name, source = sources[0]
        if found := _by_weights(layer, own, unit, name, source):
            return found
        if "pool" in layer.kind.lower() and len(own) == len(source):
            return "pooling", [_told(name, source, unit)], [source.values[unit : unit + 1]]
        if len(own) == len(source):
            return "same", [_told(name, source, unit)], [source.values[unit : unit + 1]]
        return "unknown", [], []
    same = [(name, each) for name, each in sources if len(each) == len(own)]
    maps = [each.values[unit] for _, each in same]
    alike = bool(maps) and all(each.shape == maps[0].shape for each in maps)
    told = [_told(name, each, unit) for name, each in same]
    if alike:
        import torch

        return "same", told, [torch.stack(maps)]
    return "unknown", told, []


def _by_weights(layer: Layer, own: Units, unit: int, name: str, source: Units) -> Found | None:
    if layer.weight is None:
        return None
    weight = layer.weight.float().cpu()
    if weight.ndim == 2:
        return _weights(weight, own, unit, name, source)
    if weight.ndim == 4 and "ranspose" not in layer.kind:
        return _convolution(layer, weight, own, unit, name, source)
    return None


def _convolution(
    layer: Layer, weight: Tensor, own: Units, unit: int, name: str, source: Units
) -> Found | None:
    from torch.nn import functional as F

    groups = int(layer.settings.get("groups", 1))
    inputs = weight.shape[1]
    zeros = layer.settings.get("padding_mode", "zeros") == "zeros"
    if not zeros or weight.shape[0] != len(own) or inputs * groups != len(source):
        return None
    start = unit * groups // len(own) * inputs
    kernels, maps = weight[unit], source.values[start : start + inputs]
    settings = {
        key: layer.settings[key]
        for key in ("stride", "padding", "dilation")
        if key in layer.settings
    }
    given = F.conv2d(maps[None], kernels[:, None], groups=inputs, **settings)[0]
    sizes = given.square().mean((1, 2)).sqrt()
    order = sizes.argsort(descending=True, stable=True)
    told = [
        {**_told(name, source, start + channel), "strength": float(sizes[channel])}
        for channel in order[:MOST_INPUTS].tolist()
    ]
    most = order[:MOST_MAPS]
    return "convolution", told, [maps[most], kernels[most]]


def _weights(weight: Tensor, own: Units, unit: int, name: str, source: Units) -> Found | None:
    if weight.shape[1] != len(source) * source.size or weight.shape[0] != len(own) * own.size:
        return None
    rows = weight.view(len(own), own.size, len(source), *source.values.shape[1:])[unit]
    products = (rows * source.values).sum((2, 3))  # (numbers of the unit, source units)
    of_one = own.size == 1
    strengths = products[0] if of_one else products.abs().mean(0)
    order = strengths.abs().argsort(descending=True, stable=True)
    told = []
    for number in order[:MOST_INPUTS].tolist():
        one = {**_told(name, source, number), "strength": float(strengths[number])}
        if of_one and source.size == 1:
            one["weight"] = float(rows[0, number])
        told.append(one)
    if source.size == 1 and own.size == 1:
        return "weights", told, []
    most = order[:MOST_MAPS]
    # Of a map that is made of numbers, what each number adds to it.
    shown = rows[0, most] if of_one else rows[:, most, 0, 0].T.reshape(-1, *own.values.shape[1:])
    return "weights", told, [source.values[most], shown]


def _told(name: str, source: Units, unit: int) -> dict[str, Any]:
    value = float(source.values[unit].mean())
    return {"layer": name, "unit": unit, "value": value, "strength": value}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
