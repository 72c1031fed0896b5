"""A photograph painted anew in the style of another picture, by changing its pixels.

Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks". A network
that tells objects apart sees what a picture shows in the activations of a deep layer, and how it is
painted in which channels of its layers go together, wherever that may be. A picture with the former
of a photo and the latter of a painting is found by going down the slope of its pixels,

    min over x of  L_content(x, photo) + w · L_style(x, painting) + v · TV(x)      (equation 7)

from coarse to fine: most is decided while the picture is small, where a step costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor

import rockfall
from rockfall import Picture
from rockfall.kit.memory import available_memory, require_memory
from rockfall_style.features import check_names
from rockfall_style.goal import Subject, enlarged, floats
from rockfall_style.lbfgs import HISTORY, Lbfgs
from rockfall_style.named import anywhere
from rockfall_style.scales import drawn_up, factors

MARGIN = 16
"""Pixels that are painted around the picture and cut off, as a network sees less at its edges."""
RATE = 0.02
"""Adam's step size, of pixels between 0 and 1."""
VECTORS = 2 * HISTORY + 12
"""Floats a number that is changed: what L-BFGS remembers, the picture, slopes and their like."""

Name = Annotated[str, Field(min_length=1), AfterValidator(anywhere)]


class GatysConfig(rockfall.Config):
    style: tuple[Name, ...] = Field(
        ("stained-glass",),
        min_length=1,
        description="the picture to paint like: a path or a name of `rockfall list pictures`; "
        "several with commas between are mixed",
    )
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, description="how much each of several styles counts; none: all alike"
    )
    style_weight: float = Field(
        1.0, ge=0, description="how much style counts beside content; 1 is what suits the features"
    )
    features: Annotated[str, AfterValidator(anywhere)] = Field(
        "random-vgg",
        description="the network that sees: random-vgg (untrained), vgg19, squeezenet, or the path "
        "of a safetensors file of either's weights",
    )
    normalisation: Literal["imagenet", "caffe"] | None = Field(
        None, description="what weights in a file were trained with; the others bring theirs"
    )
    optimizer: Literal["lbfgs", "adam"] = Field(
        "lbfgs", description="L-BFGS is several times quicker; Adam needs less memory"
    )
    steps: int = Field(60, ge=1, description="at each scale; more bring out more of the style")
    scales: int = Field(
        3, ge=1, le=8, description="each of half the size of the next; small pictures have fewer"
    )
    start: Literal["photo", "noise"] = Field(
        "photo", description="what is painted over; noise frees the style, and needs more steps"
    )
    preserve_colours: bool = Field(
        False, description="take over how light and dark are painted, and keep the photo's colours"
    )
    mask: Name | None = Field(
        None, description="a picture by path or name: white is painted anew, black left as it is"
    )
    total_variation: float = Field(
        30.0, ge=0, description="how much differences between neighbouring pixels count, as noise"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.style):
            raise ValueError(
                f"weights: there are {len(self.weights)}, and {len(self.style)} pictures in style"
            )
        check_names(self.features, self.normalisation)
        return self


class Gatys:
    """Holds the painting, (3, H, W) uint8, as large as the photo."""

    Config = GatysConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": {"steps": 3, "scales": 2}}

    def __init__(self, config: GatysConfig, info: rockfall.SourceInfo) -> None:
        self.config = config
        self.picture = torch.zeros(info.shape, dtype=torch.uint8)
        self._scale: Canvas | None = None
        """What is being painted at the present scale, while it is."""

    def state_dict(self) -> dict[str, Tensor]:
        return {"picture": self.picture}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Raises ValueError for a picture of another size."""
        if state["picture"].shape != self.picture.shape:
            raise ValueError(f"it holds a picture of {tuple(state['picture'].shape)}")
        self.picture = state["picture"]

    # Painting -------------------------------------------------------------------------------

    def fit(self, source: Picture, run: rockfall.Run) -> None:
        """Raises UsageError for files that are not what the settings say, and RockfallError if the
        picture is too large for the memory.
        """
        subject = Subject(self.config, source.pixels, margin=MARGIN)
        self._check_memory(subject, run.device)
        self.picture = source.pixels.cpu()
        values = subject.start()
        _, height, width = source.pixels.shape
        for factor in factors(height, width, self.config.scales):
            canvas = Canvas(subject, factor, values)
            run.keep(canvas=canvas)
            self._scale = canvas
            for _ in run.steps(self.config.steps):
                canvas.step(run)
            values = canvas.values.detach()
            self.picture = subject.finished(values)
        canvas.done = True
        self._scale = None

    def _check_memory(self, subject: Subject, device: torch.device) -> None:
        _, _, height, width = subject.photo.shape
        size = height * width * (subject.network.bytes_a_pixel + 4 * subject.channels * VECTORS)
        free = available_memory(device)
        longer = max(self.picture.shape)
        fits = longer if free is None else int(longer * min(1.0, free / size) ** 0.5)
        require_memory(
            device,
            size,
            f"a picture of {' × '.join(map(str, reversed(self.picture.shape[1:])))} pixels",
            f"make it smaller with source.size={max(1, fits // 10 * 10)}",
        )

    # What it can do -------------------------------------------------------------------------

    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8."""
        picture = self.picture if self._scale is None else self._scale.picture()
        return enlarged(picture, height, width)

    def distances(self, photo: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of pictures (N, 3, H, W) uint8 the style losses (N,), and the content losses (N,) beside
        `photo` (3, H, W) uint8. Reads the files that the settings name.
        """
        subject = Subject(self.config, photo, margin=0)
        goal = subject.goal(1.0)
        parts = [goal.losses(subject.seen(floats(picture)))[:2] for picture in pictures]
        style, content = zip(*parts, strict=True)
        return torch.stack(style), torch.stack(content)


class Steps(Protocol):
    """An optimizer that is told how to evaluate a loss and its slope."""

    def step(self, evaluate: Callable[[], Tensor], /) -> Any: ...
    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class Canvas:
    """What is being painted at one scale, and the optimizer that paints it."""

    def __init__(self, subject: Subject, factor: float, values: Tensor) -> None:
        """values: what a coarser scale left, of any size."""
        self.subject = subject
        self.goal = subject.goal(factor)
        self.values = drawn_up(values, *self.goal.photo.shape[2:]).clone().requires_grad_()
        self.optimizer: Steps = (
            Lbfgs(self.values)
            if subject.config.optimizer == "lbfgs"
            else torch.optim.Adam([self.values], lr=RATE)
        )
        self.done = False
        """Once it is, the last checkpoint need not hold it, which is far larger than a picture."""

    def step(self, run: rockfall.Run) -> None:
        def evaluate() -> Tensor:
            self.values.grad = None
            with run.autocast():
                style, content, loss = self.goal.losses(self.values)
            loss.backward()
            run.log(loss=loss, style_loss=style, content_loss=content)
            return loss

        self.optimizer.step(evaluate)

    def picture(self) -> Tensor:
        """(3, H, W) uint8, as large as the photo: what there is of the painting."""
        return self.subject.finished(self.values.detach())

    def state_dict(self) -> dict[str, Any]:
        if self.done:
            return {}
        return {"values": self.values.detach(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What belongs to another scale, which a resumed run comes to later, is left."""
        if state["values"].shape == self.values.shape:
            with torch.no_grad():
                self.values.copy_(state["values"])
            self.optimizer.load_state_dict(state["optimizer"])
