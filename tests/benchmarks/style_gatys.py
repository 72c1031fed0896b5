"""Gatys' method: CPU seconds an iteration, and to a loss, beside plain PyTorch loops.

The photo `china`, 640 × 427, in the style of `stained-glass`, one thread, taking turns. Each has
the same network, the same layers and the same loss:

- Rockfall: `rockfall.train` from its first step to its evaluation, with all that it logs, draws and
  saves, and the margin that it paints and cuts off;
- plain: what a tutorial writes: the layers one after another, Gram matrices by `torch.mm`,
  `torch.optim.LBFGS` with an evaluation an iteration for the speed; and for the time to a loss
  Adam from noise at full size, kept between black and white, with the better of two learning rates.

The loss to reach is what Rockfall's finished picture has, rounded to 8 bits and without its margin,
in the plain loop's own terms. With `--weights FILE`, SqueezeNet's (Caffe's normalisation) beside
the untrained network that is always measured.
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
SMOOTHING = 30.0
"""Gatys' default `tv_weight`."""


class Plain:
    """The loss as a direct loop has it, of (1, 3, H, W) in 0 … 1, H and W those of the photo."""

    def __init__(self, features: dict[str, Any]) -> None:
        self.network: Features = feature_network(**features)
        for parameter in self.network.parameters():
            parameter.data = parameter.data.contiguous()
        self.photo, style = (floats(name) for name in (PHOTO, STYLE))
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


def floats(name: str) -> Tensor:
    opened = open_source(name)
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


def train(features: dict[str, Any], precision: str, **settings: Any) -> tuple[Any, float]:
    """The model, and the CPU seconds of its fitting."""
    named = {"features": features["name"], "normalisation": features.get("normalisation")}
    run, _, seconds = trained(
        "gatys", PHOTO, precision=precision, config={**named, "style": STYLE, **settings}
    )
    return run.model, seconds


def seconds_of_adam(
    features: dict[str, Any], precision: str, wanted: float, most: float
) -> tuple[float, bool]:
    """CPU seconds, and whether the loss was reached: the better of the learning rates."""
    outcomes = []
    for lr in LEARNING_RATES:
        torch.manual_seed(0)
        begun = time.process_time()
        loss_of = Plain(features)
        values = torch.rand_like(loss_of.photo).requires_grad_()
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


def time_to_loss(networks: dict[str, dict[str, Any]], patience: float) -> Table:
    rows = []
    for name, features in networks.items():
        model, ours = train(features, "bf16")
        with torch.no_grad():
            wanted = Plain(features)(model.paint(427, 640)[None].float() / 255).item()
        theirs, reached = seconds_of_adam(features, "bf16", wanted, patience * ours)
        more = "" if reached else "more than "
        rows.append((name, wanted, ours, f"{more}{theirs:.3g}", f"{more}{theirs / ours:.3g}"))
    return Table(
        "Gatys' method: CPU seconds to a loss",
        ("features", "loss", "Rockfall", "Adam from noise", "times as fast"),
        rows,
        "The same picture with default settings in bf16; Adam has the better of the learning rates "
        f"{' and '.join(map(str, LEARNING_RATES))}, and is stopped after {patience:g} × the time.",
    )


def measure(args: argparse.Namespace) -> list[Table]:
    networks: dict[str, dict[str, Any]] = {"random-vgg": {"name": "random-vgg"}}
    if args.weights:
        networks["SqueezeNet"] = {"name": args.weights, "normalisation": "caffe"}
    return [
        speed(networks, args.steps, args.rounds),
        time_to_loss(networks, args.patience),
    ]


if __name__ == "__main__":
    script(__doc__, measure, weights="", steps=30, rounds=3, patience=6.0)
