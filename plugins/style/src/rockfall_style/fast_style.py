"""A network that learns one style, and gives it to any picture in one pass.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution": a network f is trained on photographs x, for a picture y of the style,

    min over f of  E  ‖φ(f(x)) − φ(x)‖²  +  w ‖G(f(x)) − G(y)‖²  +  v TV(f(x))     (equation 5)

where φ are activations of a network that sees and does not learn, and G the products of their
channels. Once it is trained, nothing has to be optimised for a picture.

The network is not quite theirs: `OverpaintingNetwork` says how and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset
from rockfall.kit.pictures import within
from rockfall.kit.schedules import lr_factor
from rockfall_style.bands import restyled
from rockfall_style.features import check_names, feature_network
from rockfall_style.losses import content_loss, gram, style_loss, total_variation
from rockfall_style.named import anywhere, read_picture
from rockfall_style.transform_network import REDUCTION, OverpaintingNetwork

LEAST = 32
"""Pixels of a side, below which too little is left in the deeper layers to see a style in."""
SMALL = 64
"""Of which there is enough for some layers, but of strokes hardly one."""
FEW, ENOUGH = 1000, 2000
"""Steps in which a style is hardly learned, and well."""
SEEN = 16
"""Validation pictures that the loss is told of after every epoch."""
AT_ONCE = 8
FRAME = 16
"""Pixels around a picture that go through the network with it: a multiple of `REDUCTION`."""


class FastStyleConfig(rockfall.Config):
    style: Annotated[str, AfterValidator(anywhere)] = Field(
        "brush-strokes",
        description="the picture to paint like: a path, or a name of `rockfall list pictures`",
    )
    style_size: int = Field(
        256, ge=LEAST, le=2048, description="pixels along its longer side: how broad strokes are"
    )
    features: Annotated[str, AfterValidator(anywhere)] = Field(
        "random-vgg",
        description="the network that sees: random-vgg (untrained), vgg19, squeezenet, or the path "
        "of a safetensors file of either's weights",
    )
    normalisation: Literal["imagenet", "caffe"] | None = Field(
        None, description="what weights in a file were trained with; the others bring theirs"
    )
    style_weight: float = Field(
        0.01,
        ge=0,
        description="how much style counts beside content; 1 is what suits gatys with these "
        "features; for trained ones try 0.3",
    )
    total_variation: float = Field(
        3.0, ge=0, description="how much differences between neighbouring pixels count, as noise"
    )
    width: int = Field(16, ge=1, le=128, description="channels of the first layer; published: 32")
    blocks: int = Field(3, ge=0, le=16, description="residual blocks; published: 5")
    epochs: int = Field(
        8, ge=1, description="passes over the pictures; 2,048 steps by default, about a minute"
    )
    batch_size: int = Field(
        1, ge=1, description="pictures a step; published: 4, but more steps teach more"
    )
    lr: float = Field(5e-3, gt=0, description="Adam's first step size; falls to 0 by a cosine")

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_names(self.features, self.normalisation)
        return self


class FastStyle(nn.Module):
    """Colour pictures (N, 3, H, W) uint8. Raises ValueError for others, and for small ones.

    Square ones teach it best: to others a folder adds borders, which it learns to paint on as well.
    """

    Config = FastStyleConfig
    monitor: ClassVar[str] = "-validation_loss"
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"width": 2, "blocks": 1, "epochs": 1, "style_size": 64, "batch_size": 64},
    }

    def __init__(self, config: FastStyleConfig, info: rockfall.SourceInfo) -> None:
        super().__init__()
        channels, *sides = info.shape
        if channels != 3 or len(sides) != 2 or info.dtype != "uint8":
            raise ValueError(f"it learns from colour pictures, and {info.name} has none")
        if min(sides) < LEAST:
            raise ValueError(
                f"it learns from pictures of at least {LEAST} × {LEAST}, and those of {info.name} "
                f"are {sides[1]} × {sides[0]}: try source.size=128"
            )
        self.config = config
        self.network = OverpaintingNetwork(config.width, config.blocks)
        self._goals: dict[torch.device, Goal] = {}

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        goal = self.goal(run.device)
        optimizer = torch.optim.Adam(self.network.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        for doubt in self.doubts(data):
            run.warn(doubt)
        watched = data.validation.evenly_spaced(SEEN).inputs
        for epoch in run.epochs(config.epochs):
            optimizer.param_groups[0]["lr"] = config.lr * lr_factor(
                epoch.index / config.epochs, "cosine"
            )
            for batch in epoch.batches(data.train, config.batch_size):
                with run.autocast():
                    losses = goal.losses(self.made(batch.inputs), batch.inputs)
                optimizer.zero_grad()
                losses["loss"].backward()
                optimizer.step()
                run.log(**losses)
            with torch.no_grad(), run.autocast():
                parts = [goal.losses(self.made(p), p)["loss"] for p in watched.split(AT_ONCE)]
            run.log(validation_loss=torch.stack(parts).mean())

    def doubts(self, data: Dataset) -> Iterator[str]:
        """Why not much may come of it: what a folder is by default is small, and may be few."""
        _, height, width = data.info.shape
        if min(height, width) < SMALL:
            yield f"pictures of {width} × {height} show little of a style: try source.size=128"
        count = len(data.train)
        steps = self.config.epochs * -(-count // self.config.batch_size)
        if steps < FEW:
            enough = -(-ENOUGH * self.config.batch_size // count)
            yield (
                f"{steps:,} steps, {self.config.epochs} passes over {count} pictures, are few to "
                f"learn a style in: epochs={enough} makes {ENOUGH:,}"
            )

    def goal(self, device: torch.device) -> Goal:
        """Not made before it is needed: a run is opened without its style and features."""
        if device not in self._goals:
            self._goals[device] = Goal(self.config, device)
        return self._goals[device]

    def made(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) uint8 → the same in the style, float, a little beyond 0 … 255."""
        height, width = pictures.shape[2:]
        page = framed(pictures.float(), -height % REDUCTION, -width % REDUCTION)
        made: Tensor = self.network(page.contiguous(memory_format=torch.channels_last))
        return inner(made, height, width).float()

    # What it can do -------------------------------------------------------------------------

    def stylize(self, picture: Tensor) -> Tensor:
        """(3, H, W) uint8 of any size → the same in the style."""
        height, width = picture.shape[1:]
        page = framed(picture[None].float()).to(torch.uint8)[0]
        return inner(restyled(self.network, page), height, width)

    def distances(self, made: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, H, W) uint8, and those that they were made of → of each (N,) how far it
        is from the style, and from the content, as `rockfall_style.losses` counts it.
        """
        goal = self.goal(given.device)
        losses = [goal.losses(*pair) for pair in zip(made.split(1), given.split(1), strict=True)]
        style, content = (torch.stack([each[k] for each in losses]) for k in ("style", "content"))
        return style, content


def framed(pictures: Tensor, below: int = 0, beside: int = 0) -> Tensor:
    """(N, C, H, W) continued by copies of its edges: all around, and so much more at the ends.

    Small pictures are all edge: what the network's zeros do there would be much of what it learns.
    """
    return F.pad(pictures, (FRAME, FRAME + beside, FRAME, FRAME + below), mode="replicate")


def inner(framed: Tensor, height: int, width: int) -> Tensor:
    """What was `framed`: (…, H, W)."""
    return framed[..., FRAME : FRAME + height, FRAME : FRAME + width]


class Goal:
    """What pictures are to be like: the style in its features, and themselves."""

    def __init__(self, config: FastStyleConfig, device: torch.device) -> None:
        """Raises UsageError for a style or features that there are none of."""
        self.config = config
        self.features = feature_network(config.features, config.normalisation).to(device)
        style = within(read_picture("style", config.style), config.style_size)
        with torch.no_grad():
            seen = self.features(style[None].to(device).float() / 255)
        self.grams = {layer: gram(seen[layer]) for layer in self.features.style_layers}

    def losses(self, made: Tensor, given: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, H, W), 0 … 255, and those that they were made of → `loss`, which is the
        weighted sum, `style` and `content`, a number each.
        """
        config = self.config
        pictures = made.float() / 255
        with torch.no_grad():
            before = self.features(given.float() / 255)
        seen = {name: values.float() for name, values in self.features(pictures).items()}
        wanted = {layer: before[layer].float() for layer in self.features.content_layers}
        with torch.autocast(made.device.type, enabled=False):  # sums of products of thousands
            style, content = style_loss(seen, self.grams), content_loss(seen, wanted)
            weight = config.style_weight * self.features.style_weight
            rough = config.total_variation * total_variation(pictures)
            loss = content + weight * style + rough
        return {"loss": loss, "style": style, "content": content}
