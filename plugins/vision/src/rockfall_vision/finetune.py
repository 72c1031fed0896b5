"""A classifier that begins with features that others have learned, for few pictures.

Yosinski et al. 2014, "How transferable are features in deep neural networks?": the layers of a
network that was trained on many pictures tell much of what any picture shows. A new output layer on
them, the head, learns from a few dozen a class what a network from scratch needs thousands for.

    picture → resized to the features' best size → feature network → mean over the positions
            → square root, standardised → linear → classes

On the 512 features of `squeezenet` the head has 5,130 parameters for ten classes.

Training is in two parts, after Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and
Underperform Out-of-Distribution":

1. The head alone. The feature network is frozen, so the features of every training picture, in
   some `views` of it if it is augmented, are computed once and kept in memory. On these, scaled to
   a mean squared norm of 1, the head is a multinomial logistic regression with weights W, the
   minimum of the convex loss

       mean cross-entropy + l2 / N · ‖W‖²

   for N pictures, which Adam on all of them at once comes close to within `head_steps`.
2. With `frozen=false`, then all of the network, end to end, as every classifier here.

It departs from both papers in the square root, which evens out how much rare and strong features
count (Perronnin, Sánchez and Mensink 2010, "Improving the Fisher Kernel", section 3.2): it gained a
point. With `flip`, logits are averaged over a picture and its mirror image.

What was measured is in the plugin's README.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

import rockfall
from rockfall import Dataset, RockfallError, Split, UsageError, fork_rng
from rockfall.kit.features import (
    FEATURE_NETWORKS,
    NORMALISATIONS,
    Architecture,
    FeatureNetwork,
    architecture_of,
    check_features,
    feature_network,
)
from rockfall.kit.files import absolute_path
from rockfall.kit.optimizers import Adam
from rockfall.kit.progress import counted
from rockfall.kit.schedules import lr_factor, set_lr
from rockfall_vision.augmentation import PHOTOGRAPHS, augments
from rockfall_vision.classifier import Classifier, ClassifierConfig, accuracy
from rockfall_vision.inputs import ResizeAndPad, Standardise

BATCH_SIZE = 50
"""Pictures whose features are computed at a time: their maps take 3 MB each."""
HEAD_LR = 0.1
"""Adam's learning rate for the head, annealed to 0 by a cosine."""
VALIDATE_EVERY = 10
"""Steps of the head."""
ROOT_EPSILON = 1e-4
MIN_SPREAD = 1e-2
"""Share of the mean standard deviation that is added to each feature's."""


class FinetuneConfig(ClassifierConfig):
    features: Annotated[str, AfterValidator(absolute_path)] = Field(
        "cifar-vgg",
        description="feature network to begin with: cifar-vgg (comes with Rockfall), squeezenet or "
        "vgg19 (downloaded, trained on a million photographs), random-vgg (untrained), or the path "
        "of a safetensors file of weights of any of these",
    )
    normalisation: Literal["imagenet", "caffe"] | None = Field(
        None, description="input normalisation of weights in a file; the others bring theirs"
    )
    architecture: str | None = Field(
        None,
        description="architecture of the features; none: found by their name, or by the shapes in "
        "the file, and kept, so that the run opens without the file",
    )
    size: int | None = Field(
        None,
        ge=32,
        le=512,
        description="pixels along the longer side that pictures are brought to; none: at which "
        "the features tell most, 160 for squeezenet and vgg19",
    )
    frozen: bool = Field(
        True,
        description="keep the feature network as it is, and train the head alone; false: then all "
        "of it too, which takes some twenty times as long",
    )
    views: int = Field(
        2,
        ge=1,
        le=64,
        description="augmented versions of each training picture from which the head learns, if "
        "any augmentation is chosen; more gained nothing",
    )
    l2: float = Field(
        0.1, ge=0, description="L2 regularisation of the head, divided by the number of pictures"
    )
    head_steps: int = Field(
        200, ge=1, description="steps of Adam for the head, each on all training pictures"
    )
    epochs: int = Field(15, ge=1, description="passes over the training split, if not frozen")
    batch_size: int = Field(
        32, ge=1, description="mini-batch size; small, for steps on few pictures"
    )
    lr: float = Field(
        3e-4, gt=0, description="peak learning rate, if not frozen; low, to keep what was learned"
    )
    weight_decay: float = Field(0.05, ge=0, description="weight decay coefficient, if not frozen")
    warmup: float = Field(
        0.1, ge=0, lt=1, description="fraction of all steps in which the learning rate rises from 0"
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="label smoothing ε, if not frozen")

    @model_validator(mode="before")
    @classmethod
    def _keep_architecture(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("architecture") not in (None, "none"):
            return values
        name = str(values.get("features", cls.model_fields["features"].default))
        try:
            return {**values, "architecture": architecture_of(name).name}
        except UsageError as error:
            if name in FEATURE_NETWORKS or Path(name).expanduser().is_file():
                raise ValueError(str(error)) from None
            return values  # `check_features` says more
        except RockfallError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_features(self.features, self.normalisation)
        if self.architecture is None:
            raise ValueError(f"no features {self.features}: there is no such file")
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(
                f"features {self.features}: no architecture {self.architecture}: {known}"
            )
        for name in ("ema", "patience", "mixup", "cutmix"):
            if self.frozen and getattr(self, name):
                raise ValueError(f"{name} is for training end to end: it needs frozen=false")
        return self


ARCHITECTURES: dict[str, Architecture] = {
    named.architecture.name: named.architecture for named in FEATURE_NETWORKS.values()
}
MIRRORED: dict[str, Any] = {"flip": True}


class Finetune(Classifier):
    """inputs (N, 1 or 3, H, W) uint8 → logits (N, classes). Raises ValueError for other shapes."""

    Config = FinetuneConfig
    config: FinetuneConfig
    precision: ClassVar[str] = "bf16"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "tiny": {"features": "random-vgg", "head_steps": 20},
        "cifar10": MIRRORED,
        "cifar100": MIRRORED,
        "photographs": {**PHOTOGRAPHS, "source.size": 160},  # the best size of squeezenet
    }

    def __init__(self, config: FinetuneConfig, info: rockfall.SourceInfo) -> None:
        if len(info.shape) != 3 or info.shape[0] not in (1, 3):
            raise ValueError(f"it takes pictures of 1 or 3 channels, not inputs of {info.shape}")
        super().__init__(config, info)
        self.standardise = Normalise(config.normalisation or "imagenet")

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        architecture = ARCHITECTURES[str(self.config.architecture)]
        network = FeatureNetwork(architecture, "imagenet")
        network.requires_grad_(not self.config.frozen)
        layers = dict(zip(network.names, network.features, strict=True))
        resize = ResizeAndPad(info.shape, self.config.size or architecture.side)
        head = Head(architecture.width, len(info.classes))
        named = {"resize": resize, **layers, "pool": RootMean(), "head": head}
        return nn.Sequential(OrderedDict(named))

    def forward(self, inputs: Tensor) -> Tensor:
        parts = inputs.split(BATCH_SIZE)
        return torch.cat([self.logits(self.preprocess(part)) for part in parts])

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        """Raises UsageError for features that can't be found, Unavailable for those that can't be
        downloaded.
        """
        if not run.step:  # a resumed run has them from its checkpoint
            self.load_features()
        self.fit_head(data, run)
        if not self.config.frozen:
            super().fit(data, run)

    def load_features(self) -> None:
        """Take the weights of the feature network."""
        found = feature_network(self.config.features, self.config.normalisation)
        if found.architecture.name != self.config.architecture:
            raise UsageError(
                f"features {self.config.features} are of {found.architecture.name}, and not of "
                f"{self.config.architecture}"
            )
        for name, layer in zip(found.names, found.features, strict=True):
            self.network.get_submodule(name).load_state_dict(layer.state_dict())

    def fit_head(self, data: Dataset, run: rockfall.Run) -> None:
        config, steps = self.config, self.config.head_steps
        head = self.network.head
        assert isinstance(head, Head)
        optimizer = Adam(head.parameters(), lr=HEAD_LR)
        run.keep(head=optimizer)
        weights = self.class_weights(data.train)
        train: tuple[Tensor, Tensor] | None = None
        for step in run.steps(steps):
            if train is None:  # once the loop is entered: a finished one needs none
                with fork_rng(run.seed):  # whenever a resumed run computes them, they are the same
                    train = self.views(data.train, run)
                validation = self.features(data.validation.inputs, run), data.validation.labels
                head.standardise(train[0])
            set_lr(optimizer, HEAD_LR * lr_factor(step / steps, "cosine"))
            features, labels = train
            logits = head(features)
            penalty = config.l2 / len(data.train) * head.weight.square().sum()
            loss = F.cross_entropy(logits, labels, weights)
            optimizer.zero_grad()
            (loss + penalty).backward()
            optimizer.step()
            run.log(**{"train loss": loss, "train accuracy": accuracy(logits, labels)})
            if step % VALIDATE_EVERY == VALIDATE_EVERY - 1 or step == steps - 1:
                with torch.no_grad():
                    logits, labels = head(validation[0]), validation[1]
                run.log(
                    **{
                        "validation loss": F.cross_entropy(logits, labels),
                        "validation accuracy": accuracy(logits, labels),
                    }
                )

    def views(self, split: Split, run: rockfall.Run) -> tuple[Tensor, Tensor]:
        """Features (V N, D) of every picture of a split, augmented V times, and the labels (V N,).
        By flips alone, two views are a picture and its mirror image.
        """
        count = self.config.views if augments(self.config) else 1
        found = [self.features(split.inputs, run, epoch) for epoch in range(count)]
        return torch.cat(found), split.labels.repeat(count)

    @torch.no_grad()
    def features(self, inputs: Tensor, run: rockfall.Run, epoch: int | None = None) -> Tensor:
        """What the head sees of inputs (N, C, H, W), (N, D) float32; augmented as in an epoch, or
        not.
        """
        parts, body = inputs.split(BATCH_SIZE), self.network[:-1]
        found = []
        for part in counted(parts, len(parts), f"features of pictures, {BATCH_SIZE} at a time"):
            pictures = self.preprocess(part) if epoch is None else self.augment(part, epoch)
            with run.autocast():
                found.append(body(pictures))
        return torch.cat(found)

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes); with `flip`, of the logits averaged
        over a picture and its mirror image.
        """
        logits: Tensor = self(inputs)
        if self.config.flip:
            logits = (logits + self(inputs.flip(3))) / 2
        return logits.softmax(1)

    def layer_title(self, name: str, layer: nn.Module) -> str:
        """Its name; none of a convolution, whose output the ReLU after it changes in place."""
        return "" if isinstance(layer, nn.Conv2d) else name

    @torch.no_grad()
    def filters(self) -> Tensor:
        """The first layer's weights of red, green and blue, (F, 3, H, W), or of grey, which is all
        three at once, (F, 1, H, W).
        """
        colours = super().filters()[:, :3]
        return colours if self.shape[0] == 3 else colours.sum(1, keepdim=True)


class Normalise(Standardise):
    """(N, 1 or 3, H, W) 0 … 255 → (N, 3, H, W) float32, as a feature network takes it."""

    def __init__(self, normalisation: str) -> None:
        """normalisation: a key of `NORMALISATIONS`."""
        nn.Module.__init__(self)
        for name, values in zip(("mean", "std"), NORMALISATIONS[normalisation], strict=True):
            self.register_buffer(name, 255 * torch.tensor(values).view(-1, 1, 1))


class RootMean(nn.Module):
    """Activations (N, D, H, W) of rectified units → the roots of their means, (N, D) float32.

    A little is added before, since at 0 the root has no derivative.
    """

    def forward(self, activations: Tensor) -> Tensor:
        return (activations.float().mean((2, 3)).clamp(min=0) + ROOT_EPSILON).sqrt()


class Head(nn.Module):
    """Features (N, D) float32 → logits (N, classes) float32: standardised, and divided by √D, so
    that the mean squared norm is 1; then linear, beginning at 0.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.weight = nn.Parameter(torch.zeros(classes, features))
        self.bias = nn.Parameter(torch.zeros(classes))

    def standardise(self, features: Tensor) -> None:
        """Set mean and deviation by the training features (N, D). One that hardly varies is not
        enlarged for it.
        """
        self.mean.copy_(features.mean(0))
        std = features.std(0, correction=0)
        self.std.copy_(std + MIN_SPREAD * std.mean() + torch.finfo(std.dtype).tiny)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            scaled = (features.float() - self.mean) / self.std * features.shape[1] ** -0.5
            return F.linear(scaled, self.weight, self.bias)
