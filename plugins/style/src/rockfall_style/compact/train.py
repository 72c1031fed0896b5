"""Trains a compact style: a network of `network.py` in half precision, by

    python -m rockfall_style.compact.train starry_night.jpg --photos FOLDER --to starry-night

The losses compare activations of SqueezeNet, a download of 5 MB. With those of `cifar-vgg`, which
comes with Rockfall, and suffices for `gatys`, 22,000 steps still hatched where 4,000 with those of
SqueezeNet painted.

After Johnson, Alahi and Fei-Fei 2016, as `fast_style.py`, from which it differs in

- the pictures: `training_pictures.py` says which. Each is cropped, mirrored and lit anew, for there
  are few photographs;
- the content loss: it has a part for what is light and what is dark, which a style that has both
  must else bring along, in clouds of its own;
- the style loss: at two scales, that of the picture and half of it, so that there are large strokes
  as well as small ones;
- what the losses see: the pictures less some rows and columns at their beginning, at random. A
  network with strides sees only some of the pixels well, and always the same ones; what is painted
  for it has a grid, of two pixels;
- the schedule: the network begins as the identity, and the weight of the style rises from almost
  nothing in the first part of the training. With all of it from the start, the network learns to
  paint the style without a picture, and never finds back to the picture;
- what is kept: a moving average of the weights.

The state after every so many steps is in NAME.state, from which a call with the same arguments goes
on; NAME.safetensors is the style by then.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from rockfall import Dataset, fork_rng, open_source
from rockfall.kit import checkpoint
from rockfall.kit.devices import autocast, choose_device, computing
from rockfall.kit.files import atomic
from rockfall.kit.optimizers import Adam
from rockfall.kit.pictures import load
from rockfall.kit.resizing import within
from rockfall.kit.schedules import averaged_model, lr_factor, set_lr
from rockfall_style.compact.network import StrokeNetwork
from rockfall_style.compact.training_pictures import TrainingPictures
from rockfall_style.features import feature_network
from rockfall_style.losses import content_loss, gram, style_loss, total_variation
from rockfall_style.picture_names import read_picture

SEED = 0
CONTENT_LAYERS = {
    "CIFAR VGG": ("relu2_1", "relu3_2"),
    "SqueezeNet 1.1": ("fire3", "fire4"),
    "VGG19": ("relu3_1", "relu4_2"),
    "random VGG": ("relu1_1", "relu2_1"),
}
"""By architecture. The last alone, which suffices for `gatys`, lets a network's strokes cover what
is light and what is dark.
"""
SHIFTS = 8
"""Rows and columns, from none on, of which some are left out."""
FLAT = 0.05
"""Added to the standard deviation of what is light and dark, for pictures that are flat."""
LR, WARM_UP = 5e-3, 0.01
"""Peak learning rate of Adam, after a short warm-up; then a cosine decay."""
STYLE_RISE = 0.25
"""Share of the training in which the weight of the style rises to its own."""
LEAST_STYLE = 0.05
"""Share of it with which it begins."""
DECAY = 0.998
"""Of the moving average."""
SAVED_EVERY, PRINTED_EVERY = 500, 100
"""Steps."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """features: a name of `rockfall.kit.features`, or the path of weights, which need their
    normalisation. style_size: pixels along the style's longer side; larger makes broader strokes.
    side: of the training pictures. pool: how many of them there are. seconds: in which it ends
    before all `steps`, with the schedules as they are; none: no limit.
    """

    features: str = "squeezenet"
    normalisation: str | None = None
    style_size: int = 320
    style_weight: float = 8.0
    tv_weight: float = 30.0
    steps: int = 12_000
    batch_size: int = 1
    side: int = 224
    pool: int = 2000
    seconds: float | None = None


class Training:
    """All that is resumed: network, average, optimizer, step and progress, 0 … 1."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        with fork_rng(SEED):
            self.network = StrokeNetwork().to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.noise = self.network.noise
        self.optimizer = Adam(self.network.parameters(), lr=LR)
        average = averaged_model(self.network, DECAY)
        assert average is not None
        self.average = average
        self.step, self.progress = 0, 0.0

    def run(self, loss: PerceptualLoss, pool: Tensor) -> Iterator[dict[str, Tensor]]:
        """The losses of every step. pool: (N, 3, H, W) uint8 on the device."""
        recipe, begun = self.recipe, time.monotonic()
        while self.progress < 1 - 1e-9:
            generator = torch.Generator().manual_seed(self.step)
            rows = torch.randint(len(pool), (recipe.batch_size,), generator=generator)
            set_lr(self.optimizer, LR * lr_factor(self.progress, "cosine", WARM_UP))
            style_share = min(1.0, LEAST_STYLE + self.progress / STYLE_RISE)
            self._move_noise(generator)
            shift = torch.randint(SHIFTS, (2,), generator=generator).tolist()
            losses = self._update(loss, pool[rows.to(pool.device)], style_share, shift)
            self.step += 1
            passed, begun = time.monotonic() - begun, time.monotonic()
            by_time = passed / recipe.seconds if recipe.seconds else 0.0
            self.progress = max(self.progress + by_time, self.step / recipe.steps)
            yield losses

    def _move_noise(self, generator: torch.Generator) -> None:
        """At random. The network would else learn to paint the style picture itself, at its place,
        wherever the noise tells it where it is.
        """
        by = torch.randint(self.noise.shape[1], (2,), generator=generator).tolist()
        self.network.noise = self.noise.roll(by, (1, 2))

    def _update(
        self, loss: PerceptualLoss, batch: Tensor, style_share: float, shift: Sequence[int]
    ) -> dict[str, Tensor]:
        """On a CPU one picture after another, for instance norm is several times faster of one.

        shift: rows and columns that the losses do not see.
        """
        rows, columns = shift
        self.optimizer.zero_grad()
        sums: dict[str, Tensor] = {}
        for part in batch.split(1 if self.device.type == "cpu" else len(batch)):
            with autocast(self.device, "bf16"):
                outputs = self.transform(part)
            losses = loss(outputs[:, :, rows:, columns:], part[:, :, rows:, columns:], style_share)
            share = len(part) / len(batch)
            (losses["loss"] * share).backward()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0) + value.detach() * share
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return sums

    def transform(self, batch: Tensor) -> Tensor:
        """(N, 3, H, W) uint8 → float, 0 … 1 and slightly beyond."""
        margin, (height, width) = self.network.margin, batch.shape[2:]
        padded = F.pad(batch.float(), [margin] * 4, mode="reflect")
        output = self.network(padded.contiguous(memory_format=torch.channels_last)).float() / 255
        inside: Tensor = output[:, :, margin : margin + height, margin : margin + width]
        return inside

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "progress": self.progress,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.progress = state["step"], state["progress"]

    def style(self) -> bytes:
        """The contents of a file of the style: the average's weights, in half precision."""
        weights = self.average.module.state_dict()
        return save({name: values.half().cpu().contiguous() for name, values in weights.items()})


class PerceptualLoss:
    """Content, style at two scales, and total variation."""

    def __init__(self, recipe: Recipe, style: Tensor) -> None:
        """style: (1, 3, H, W) in 0 … 1, on the device of all that it is asked for."""
        self.recipe = recipe
        features = feature_network(recipe.features, recipe.normalisation).to(style.device)
        self.features = features
        self.content_layers = CONTENT_LAYERS[features.network.architecture.name]
        with torch.no_grad():
            self.targets = [
                {name: gram(activations[name]) for name in features.style_layers}
                for activations in (features(style), features(halved(style)))
            ]

    def __call__(self, outputs: Tensor, inputs: Tensor, style_share: float) -> dict[str, Tensor]:
        """outputs: (N, 3, H, W) in 0 … 1. inputs: the same shape, uint8."""
        with autocast(outputs.device, "bf16"):
            with torch.no_grad():
                wanted = as_float(self.features(inputs.float() / 255))
            activations = as_float(self.features(outputs))
            smaller = as_float(self.features(halved(outputs)))
        content_targets = {name: wanted[name] for name in self.content_layers}
        content = content_loss(activations, content_targets)
        styles = map(style_loss, (activations, smaller), self.targets)
        style = torch.stack([*styles]).mean()
        structure = (light_and_dark(outputs) - light_and_dark(inputs / 255)).square().mean()
        tv = total_variation(outputs)
        weight = style_share * self.recipe.style_weight
        return {
            "loss": content + structure + weight * style + self.recipe.tv_weight * tv,
            "style": style,
            "content": content,
            "structure": structure,
        }


def light_and_dark(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in 0 … 1 → (N, 1, H / 8, W / 8): grey, coarse, of mean 0 and variance 1."""
    grey = F.avg_pool2d(pictures.mean(1, keepdim=True), 8)
    mean, std = grey.mean((2, 3), keepdim=True), grey.std((2, 3), keepdim=True)
    return (grey - mean) / (std + FLAT)


def halved(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 2)


def as_float(activations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.float() for name, values in activations.items()}


def train(
    recipe: Recipe,
    style: Tensor,
    pictures_seen: TrainingPictures,
    to: Path,
    *,
    device: torch.device,
) -> Training:
    """Train, or go on from the state in `to`.state, to the end.

    style: (3, H, W) uint8. to: the path of what is written, without a suffix.
    """
    saved, written = to.with_suffix(".state"), to.with_suffix(".safetensors")
    resized = within(style, recipe.style_size)[None].to(device).float() / 255
    loss = PerceptualLoss(recipe, resized)
    pool = pictures_seen.batch(recipe.pool, torch.Generator().manual_seed(SEED)).to(device)
    training = Training(recipe, device)
    if saved.exists():
        training.load_state_dict(checkpoint.read(saved))
    recent: list[dict[str, Tensor]] = []
    begun, first = time.monotonic(), training.step
    for losses in training.run(loss, pool):
        recent.append(losses)
        if len(recent) == PRINTED_EVERY:
            means = {name: torch.stack([each[name] for each in recent]).mean() for name in losses}
            shown = ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())
            passed = time.monotonic() - begun
            print(f"{to.name}, step {training.step}, {passed:.0f} s: {shown}", flush=True)
            recent.clear()
        if training.step % SAVED_EVERY == 0:
            write(training, saved, written)
    write(training, saved, written)
    steps, seconds = training.step - first, time.monotonic() - begun
    print(f"{written}: {steps} steps in {seconds:.0f} s, {written.stat().st_size:,} bytes")
    return training


def write(training: Training, saved: Path, written: Path) -> None:
    with atomic(written) as file:
        file.write(training.style())
    checkpoint.write(saved, training.state_dict())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rockfall_style.compact.train")
    parser.add_argument("style", help="the style's picture: a path, or a name")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--to", type=Path, required=True, help="what is written, without a suffix")
    parser.add_argument("--device", default="auto")
    defaults = Recipe()
    for field in fields(Recipe):
        default = getattr(defaults, field.name)
        kind = {"seconds": float, "normalisation": str}.get(field.name, type(default))
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=default)
    asked = vars(parser.parse_args(arguments))
    recipe = Recipe(**{field.name: asked[field.name] for field in fields(Recipe)})
    files = sorted(path for path in asked["photos"].iterdir() if path.is_file())
    photographs = [load(path) for path in files]
    source = open_source("cifar10")
    assert isinstance(source, Dataset)
    with computing(threads=1, matmul_precision="high"):
        train(
            recipe,
            read_picture(asked["style"], "style"),
            TrainingPictures(photographs, source.test.inputs, recipe.side),
            asked["to"],
            device=choose_device(asked["device"]),
        )


if __name__ == "__main__":
    main()
