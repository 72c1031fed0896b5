"""What every classifier here shares: its settings, the one training loop, and how it is looked at.

A classifier is a network between standardised pictures and logits; all else, from the learning-rate
schedule to early stopping, is in `Classifier.fit`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

import rockfall
from rockfall.evaluation import looking
from rockfall.kit.augmentation import alternating_flip, cutout, shift
from rockfall.kit.drawing.tiles import weights
from rockfall.kit.schedules import Schedule, averaged, rate
from rockfall.run.device import autocast, choose_precision
from rockfall.sources.dataset import Dataset, Split
from rockfall_vision.inputs import Standardise
from rockfall_vision.muon import Muon

LOOKED_AT = 1000
"""Pictures that are classified at once when nothing is learned."""
MOST_WEIGHTS = 500_000_000
"""With their gradients and the two averages of Adam they take 8 GB."""


class ClassifierConfig(rockfall.Config):
    epochs: int = Field(20, ge=1, description="passes over the training pictures")
    batch_size: int = Field(128, ge=1, description="pictures a step")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "adamw",
        description="adamw needs the least tuning; sgd is with Nesterov's momentum; muon is for "
        "all kernels and matrices but the last, with adamw for the rest",
    )
    lr: float = Field(1e-3, gt=0, description="highest step size; Adam's published default")
    muon_lr: float = Field(
        0.02, gt=0, description="highest step size of muon, beside lr for the rest"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd and muon; adamw has its own")
    weight_decay: float = Field(
        1e-2, ge=0, description="pull on kernels and matrices towards 0, decoupled in adamw"
    )
    schedule: Schedule = Field("cosine", description="how lr falls to 0 after the warm-up")
    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of all steps in which lr rises from 0"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each label that is spread over all classes"
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay of a moving average of the weights, which then classifies; 0: none",
    )
    patience: int = Field(
        0, ge=0, description="epochs without a better validation accuracy before it stops; 0: never"
    )
    flip: bool = Field(False, description="mirror pictures left to right, every other epoch")
    shift: int = Field(0, ge=0, description="move pictures by up to so many pixels each way")
    cutout: int = Field(0, ge=0, description="side of a square that is hidden in each picture")


class Classifier(nn.Module):
    """inputs (N, C, H, W) uint8 → logits (N, classes). A subclass builds the network.

    `config.ema` (Polyak and Juditsky 1992) averages the weights; label smoothing is that of Szegedy
    et al. 2016 (section 7); the cosine that of Loshchilov and Hutter 2017 (equation 5), with no
    restart. Raises ValueError for a source of fewer than two classes, for more weights than fit
    into a memory, and for single pictures where a network normalises over several.
    """

    Config: ClassVar[type[ClassifierConfig]] = ClassifierConfig
    monitor: ClassVar[str] = "accuracy"
    precision: ClassVar[str] = "float32"
    """Wished for in training, and for looking at pictures however it was trained."""
    memory_format: ClassVar[torch.memory_format] = torch.channels_last
    """Of the pictures on their way in: convolutions on the CPU and on CUDA gain from this one."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        if len(info.classes) < 2:
            raise ValueError(f"{info.name} has fewer than two classes, so nothing to tell apart")
        self.config = config
        self.shape = info.shape
        self.standardise = Standardise(info)
        with torch.device("meta"):  # takes no memory
            weights = sum(p.numel() for p in self.build(info).parameters())
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"{weights:,} weights are more than {MOST_WEIGHTS:,}: take fewer units, or smaller "
                "pictures by source.size"
            )
        self.network = self.build(info)
        if self.normalises and config.batch_size == 1:
            raise ValueError("batch_size=1: batch normalisation is over 2 pictures or more")
        self.network.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self.average = averaged(self.network, config.ema)

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        """The layers from standardised pictures (N, C, H, W) float to logits (N, classes)."""
        raise NotImplementedError

    @property
    def trained(self) -> nn.Sequential:
        """The network that classifies: the average of the one that learns, if there is one."""
        if self.average is None:
            return self.network
        return cast(nn.Sequential, self.average.module)

    @property
    def normalises(self) -> bool:
        """Whether a layer compares the pictures of a batch, which one picture alone defies."""
        norms = nn.BatchNorm1d | nn.BatchNorm2d
        return any(isinstance(module, norms) for module in self.network.modules())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.logits(self.prepared(inputs))

    def logits(self, pictures: Tensor) -> Tensor:
        """Pictures as `prepared` gives them → float32 logits (N, classes) of what classifies."""
        precision = choose_precision("auto", pictures.device, self.precision)
        with autocast(pictures.device, precision):
            said: Tensor = self.trained(pictures)
        return said.float()

    def prepared(self, inputs: Tensor) -> Tensor:
        """Standardised, in the memory format that suits the network."""
        standard: Tensor = self.standardise(inputs)
        return standard.contiguous(memory_format=self.memory_format)

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        self.look_at(data.train)
        optimizers = self.make_optimizers()
        spare = int(self.normalises)  # a last picture alone is left to the other epochs
        steps = config.epochs * math.ceil((len(data.train) - spare) / config.batch_size)
        schedules = [
            LambdaLR(o, lambda step: rate(step / steps, config.schedule, config.warmup))
            for o in optimizers
        ]
        for number, (optimizer, schedule) in enumerate(zip(optimizers, schedules, strict=True)):
            run.keep(**{f"optimizer-{number}": optimizer})
            run.keep(**{f"schedule-{number}": schedule})
        for epoch in run.epochs(config.epochs):
            self.train()
            for batch in epoch.batches(data.train, config.batch_size):
                if len(batch.labels) <= spare:
                    continue
                pictures = self.augmented(batch.inputs, epoch.index)
                with run.autocast():
                    logits = self.network(pictures)
                loss = F.cross_entropy(
                    logits.float(), batch.labels, label_smoothing=config.label_smoothing
                )
                self.network.zero_grad()
                loss.backward()
                for optimizer, schedule in zip(optimizers, schedules, strict=True):
                    optimizer.step()
                    schedule.step()
                if self.average is not None:
                    self.average.update_parameters(self.network)
                run.log(loss=loss)
            accuracy = self.accuracy(data.validation)
            run.log(accuracy=accuracy)
            if math.log2(epoch.index + 1).is_integer():  # early ones change most
                run.picture("weights", lambda: weights(self.filters()))
            if self.gave_up(accuracy, run):
                break

    def look_at(self, train: Split) -> None:
        """Set what follows from the training pictures without being learned from them."""

    def make_optimizers(self) -> list[torch.optim.Optimizer]:
        """Weight decay is for what multiplies; biases and norms are left alone."""
        config = self.config
        learned = [p for p in self.network.parameters() if p.requires_grad]
        kernels = [p for p in learned if p.ndim > 1]
        groups = [
            {"params": kernels, "weight_decay": config.weight_decay},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        if config.optimizer == "adamw":
            return [torch.optim.AdamW(groups, lr=config.lr, fused=True)]
        if config.optimizer == "sgd":
            nesterov = config.momentum > 0
            return [
                torch.optim.SGD(
                    groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True
                )
            ]
        *hidden, last = kernels
        groups[0]["params"] = [last]
        made: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.lr, fused=True)]
        if hidden:
            settings = {"momentum": config.momentum, "weight_decay": config.weight_decay}
            made.append(Muon(hidden, config.muon_lr, **settings))
        return made

    def augmented(self, inputs: Tensor, epoch: int) -> Tensor:
        """Standardised pictures as the network sees them while it learns; what is cut out is 0."""
        config = self.config
        if config.flip:
            inputs = alternating_flip(inputs, epoch)
        pictures = self.prepared(inputs)
        if config.shift:
            pictures = shift(pictures, config.shift)
        if config.cutout:
            pictures = cutout(pictures, config.cutout)
        return pictures

    def gave_up(self, accuracy: Tensor, run: rockfall.Run) -> bool:
        """Early stopping (Prechelt 1998): the best weights come back once patience has run out."""
        if not self.config.patience:
            return False
        best = run.state.get("best", -1.0)
        if accuracy > best:
            run.state.update(best=float(accuracy), waited=0)
            return False
        run.state["waited"] += 1
        if run.state["waited"] < self.config.patience:
            return False
        run.load_weights("best")
        return True

    def accuracy(self, split: Split) -> Tensor:
        """Share of a split that is classified rightly."""
        with looking(self):
            parts = torch.split(split.inputs, LOOKED_AT)
            predicted = torch.cat([self(part).argmax(1) for part in parts])
        right: Tensor = predicted == split.labels
        return right.float().mean()

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    @torch.no_grad()
    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """What each layer makes of inputs (N, C, H, W): (N, C', H', W') or (N, D), in order."""
        found = {}
        values = self.prepared(inputs)
        for name, layer in self.trained.named_children():
            values = layer(values)
            if not isinstance(layer, nn.Flatten | nn.Dropout):
                found[f"{name} {type(layer).__name__}"] = values
        return found

    @torch.no_grad()
    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W)."""
        weights = next(p for p in self.trained.parameters() if p.ndim > 1)
        return weights.reshape(len(weights), *self.shape) if weights.ndim == 2 else weights
