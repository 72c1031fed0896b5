"""The settings of augmentation, and what they do to a batch of training pictures.

Each changes pictures as `rockfall.kit.augmentation` says, and none does unless it is asked for:
what leaves the class of a photograph as it is may make another digit of one.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor

import rockfall
from rockfall.kit.augmentation import (
    alternating_flip,
    colour_jitter,
    crop,
    cutmix,
    cutout,
    mixup,
    rotate,
    shift,
    zoom,
)

PHOTOGRAPHS: dict[str, Any] = {"flip": True, "crop": 0.75, "colour_jitter": 0.2}
"""Preset of photographs: none of these makes another thing of what is on one."""


class AugmentationConfig(rockfall.Config):
    flip: bool = Field(
        False, description="horizontal flip: each picture is mirrored in every other epoch"
    )
    shift: int = Field(0, ge=0, description="random translation by up to so many pixels each way")
    cutout: int = Field(
        0, ge=0, description="side in pixels of the square that cutout masks; 0: none"
    )
    rotation: float = Field(
        0.0, ge=0, le=180, description="random rotation by up to so many degrees each way"
    )
    zoom: float = Field(
        0.0, ge=0, le=4, description="random zoom by a factor of up to 1 + this, in or out"
    )
    crop: float = Field(
        1.0,
        gt=0,
        le=1,
        description="random crops, enlarged, of at least this share of height and width; 1: none",
    )
    colour_jitter: float = Field(
        0.0,
        ge=0,
        le=1,
        description="brightness, contrast and saturation change by up to this share of themselves",
    )
    mixup: float = Field(
        0.0, ge=0, le=100, description="mixup: α of the beta distribution of the shares; 0: none"
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=100,
        description="CutMix: α of the beta distribution of the pasted areas; 0: none",
    )


def augments(config: AugmentationConfig) -> bool:
    """Whether any augmentation of single pictures is chosen."""
    pixels = config.flip or config.shift or config.cutout or config.colour_jitter
    return bool(pixels or config.rotation or config.zoom or config.crop < 1)


def changed(inputs: Tensor, epoch: int | Tensor, config: AugmentationConfig) -> Tensor:
    """inputs (N, C, H, W) uint8 → 0 … 255, as they are before they are standardised.

    epoch: its number, by which flips alternate.
    """
    if config.flip:
        inputs = alternating_flip(inputs, epoch)
    if not (config.rotation or config.zoom or config.crop < 1 or config.colour_jitter):
        return inputs
    pictures = inputs.float()
    if config.rotation:
        pictures = rotate(pictures, config.rotation)
    if config.zoom:
        pictures = zoom(pictures, config.zoom)
    if config.crop < 1:
        pictures = crop(pictures, config.crop)
    if config.colour_jitter:
        pictures = colour_jitter(pictures, config.colour_jitter)
    return pictures


def moved(pictures: Tensor, config: AugmentationConfig) -> Tensor:
    """Standardised pictures, shifted and partly masked with 0, the mean of a channel."""
    if config.shift:
        pictures = shift(pictures, config.shift)
    if config.cutout:
        pictures = cutout(pictures, config.cutout)
    return pictures


def mixed(
    pictures: Tensor, labels: Tensor, classes: int, config: AugmentationConfig
) -> tuple[Tensor, Tensor]:
    """Pictures, and their labels (N,) int64 as they are or, if they are mixed, as probabilities
    (N, classes). With both, mixup comes first.
    """
    if not (config.mixup or config.cutmix):
        return pictures, labels
    targets = torch.eye(classes, device=labels.device)[labels]
    if config.mixup:
        pictures, targets = mixup(pictures, targets, config.mixup)
    if config.cutmix:
        pictures, targets = cutmix(pictures, targets, config.cutmix)
    return pictures, targets
