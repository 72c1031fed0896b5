"""The base class of every torch classifier here: settings, training loop, capabilities.

A subclass builds a network from standardised pictures to logits; all else, from the learning-rate
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
from rockfall import Dataset, Split, eval_mode
from rockfall.kit.devices import autocast, choose_precision, threads_that_pay
from rockfall.kit.drawing import weight_tiles
from rockfall.kit.memory import unallocated
from rockfall.kit.modules import multiplications
from rockfall.kit.optimizers import SGD, AdamW
from rockfall.kit.parallel import average
from rockfall.kit.schedules import Schedule, averaged_model, lr_factor
from rockfall.kit.tracing import Layer, trace_layers
from rockfall_vision.augmentation import AugmentationConfig, changed, mixed, moved
from rockfall_vision.inputs import Standardise
from rockfall_vision.muon import Muon

EVAL_BATCH_SIZE = 1000
"""Pictures in a batch of a forward pass without gradients."""
MAX_PARAMETERS = 500_000_000
"""With their gradients and Adam's two moment estimates they take 8 GB."""


class TrainingConfig(rockfall.Config):
    epochs: int = Field(20, ge=1, description="passes over the training split")
    batches: int = Field(
        0,
        ge=0,
        description="mini-batches after which training ends, instead of epochs, of which the last "
        "may be a part; 0: after all epochs",
    )
    batch_size: int = Field(128, ge=1, description="mini-batch size, in pictures")
    optimizer: Literal["adamw", "sgd", "muon"] = Field(
        "adamw",
        description="optimizer; adamw needs the least tuning, sgd has Nesterov momentum, muon is "
        "for all kernels and matrices but the output layer's, with adamw for the rest",
    )
    lr: float = Field(
        1e-3, gt=0, description="peak learning rate of adamw or sgd; Adam's published default"
    )
    muon_lr: float = Field(
        0.02, gt=0, description="peak learning rate of muon; its published default"
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="momentum coefficient of sgd and muon; adamw has its own β"
    )
    weight_decay: float = Field(
        1e-2,
        ge=0,
        description="weight decay coefficient, for kernels and matrices alone; decoupled in adamw "
        "and muon, an L2 penalty in sgd",
    )
    schedule: Schedule = Field(
        "cosine", description="learning-rate schedule after the warm-up; cosine and linear end at 0"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of all steps in which the learning rate rises from 0"
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="label smoothing ε: the share of a label spread over all classes",
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="exponential decay rate of the averaged weights, which then classify; 0: none",
    )
    patience: int = Field(
        0,
        ge=0,
        description="early stopping: epochs to wait for a better validation accuracy; 0: off",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="weights of the classes in the training loss; balanced: inversely proportional "
        "to how many training pictures each has, so that rare ones count as much",
    )


class ClassifierConfig(AugmentationConfig, TrainingConfig):
    pass


class Classifier(nn.Module):
    """inputs (N, C, H, W) uint8 → logits (N, classes) float32. A subclass builds the network.

    Trained by cross-entropy on mini-batches. `config.ema` (Polyak and Juditsky 1992) averages the
    weights; label smoothing is that of Szegedy et al. 2016 (section 7), the cosine schedule that of
    Loshchilov and Hutter 2017 (equation 5) without restarts, early stopping that of Prechelt 1998.

    Logged at each step: `train loss`, of the batch as the network is trained on it, with dropout,
    augmentation, label smoothing and class weights, and its `train accuracy`. Logged after each
    epoch: `validation loss`, plain cross-entropy, and `validation accuracy`.

    Raises ValueError for a source of fewer than two classes, for more parameters than fit into a
    memory, and for batches of one picture where a network has batch normalisation.
    """

    Config: ClassVar[type[ClassifierConfig]] = ClassifierConfig
    parallel: ClassVar[str] = "batches"
    monitor: ClassVar[str] = "validation accuracy"
    precision: ClassVar[str] = "float32"
    """Preferred in training; used for inference at whatever precision the training was."""
    memory_format: ClassVar[torch.memory_format] = torch.channels_last
    """Of the network's inputs: convolutions on the CPU and on CUDA are faster in channels-last."""

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        if len(info.classes) < 2:
            raise ValueError(f"{info.name} has fewer than two classes; a classifier needs two")
        self.config = config
        self.shape = info.shape
        self.classes = len(info.classes)
        self.standardise = Standardise(info)
        with unallocated():
            count = sum(p.numel() for p in self.build(info).parameters())
        if count > MAX_PARAMETERS:
            raise ValueError(
                f"{count:,} parameters are more than {MAX_PARAMETERS:,}: take fewer units, or "
                "smaller pictures by source.size"
            )
        self.network = self.build(info)
        if self.has_batch_norm and config.batch_size == 1:
            raise ValueError("batch_size=1: batch normalisation needs 2 pictures or more")
        self.network.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self.average = averaged_model(self.network, config.ema)

    def build(self, info: rockfall.SourceInfo) -> nn.Sequential:
        """The layers from standardised pictures (N, C, H, W) float to logits (N, classes)."""
        raise NotImplementedError

    @property
    def inference_network(self) -> nn.Sequential:
        """The network with the averaged weights if `config.ema` asks for them, else `network`."""
        if self.average is None:
            return self.network
        return cast(nn.Sequential, self.average.module)

    @property
    def threads(self) -> int:
        """By the arithmetic of one picture, a batch of them."""
        picture = torch.zeros(
            1, *self.shape, dtype=torch.uint8, device=self.standardise.mean.device
        )
        one = multiplications(self.network, self.preprocess(picture))
        return threads_that_pay(self.config.batch_size * one)

    @property
    def has_batch_norm(self) -> bool:
        """Whether a layer normalises over the batch, which takes more than one picture."""
        norms = nn.BatchNorm1d | nn.BatchNorm2d
        return any(isinstance(module, norms) for module in self.network.modules())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.logits(self.preprocess(inputs))

    def logits(self, pictures: Tensor) -> Tensor:
        """Pictures as `preprocess` gives them → float32 logits (N, classes), for inference."""
        precision = choose_precision("auto", pictures.device, self.precision)
        with autocast(pictures.device, precision):
            logits: Tensor = self.inference_network(pictures)
        return logits.float()

    def preprocess(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) uint8 → standardised float, in the network's memory format."""
        standardised: Tensor = self.standardise(inputs)
        return standardised.contiguous(memory_format=self.memory_format)

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        self.init_from_data(data.train)
        optimizers = self.make_optimizers()
        smallest = 2 if self.has_batch_norm else 1  # a last batch below it is skipped
        in_an_epoch = max(1, math.ceil((len(data.train) - smallest + 1) / config.batch_size))
        steps = config.batches or config.epochs * in_an_epoch
        schedules = [
            LambdaLR(o, lambda step: lr_factor(step / steps, config.schedule, config.warmup))
            for o in optimizers
        ]
        for number, (optimizer, schedule) in enumerate(zip(optimizers, schedules, strict=True)):
            run.keep(**{f"optimizer-{number}": optimizer})
            run.keep(**{f"schedule-{number}": schedule})
        epoch_index = torch.zeros((), dtype=torch.int64, device=run.device)
        weights = self.class_weights(data.train)

        def step(inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
            pictures = self.augment(inputs, epoch_index)
            pictures, targets = mixed(pictures, labels, self.classes, config)
            with run.autocast():
                logits = self.network(pictures)
            loss = F.cross_entropy(
                logits.float(), targets, weights, label_smoothing=config.label_smoothing
            )
            if weights is not None and targets.ndim == 1:
                # The mean is by the weights of all devices' examples; on one, this changes nothing.
                own = weights[targets].mean()
                average(whole := own.clone())
                loss = loss * (own / whole)
            self.network.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
            return {"train loss": loss, "train accuracy": accuracy(logits, targets)}

        captured_step = run.capture(step, *optimizers)
        for epoch in run.epochs(math.ceil(steps / in_an_epoch)):
            self.train()
            epoch_index.fill_(epoch.index)
            train, rest = data.train, steps - epoch.index * in_an_epoch
            if rest < in_an_epoch:
                train = train.some(run.permutation(len(train))[: rest * config.batch_size])
            for batch in epoch.batches(train, config.batch_size):
                if len(batch.labels) < smallest:
                    continue
                metrics = captured_step(*batch)
                for schedule in schedules:
                    schedule.step()
                run.log(**metrics)
            metrics = self.validation_metrics(data.validation)
            run.log(**metrics)
            if math.log2(epoch.index + 1).is_integer():  # the first epochs change filters most
                run.picture("weights", lambda: weight_tiles(self.filters()))
            if self.stop_early(metrics["validation accuracy"], run):
                break

    def class_weights(self, train: Split) -> Tensor | None:
        """(K,), what each class counts in the training loss: N / (K Nₖ) if they are balanced, as
        scikit-learn's are, N of the examples and Nₖ of class k; None if all count the same.
        """
        if self.config.class_weights == "equal":
            return None
        counts = torch.bincount(train.labels, minlength=self.classes)
        return len(train) / (self.classes * counts.clamp(min=1).float())

    def init_from_data(self, train: Split) -> None:
        """Set weights that come from the training pictures without gradient descent; none here."""

    def make_optimizers(self) -> list[torch.optim.Optimizer]:
        """Weight decay is for kernels and matrices; biases and norms have none."""
        config = self.config
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        kernels = [p for p in trainable if p.ndim > 1]
        groups = [
            {"params": kernels, "weight_decay": config.weight_decay},
            {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
        ]
        if config.optimizer == "adamw":
            return [AdamW(groups, lr=config.lr, fused=True)]
        if config.optimizer == "sgd":
            nesterov = config.momentum > 0
            return [
                SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)
            ]
        *hidden, output = kernels
        groups[0]["params"] = [output]
        adamw = AdamW(groups, lr=config.lr, fused=True)
        if not hidden:
            return [adamw]
        settings = {"momentum": config.momentum, "weight_decay": config.weight_decay}
        return [adamw, Muon(hidden, config.muon_lr, **settings)]

    def augment(self, inputs: Tensor, epoch: int | Tensor) -> Tensor:
        """inputs (N, C, H, W) uint8 → preprocessed and augmented for training.

        epoch: its number, by which flips alternate.
        """
        return moved(self.preprocess(changed(inputs, epoch, self.config)), self.config)

    def stop_early(self, accuracy: Tensor, run: rockfall.Run) -> bool:
        """Whether patience has run out; if so, the weights of the best epoch are restored."""
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

    def validation_metrics(self, split: Split) -> dict[str, Tensor]:
        """Mean cross-entropy and accuracy on a split, from one forward pass without gradients."""
        with eval_mode(self):
            parts = torch.split(split.inputs, EVAL_BATCH_SIZE)
            logits = torch.cat([self(part) for part in parts])
        return {
            "validation loss": F.cross_entropy(logits, split.labels),
            "validation accuracy": accuracy(logits, split.labels),
        }

    @torch.no_grad()
    def classify(self, inputs: Tensor) -> Tensor:
        """inputs (N, C, H, W) → probabilities (N, classes)."""
        probabilities: Tensor = self(inputs).softmax(1)
        return probabilities

    def trace(self, inputs: Tensor) -> list[Layer]:
        """inputs (N, C, H, W) → the layers from the pixels to the probabilities (N, classes), of
        the pictures as they are where `classify` averages over views.
        """
        return trace_layers(self, inputs, lambda given: self(given).softmax(1))

    @torch.no_grad()
    def layers(self, inputs: Tensor) -> dict[str, Tensor]:
        """inputs (N, C, H, W) → name → activations (N, C', H', W') or (N, D), in order of depth."""
        activations = {}
        values = self.preprocess(inputs)
        for name, layer in self.inference_network.named_children():
            values = layer(values)
            if title := self.layer_title(name, layer):
                activations[title] = values
        return activations

    def layer_title(self, name: str, layer: nn.Module) -> str:
        """Of a layer's activations; empty if they are not shown."""
        hidden = isinstance(layer, nn.Flatten | nn.Dropout)
        return "" if hidden else f"{name} {type(layer).__name__}"

    @torch.no_grad()
    def filters(self) -> Tensor:
        """The first layer's weights as pictures (F, C, H, W)."""
        weights = next(p for p in self.inference_network.parameters() if p.ndim > 1)
        return weights.reshape(len(weights), *self.shape) if weights.ndim == 2 else weights


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """The share of predictions that are right; of probabilities (N, classes), what they give to
    the predicted class.
    """
    predicted = logits.argmax(1)
    if targets.ndim == 1:
        return (predicted == targets).float().mean()
    return targets.gather(1, predicted[:, None]).mean()
