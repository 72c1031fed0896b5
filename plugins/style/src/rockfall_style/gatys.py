"""Neural style transfer by optimising the pixels of a picture.

Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks". The
content of a picture is represented by the activations of a deep layer of a convolutional network,
and its style by the correlations between the channels of several layers, their Gram matrices. A
picture with the content of a photo and the style of a painting minimises

    L_content(x, photo) + w · L_style(x, painting) + v · TV(x)

over its pixels x, by L-BFGS. It departs from the paper in

- the loss: content and style losses are relative to their targets and averaged over the layers
  (`losses.py`), where the paper's network was rescaled to mean activations of 1; and there are two
  regularisers that the paper does not have, total variation and a penalty for values that are not
  in 0 … 1 (`objective.py` has the whole formula);
- the network: by default a small one trained on CIFAR-10 (`cifar-vgg`), which needs no download;
  `features=vgg19` is the paper's, with its layers and average pooling but other weights;
- the start: from the photo and not from noise, unless `init=noise`, and from coarse to fine (Gatys
  et al. 2017, section 6), as most is decided while the picture is small and a step cheap;
- the optimiser: L-BFGS without a line search (`lbfgs.py`), a given number of iterations at each
  scale; and a margin of reflection padding, which is optimised too and cropped in the end, as the
  network sees less at the edges.

Several styles, masks and preserved colours come from later papers: see `objective.py` and
`colour_preservation.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor

import rockfall
from rockfall import Picture
from rockfall.kit.devices import threads_that_pay
from rockfall.kit.features import check_features
from rockfall.kit.files import absolute_path
from rockfall.kit.memory import available_memory, require_memory
from rockfall.kit.optimizers import Adam
from rockfall_style.features import MULTIPLICATIONS_A_PIXEL
from rockfall_style.inputs import Inputs
from rockfall_style.lbfgs import HISTORY, Lbfgs
from rockfall_style.objective import Objective
from rockfall_style.picture_names import read_picture
from rockfall_style.resizing import resize_and_clip, resize_uint8, scale_factors, to_float

MARGIN = 16
"""Pixels of reflection padding on each side."""
ADAM_LR = 0.02
"""Learning rate of Adam, for values between 0 and 1."""
VECTORS = 2 * HISTORY + 12
"""Floats kept for each optimised value: the history of L-BFGS, the picture, gradients and more."""

Name = Annotated[str, Field(min_length=1), AfterValidator(absolute_path)]


class GatysConfig(rockfall.Config):
    style: tuple[Name, ...] = Field(
        ("stained-glass",),
        min_length=1,
        description="style picture: a path or a name of `rockfall list pictures`; several with "
        "commas between are blended",
    )
    blend_weights: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, description="relative weights of several styles; none: equal"
    )
    style_scale: tuple[Annotated[float, Field(ge=0.1, le=8)], ...] = Field(
        (1.0,),
        min_length=1,
        description="size of the strokes, by that of the style picture: 1 is no larger than the "
        "photo; one for all styles, or one for each",
    )
    style_masks: tuple[Name, ...] | None = Field(
        None,
        description="mask picture for each style, by path or name: it is applied where this is "
        "white; the last style may have none, and is applied where no other is",
    )
    style_weight: float = Field(
        1.0,
        ge=0,
        description="weight of the style loss beside the content loss, in units that suit the "
        "feature network",
    )
    features: Annotated[str, AfterValidator(absolute_path)] = Field(
        "cifar-vgg",
        description="feature network of the losses: cifar-vgg, squeezenet and vgg19, which are "
        "downloaded, random-vgg (untrained), or the path of a safetensors file of weights",
    )
    normalisation: Literal["imagenet", "caffe"] | None = Field(
        None, description="input normalisation of weights in a file; the others bring theirs"
    )
    optimizer: Literal["lbfgs", "adam"] = Field(
        "lbfgs", description="optimiser; L-BFGS is several times faster, Adam needs less memory"
    )
    steps: int = Field(
        60, ge=1, description="iterations at each scale; more bring out more of the style"
    )
    scales: int = Field(
        3,
        ge=1,
        le=8,
        description="scales from coarse to fine, each half the size of the next; small pictures "
        "have fewer",
    )
    init: Literal["photo", "noise"] | Name = Field(
        "photo",
        description="initial picture; from noise the style is freer, and needs more steps; or the "
        "path or name of any other",
    )
    preserve_colours: bool = Field(
        False, description="transfer the style's luminance alone, and keep the photo's colours"
    )
    mask: Name | None = Field(
        None,
        description="mask picture, by path or name: white is optimised, black stays as it is",
    )
    tv_weight: float = Field(
        30.0, ge=0, description="weight of the total variation loss, which suppresses noise"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.blend_weights is not None and len(self.blend_weights) != len(self.style):
            raise ValueError(
                f"blend_weights: there are {len(self.blend_weights)}, and {len(self.style)} "
                "pictures in style"
            )
        if len(self.style_scale) not in (1, len(self.style)):
            raise ValueError(
                f"style_scale: there are {len(self.style_scale)}, and {len(self.style)} pictures "
                "in style"
            )
        if self.style_masks is not None:
            missing = len(self.style) - len(self.style_masks)
            if missing not in (0, 1) or len(self.style) == 1:
                raise ValueError(
                    f"style_masks: there are {len(self.style_masks)}, and {len(self.style)} "
                    "pictures in style; for a single one there is mask"
                )
        check_features(self.features, self.normalisation)
        return self


class Gatys:
    """Holds the stylised picture, (3, H, W) uint8, as large as the photo."""

    Config = GatysConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {"tiny": {"steps": 3, "scales": 2}}

    def __init__(self, config: GatysConfig, info: rockfall.SourceInfo) -> None:
        self.config = config
        self.picture = torch.zeros(info.shape, dtype=torch.uint8)
        self._scale: ScaleState | None = None
        """The optimisation at the present scale, while it runs."""

    @property
    def threads(self) -> int:
        """A second one gained 15 % at the coarsest scale of china, and more at the others."""
        return threads_that_pay(self.picture[0].numel() * MULTIPLICATIONS_A_PIXEL)

    def state_dict(self) -> dict[str, Tensor]:
        return {"picture": self.picture}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Raises ValueError for a picture of another size."""
        if state["picture"].shape != self.picture.shape:
            raise ValueError(f"it holds a picture of {tuple(state['picture'].shape)}")
        self.picture = state["picture"]

    # Optimisation ---------------------------------------------------------------------------

    def fit(self, source: Picture, run: rockfall.Run) -> None:
        """Raises UsageError for files that are not what the settings say, and RockfallError if the
        picture is too large for the memory.
        """
        inputs = load_inputs(self.config, source.pixels, margin=MARGIN)
        self._check_memory(inputs, run.device)
        self.picture = source.pixels.cpu()
        values = self.initial_values(inputs)
        _, height, width = source.pixels.shape
        for factor in scale_factors(height, width, self.config.scales):
            scale = ScaleState(self.config, inputs, factor, values)
            run.keep(canvas=scale)
            self._scale = scale
            for _ in run.steps(self.config.steps):
                scale.step(run)
            values = scale.values.detach()
            self.picture = inputs.compose(values)
        scale.done = True
        self._scale = None

    def initial_values(self, inputs: Inputs) -> Tensor:
        """(1, C, H, W): the photo, uniform noise, or another picture."""
        if self.config.init == "photo":
            return inputs.content
        if self.config.init == "noise":
            return torch.rand(inputs.content.shape).to(inputs.content)
        return inputs.as_values(read_picture(self.config.init, "init (photo, noise or a picture)"))

    def _check_memory(self, inputs: Inputs, device: torch.device) -> None:
        _, _, height, width = inputs.content.shape
        size = height * width * (inputs.network.bytes_per_pixel + 4 * inputs.channels * VECTORS)
        free = available_memory(device)
        longer = max(self.picture.shape)
        fits = longer if free is None else int(longer * min(1.0, free / size) ** 0.5)
        fits = max(1, fits // 10 * 10)
        require_memory(
            device,
            size,
            f"a picture of {' × '.join(map(str, reversed(self.picture.shape[1:])))} pixels",
            f"make it smaller, with --size {fits} of stylize or source.size={fits} of train",
        )
        # There is a forward pass alone, of which half as much is held.
        styles = max(style[0, 0].numel() for style in inputs.styles)
        require_memory(
            device,
            styles * inputs.network.bytes_per_pixel // 2,
            f"a style of {styles:,} pixels",
            "make style_scale smaller",
        )

    # Capabilities ---------------------------------------------------------------------------

    def paint(self, height: int, width: int) -> Tensor:
        """(3, height, width) uint8."""
        picture = self.picture if self._scale is None else self._scale.picture()
        return resize_uint8(picture, height, width)

    def distances(self, photo: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Style losses (N,) of pictures (N, 3, H, W) uint8, and their content losses (N,) relative
        to `photo` (3, H, W) uint8. Reads the files that the settings name.
        """
        inputs = load_inputs(self.config, photo, margin=0)
        loss = objective(self.config, inputs, 1.0)
        parts = [
            loss.losses(inputs.optimised_channels(to_float(picture)))[:2] for picture in pictures
        ]
        style, content = zip(*parts, strict=True)
        return torch.stack(style), torch.stack(content)


def load_inputs(config: GatysConfig, pixels: Tensor, margin: int) -> Inputs:
    """What the settings name, for a photo (3, H, W) uint8."""
    return Inputs(
        pixels,
        styles=config.style,
        blend_weights=config.blend_weights,
        style_scale=config.style_scale,
        mask=config.mask,
        style_masks=config.style_masks,
        features=config.features,
        normalisation=config.normalisation,
        preserve_colours=config.preserve_colours,
        margin=margin,
    )


def objective(config: GatysConfig, inputs: Inputs, factor: float) -> Objective:
    """The loss at a scale, by the settings."""
    return inputs.objective(factor, style_weight=config.style_weight, tv_weight=config.tv_weight)


class Optimizer(Protocol):
    """An optimiser whose step evaluates the loss and its gradient by a closure."""

    def step(self, closure: Callable[[], Tensor], /) -> Any: ...
    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class ScaleState:
    """The optimisation at one scale: its values (1, C, H, W), its loss and its optimiser."""

    def __init__(self, config: GatysConfig, inputs: Inputs, factor: float, values: Tensor) -> None:
        """values: the result of the coarser scale, of any size."""
        self.inputs = inputs
        self.objective = objective(config, inputs, factor)
        size = self.objective.content.shape[2:]
        self.values = resize_and_clip(values, *size).clone().requires_grad_()
        self.optimizer: Optimizer = (
            Lbfgs(self.values) if config.optimizer == "lbfgs" else Adam([self.values], lr=ADAM_LR)
        )
        self.done = False
        """Whether the last scale is finished, so that the last checkpoint need not hold this state,
        which is far larger than a picture.
        """

    def step(self, run: rockfall.Run) -> None:
        def closure() -> Tensor:
            self.values.grad = None
            with run.autocast():
                style, content, loss = self.objective.losses(self.values)
            loss.backward()
            run.log(loss=loss, style_loss=style, content_loss=content)
            return loss

        self.optimizer.step(closure)

    def picture(self) -> Tensor:
        """(3, H, W) uint8, as large as the photo: the picture by the present values."""
        return self.inputs.compose(self.values.detach())

    def state_dict(self) -> dict[str, Any]:
        if self.done:
            return {}
        return {"values": self.values.detach(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Ignores the state of another scale, which a resumed run comes to later."""
        if state["values"].shape == self.values.shape:
            with torch.no_grad():
                self.values.copy_(state["values"])
            self.optimizer.load_state_dict(state["optimizer"])
