"""Gatys' method: CPU seconds an iteration, and to a loss, beside plain PyTorch loops.

The photo `china`, 640 × 427, in the style of `stained-glass`, one thread, taking turns. Each has
the same network, the same layers and the same loss:

- Rockfall: `rockfall.train` from its first step to its evaluation, with all that it logs, draws and
  saves, and the margin that it paints and cuts off;
- plain: what a tutorial writes: the layers one after another, Gram matrices by `torch.mm`,
  `torch.optim.LBFGS` with an evaluation an iteration for the speed; and for the time to a loss
  Adam at full size, kept between black and white, with the better of two learning rates, from the
  photo, where Rockfall begins too, and from noise.

The loss to reach is what Rockfall's finished picture has, rounded to 8 bits and without its margin,
in the plain loop's own terms. With `--weights FILE`, SqueezeNet's (Caffe's normalisation) beside
the network that comes with Rockfall, which is always measured.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch
from torch import Tensor

from rockfall.kit.devices import autocast
from rockfall.sources.opening import open_source
from rockfall.sources.picture import Picture
from rockfall_style.features import Features, feature_network
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.report import Table, script

PHOTO, STYLE = "china", "stained-glass"
PRECISIONS = ("float32", "bf16")
LEARNING_RATES = (0.02, 0.05)
SIZES = (320, 512, 640)
"""Pixels along the photo's longer side for the time to a loss; the last is its own."""
STARTS = ("photo", "noise")
SMOOTHING = 30.0
"""Gatys' default `tv_weight`."""


class Plain:
    """The loss as a direct loop has it, of (1, 3, H, W) in 0 … 1, H and W those of the photo."""

    def __init__(self, features: dict[str, Any], size: int = SIZES[-1]) -> None:
        self.network: Features = feature_network(**features)
        for parameter in self.network.parameters():
            parameter.data = parameter.data.contiguous()
        self.photo, style = (floats(name, size) for name in (PHOTO, STYLE))
        with torch.no_grad():
            seen = self.seen(self.photo)
            self.content = {name: seen[name] for name in self.network.content_layers}
            seen = self.seen(style)
            self.style = {name: products(seen[name]) for name in self.network.style_layers}

    def seen(self, values: Tensor) -> dict[str, Tensor]:
        found = {}
        network = self.network.network
        values = (values - network.mean) / network.std
        for place, layer in enumerate(network.features):
            values = layer(values)
            if place in network.outputs:
                found[network.outputs[place]] = values
        return found

    def __call__(self, values: Tensor) -> Tensor:
        seen = self.seen(values)
        style = sum(
            ((products(seen[name]) - wanted) ** 2).mean() / (wanted**2).mean()
            for name, wanted in self.style.items()
        ) / len(self.style)
        content = sum(
            ((seen[name] - wanted) ** 2).mean() / (wanted**2).mean()
            for name, wanted in self.content.items()
        )
        rough = (values[..., 1:] - values[..., :-1]).square().sum()
        rough = rough + (values[..., 1:, :] - values[..., :-1, :]).square().sum()
        loss: Tensor = (
            content + self.network.style_weight * style + SMOOTHING * rough / values.numel()
        )
        return loss


def products(features: Tensor) -> Tensor:
    flat = features.view(features.shape[1], -1)
    return torch.mm(flat, flat.t()).float() / flat.numel()


def floats(name: str, size: int) -> Tensor:
    """No larger than the photo, which the style is not either in Rockfall."""
    opened = open_source(name, {"size": size})
    assert isinstance(opened, Picture)
    return opened.pixels[None].float() / 255


def seconds_of_plain(features: dict[str, Any], precision: str, steps: int) -> float:
    begun = time.process_time()
    loss_of = Plain(features)
    values = loss_of.photo.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [values], max_iter=1, history_size=10, tolerance_grad=0.0, tolerance_change=0.0
    )

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        with autocast(values.device, precision):
            loss = loss_of(values)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(evaluate)
    return time.process_time() - begun


def train(
    features: dict[str, Any], precision: str, size: int = SIZES[-1], **settings: Any
) -> tuple[Any, float]:
    """The model, and the CPU seconds of its fitting."""
    named = {"features": features["name"], "normalisation": features.get("normalisation")}
    run, _, seconds = trained(
        "gatys",
        PHOTO,
        source_options={"size": size},
        precision=precision,
        config={**named, "style": STYLE, **settings},
    )
    return run.model, seconds


def seconds_of_adam(
    features: dict[str, Any], precision: str, size: int, start: str, wanted: float, most: float
) -> tuple[float, bool]:
    """CPU seconds, and whether the loss was reached: the better of the learning rates."""
    outcomes = []
    for lr in LEARNING_RATES:
        torch.manual_seed(0)
        begun = time.process_time()
        loss_of = Plain(features, size)
        first = loss_of.photo.clone() if start == "photo" else torch.rand_like(loss_of.photo)
        values = first.requires_grad_()
        optimizer = torch.optim.Adam([values], lr=lr)
        loss = float("inf")
        while loss > wanted and time.process_time() - begun < most:
            optimizer.zero_grad()
            with autocast(values.device, precision):
                found = loss_of(values)
            found.backward()
            optimizer.step()
            with torch.no_grad():
                values.clamp_(0, 1)
            loss = found.item()
        outcomes.append((time.process_time() - begun, loss <= wanted))
    return min(outcomes, key=lambda outcome: (not outcome[1], outcome[0]))


def speed(networks: dict[str, dict[str, Any]], steps: int, rounds: int) -> Table:
    rows = []
    for name, features in networks.items():
        for precision in PRECISIONS:
            pairs = []
            for _ in range(rounds):
                theirs = seconds_of_plain(features, precision, steps)
                _, ours = train(features, precision, steps=steps, scales=1)
                pairs.append((ours / steps, theirs / steps))
            rows.append(
                (
                    name,
                    precision,
                    statistics.median(ours for ours, _ in pairs),
                    statistics.median(theirs for _, theirs in pairs),
                    statistics.median(theirs / ours for ours, theirs in pairs),
                )
            )
    return Table(
        "Gatys' method: CPU seconds an iteration",
        ("features", "precision", "Rockfall", "plain loop", "times as fast"),
        rows,
        f"{PHOTO} in the style of {STYLE}, 640 × 427, L-BFGS, {steps} iterations at full size, all "
        f"that a run does counted; medians of {rounds} rounds that take turns.",
    )


def time_to_loss(
    networks: dict[str, dict[str, Any]], sizes: tuple[int, ...], patience: float
) -> Table:
    rows = []
    for name, features in networks.items():
        for size in sizes:
            model, ours = train(features, "bf16", size)
            height, width = model.picture.shape[1:]
            with torch.no_grad():
                painted = model.paint(height, width)[None].float() / 255
                wanted = Plain(features, size)(painted).item()
            row = [name, f"{width} × {height}", wanted, ours]
            for start in STARTS:
                theirs, reached = seconds_of_adam(
                    features, "bf16", size, start, wanted, patience * ours
                )
                more = "" if reached else "more than "
                row += [f"{more}{theirs:.3g}", f"{more}{theirs / ours:.3g}"]
            rows.append(row)
    return Table(
        "Gatys' method: CPU seconds to a loss",
        (
            "features",
            "photo",
            "loss",
            "Rockfall",
            "Adam from the photo",
            "times as fast",
            "Adam from noise",
            "times as fast",
        ),
        rows,
        "The same pictures with default settings in bf16; Adam has the better of the learning "
        f"rates {' and '.join(map(str, LEARNING_RATES))}, and is stopped after {patience:g} × the "
        "time.",
    )


def measure(args: argparse.Namespace) -> list[Table]:
    networks: dict[str, dict[str, Any]] = {"cifar-vgg": {"name": "cifar-vgg"}}
    if args.weights:
        networks["SqueezeNet"] = {"name": args.weights, "normalisation": "caffe"}
    return [
        speed(networks, args.steps, args.rounds),
        time_to_loss(networks, tuple(map(int, args.sizes.split(","))), args.patience),
    ]


if __name__ == "__main__":
    script(
        __doc__,
        measure,
        weights="",
        steps=30,
        rounds=3,
        patience=6.0,
        sizes=",".join(map(str, SIZES)),
    )
