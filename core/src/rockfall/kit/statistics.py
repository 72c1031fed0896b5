"""Figures of a dataset's inputs: mean, deviation and reach a channel, and how much is drawn."""

from __future__ import annotations

import torch
from torch import Tensor

AT_ONCE = 1000
"""Examples counted at a time, which keeps what is copied small."""
LOOKED_AT = 2000
"""Drawings that the extent is measured on, evenly spaced; more would change its second digit."""


def statistics(inputs: Tensor) -> dict[str, list[float]]:
    """Mean and standard deviation a channel (axis 1), in the inputs' own units.

    Of floats also `min` and `max`. Of drawings, pictures (N, 1, H, W), also the `extent`: which
    share of height and of width what is drawn takes up on average. Of sequences (N, T, D) the
    channels are the D features, whatever the step; symbols (N, T) int64 have no such figures.
    """
    if inputs.dtype == torch.int64:
        return {}
    if inputs.ndim == 3:
        inputs = inputs.flatten(0, 1)
    if inputs.dtype != torch.uint8:
        values = inputs.double().transpose(0, 1).flatten(1)
        return {
            "mean": values.mean(1).tolist(),
            "std": values.std(1, correction=0).tolist(),
            "min": values.amin(1).tolist(),
            "max": values.amax(1).tolist(),
        }
    found = _of_bytes(inputs)
    if inputs.ndim == 4 and inputs.shape[1] == 1:
        step = -(-len(inputs) // LOOKED_AT) or 1
        found["extent"] = _extent(inputs[::step, 0])
    return found


def _of_bytes(inputs: Tensor) -> dict[str, list[float]]:
    """From how often each of the 256 values occurs, which is quick and exact."""
    counts = torch.zeros(inputs.shape[1], 256, dtype=torch.int64, device=inputs.device)
    for part in torch.split(inputs, AT_ONCE):
        for channel in range(len(counts)):
            counts[channel] += torch.bincount(part[:, channel].flatten(), minlength=256)
    shares = counts.double() / counts.sum(1, keepdim=True)
    values = torch.arange(256, dtype=torch.float64, device=inputs.device)
    mean = (shares * values).sum(1)
    deviation = (shares * (values - mean[:, None]) ** 2).sum(1).sqrt()
    return {"mean": mean.tolist(), "std": deviation.tolist()}


def _extent(pictures: Tensor) -> list[float]:
    edges = (pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1])
    drawn = (pictures.int() - torch.cat(edges, 1).median().int()).abs() > 64
    shares = []
    for across in (2, 1):
        lines = drawn.any(across)
        lines = lines[lines.any(1)].int()
        length = lines.shape[1]
        ends = lines.argmax(1) + lines.flip(1).argmax(1)  # the empty lines at both
        shares.append((1 - ends.double().mean() / length).item() if len(lines) else 1.0)
    return shares
