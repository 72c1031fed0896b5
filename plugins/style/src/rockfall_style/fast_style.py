"""Fast style transfer: a feed-forward network that applies one style to any picture in one pass.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution": an image transformation network f is trained on photographs x, for a style
picture y, to minimise the perceptual loss

    E  ‖φ(f(x)) − φ(x)‖²  +  w ‖G(f(x)) − G(y)‖²  +  v TV(f(x))     (equation 5)

where φ are activations of a frozen feature network and G their Gram matrices. It departs from the
paper in

- the network: instance norm (Ulyanov et al. 2016), half the channels, three residual blocks and not
  five; it paints over the photograph, sees fixed noise, and upsamples before it convolves
  (`SkipTransformNetwork` says how and why). Pictures are padded by their edge, which is cropped;
- the loss: content and style losses are relative to their targets and averaged over the layers
  (`losses.py`), and the feature network is by default an untrained one (`random-vgg`), where the
  paper's is VGG16 trained on ImageNet;
- the training: single pictures and not batches of four, a learning rate of 0.005 annealed by a
  cosine and not a constant 0.001, and by default 2,048 steps on crops of two photographs and not
  40,000 on 80,000 photographs of MS COCO.
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
from rockfall.kit.devices import threads_that_pay
from rockfall.kit.features import check_features
from rockfall.kit.files import absolute_path
from rockfall.kit.optimizers import Adam
from rockfall.kit.resizing import within
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall_style.bands import apply_style
from rockfall_style.features import MULTIPLICATIONS_A_PIXEL, feature_network
from rockfall_style.losses import content_loss, gram, style_loss, total_variation
from rockfall_style.picture_names import read_picture
from rockfall_style.transform_network import REDUCTION, SkipTransformNetwork

MIN_SIDE = 32
"""Pixels of a side, at least: in smaller pictures the deeper layers have too few positions for a
Gram matrix.
"""
ADVISED_SIDE = 64
"""Pixels of a side below which a picture holds hardly one stroke."""
FEW_STEPS, ADVISED_STEPS = 1000, 2000
"""Steps in which a style is hardly learned, and learned well."""
VALIDATION_PICTURES, VALIDATION_BATCH = 16, 8
"""Validation pictures of which the loss is logged after every epoch, and those in one batch."""
PADDING = 16
"""Pixels of replication padding on each side: a multiple of `REDUCTION`."""


class FastStyleConfig(rockfall.Config):
    style: Annotated[str, AfterValidator(absolute_path)] = Field(
        "brush-strokes",
        description="style picture: a path, or a name of `rockfall list pictures`",
    )
    style_size: int = Field(
        256,
        ge=MIN_SIDE,
        le=2048,
        description="pixels along the style's longer side; larger makes broader strokes",
    )
    features: Annotated[str, AfterValidator(absolute_path)] = Field(
        "random-vgg",
        description="feature network of the losses: cifar-vgg, squeezenet and vgg19, which are "
        "downloaded, random-vgg (untrained), or the path of a safetensors file of weights",
    )
    normalisation: Literal["imagenet", "caffe"] | None = Field(
        None, description="input normalisation of weights in a file; the others bring theirs"
    )
    style_weight: float = Field(
        0.01,
        ge=0,
        description="weight of the style loss beside the content loss, in the units of gatys; for "
        "cifar-vgg try 0.06 to 0.2, for squeezenet and vgg19 0.3",
    )
    tv_weight: float = Field(
        3.0, ge=0, description="weight of the total variation loss, which suppresses noise"
    )
    width: int = Field(16, ge=1, le=128, description="channels of the first layer; paper: 32")
    blocks: int = Field(3, ge=0, le=16, description="residual blocks; paper: 5")
    epochs: int = Field(
        8, ge=1, description="passes over the training pictures; 2,048 steps by default, a minute"
    )
    batch_size: int = Field(
        1, ge=1, description="mini-batch size; paper: 4, but more steps are worth more"
    )
    lr: float = Field(
        5e-3, gt=0, description="initial learning rate of Adam, annealed to 0 by a cosine"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_features(self.features, self.normalisation)
        return self


class FastStyle(nn.Module):
    """Learns from colour pictures (N, 3, H, W) uint8; raises ValueError for others, and for small
    ones.

    Square pictures are best: a folder adds borders to others, and the network is trained on these
    too.
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
        if min(sides) < MIN_SIDE:
            raise ValueError(
                f"it learns from pictures of at least {MIN_SIDE} × {MIN_SIDE}, and those of "
                f"{info.name} are {sides[1]} × {sides[0]}: try source.size=128"
            )
        self.config = config
        self.shape = info.shape
        self.network = SkipTransformNetwork(config.width, config.blocks)
        self._losses: dict[torch.device, PerceptualLoss] = {}

    @property
    def threads(self) -> int:
        """A second one gained 29 % by default."""
        pixels = 2 * self.config.batch_size * self.shape[1] * self.shape[2]  # before and after
        return threads_that_pay(pixels * MULTIPLICATIONS_A_PIXEL)

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        perceptual_loss = self.perceptual_loss(run.device)
        optimizer = Adam(self.network.parameters(), lr=config.lr, fused=True)
        run.keep(optimizer=optimizer)
        for warning in self.warnings(data):
            run.warn(warning)
        validation = data.validation.evenly_spaced(VALIDATION_PICTURES).inputs

        def step(inputs: Tensor) -> dict[str, Tensor]:
            with run.autocast():
                losses = perceptual_loss(self.transform(inputs), inputs)
            optimizer.zero_grad()
            losses["loss"].backward()
            optimizer.step()
            return losses

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            set_lr(optimizer, config.lr * lr_factor(epoch.index / config.epochs, "cosine"))
            for batch in epoch.batches(data.train, config.batch_size):
                run.log(**captured_step(batch.inputs))
            with torch.no_grad(), run.autocast():
                parts = [
                    perceptual_loss(self.transform(part), part)["loss"]
                    for part in validation.split(VALIDATION_BATCH)
                ]
            run.log(validation_loss=torch.stack(parts).mean())

    def warnings(self, data: Dataset) -> Iterator[str]:
        """Why the result may be poor: a folder's pictures are small by default, and may be few."""
        _, height, width = data.info.shape
        if min(height, width) < ADVISED_SIDE:
            yield f"pictures of {width} × {height} show little of a style: try source.size=128"
        count = len(data.train)
        steps = self.config.epochs * -(-count // self.config.batch_size)
        if steps < FEW_STEPS:
            enough = -(-ADVISED_STEPS * self.config.batch_size // count)
            yield (
                f"{steps:,} steps, {self.config.epochs} passes over {count} pictures, are few to "
                f"learn a style in: epochs={enough} makes {ADVISED_STEPS:,}"
            )

    def perceptual_loss(self, device: torch.device) -> PerceptualLoss:
        """Created when it is first needed, so that a run can be opened without the files of its
        style and features.
        """
        if device not in self._losses:
            self._losses[device] = PerceptualLoss(self.config, device)
        return self._losses[device]

    def transform(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) uint8 → the network's output, float, slightly beyond 0 … 255."""
        height, width = pictures.shape[2:]
        padded = pad(pictures.float(), -height % REDUCTION, -width % REDUCTION)
        output: Tensor = self.network(padded.contiguous(memory_format=torch.channels_last))
        return crop(output, height, width).float()

    # Capabilities ---------------------------------------------------------------------------

    def stylize(self, picture: Tensor) -> Tensor:
        """(3, H, W) uint8 of any size → the same shape and type, in the style."""
        height, width = picture.shape[1:]
        padded = pad(picture[None].float()).to(torch.uint8)[0]
        return crop(apply_style(self.network, padded), height, width)

    def distances(self, outputs: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The style and the content loss (N,) of each of the outputs (N, 3, H, W) uint8, whose
        content is that of the inputs, of the same shape.
        """
        perceptual_loss = self.perceptual_loss(inputs.device)
        pairs = zip(outputs.split(1), inputs.split(1), strict=True)
        losses = [perceptual_loss(*pair) for pair in pairs]
        style, content = (torch.stack([each[k] for each in losses]) for k in ("style", "content"))
        return style, content


def pad(pictures: Tensor, below: int = 0, right: int = 0) -> Tensor:
    """(N, C, H, W) padded by replication: on all sides, and by so much more below and on the right.

    Training pictures are small, so without it the effect of the network's zero padding at the edges
    would be much of what it learns.
    """
    return F.pad(pictures, (PADDING, PADDING + right, PADDING, PADDING + below), mode="replicate")


def crop(padded: Tensor, height: int, width: int) -> Tensor:
    """The (…, height, width) inside what `pad` returned."""
    return padded[..., PADDING : PADDING + height, PADDING : PADDING + width]


class PerceptualLoss:
    """Equation 5 of Johnson et al., for a style and a feature network on a device."""

    def __init__(self, config: FastStyleConfig, device: torch.device) -> None:
        """Raises UsageError for a style or features that can't be found."""
        self.config = config
        self.features = feature_network(config.features, config.normalisation).to(device)
        style = within(read_picture(config.style, "style"), config.style_size)
        with torch.no_grad():
            activations = self.features(style[None].to(device).float() / 255)
        self.style_targets = {
            layer: gram(activations[layer]) for layer in self.features.style_layers
        }

    def __call__(self, outputs: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Scalars: the weighted sum `loss`, and its parts `style` and `content`, of the outputs
        (N, 3, H, W), 0 … 255, for the inputs, of the same shape.
        """
        config = self.config
        pictures = outputs.float() / 255
        with torch.no_grad():
            targets = self.features(inputs.float() / 255)
        activations = {name: values.float() for name, values in self.features(pictures).items()}
        content_targets = {layer: targets[layer].float() for layer in self.features.content_layers}
        # In float32: Gram matrices are sums of thousands of products.
        with torch.autocast(outputs.device.type, enabled=False):
            style = style_loss(activations, self.style_targets)
            content = content_loss(activations, content_targets)
            weight = config.style_weight * self.features.style_weight
            tv = config.tv_weight * total_variation(pictures)
            loss = content + weight * style + tv
        return {"loss": loss, "style": style, "content": content}
