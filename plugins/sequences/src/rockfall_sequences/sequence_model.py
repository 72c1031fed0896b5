"""The base class of every memory here: what goes in and comes out, settings, training loop.

A subclass builds the layers between, each from (N, T, D) to (N, T, units).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR

import rockfall
from rockfall import Batch, Dataset, Split, UsageError, eval_mode
from rockfall.kit.optimizers import AdamW
from rockfall.kit.schedules import Schedule, lr_factor
from rockfall.kit.targets import NO_TARGET, has_target
from rockfall_sequences.carried import LONG, States, Stream, Windows, flat, layered, side_by_side
from rockfall_sequences.sequences import Sequences, features_of, outputs_of
from rockfall_sequences.stack import Stack

MOST_CONTEXT = 1024
"""Steps before, of a prompt or of a model without a state, by which the next symbol is written."""
EVAL_STEPS = 50_000
"""Steps of all sequences in a batch of a forward pass without gradients."""


TINY: dict[str, Any] = {"units": 8, "epochs": 2, "batch_size": 100}
"""The preset `tiny` of every model here."""
TEXT: dict[str, Any] = {"units": 128, "epochs": 50, "batch_size": 32, "lr": 0.01}
"""The preset `text`: with more to remember, and a batch of half a page."""

MNIST: dict[str, Any] = {"units": 128, "epochs": 10, "batch_size": 100, "lr": 0.004}
"""The preset `sequential-mnist`, by which row by row 99 % are right."""


class TrainingConfig(rockfall.Config):
    epochs: int = Field(
        20, ge=1, description="passes over the training split; made-up tasks have a new one in each"
    )
    batch_size: int = Field(50, ge=1, description="mini-batch size, in sequences")
    lr: float = Field(0.01, gt=0, le=1, description="peak learning rate of AdamW")
    schedule: Schedule = Field(
        "cosine", description="learning-rate schedule after the warm-up; cosine and linear end at 0"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of all steps in which the learning rate rises from 0"
    )
    weight_decay: float = Field(
        0.0, ge=0, description="weight decay coefficient of AdamW, for matrices alone"
    )
    clip: float = Field(
        1.0,
        gt=0,
        description="largest gradient norm: a larger gradient is scaled down to it, without which "
        "one that explodes over many steps ends what was learned (Pascanu et al. 2013)",
    )


class MemoryConfig(TrainingConfig):
    units: int = Field(32, ge=1, le=4096, description="numbers that a layer gives for each step")
    layers: int = Field(1, ge=1, le=64, description="layers, each of which reads the one before")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the numbers between two layers dropped in training"
    )


class RecurrentConfig(MemoryConfig):
    stateful: bool = Field(
        False,
        description="truncated back-propagation through time: a batch begins with the states that "
        "the last one ended with, and is the next window of each of `batch_size` pieces of one "
        "long text or series; gradients go back over a window, source.length",
    )


class SequenceModel(nn.Module):
    """inputs (N, T, …) → outputs (N, T, K) float32: a logit a class, or K numbers, for each step.

    Symbols are one-hot, bytes are divided by 255, other numbers standardised, and so are numbers
    that are to be predicted. Trained by cross-entropy, or of numbers by their squared error, at
    those steps that have a target.

    Logged at each step: `train loss`, and of classes `train accuracy`; after each epoch
    `validation loss` and `validation accuracy`.
    """

    Config: ClassVar[type[MemoryConfig]] = RecurrentConfig
    parallel: str = "batches"
    monitor: ClassVar[str] = "-validation loss"
    headline: ClassVar[str] = "validation accuracy"
    lengthened_by: ClassVar[str] = "epochs"

    input_mean: Tensor
    input_std: Tensor
    target_mean: Tensor
    target_std: Tensor

    def __init__(self, config: Any, info: rockfall.SourceInfo) -> None:
        super().__init__()
        self.config = config
        self.stateful = isinstance(config, RecurrentConfig) and config.stateful
        if self.stateful:
            self.parallel = "stateful=true carries on the states of every place in a batch"
        if self.stateful and "stream" not in info.kinds:
            raise ValueError(
                f"stateful=true is for one long sequence, and {info.name} is none: leave it out, "
                "or take text or a table of one series, whole"
            )
        self.features, self.outputs = features_of(info), outputs_of(info)
        self.predicts_classes = bool(info.classes)
        self.alphabet = info.classes if "text" in info.kinds else ()
        known = info.statistics if info.dtype.startswith("float") else {}
        for name in ("input", "target"):
            prefix = "" if name == "input" else "target "
            for figure, default in (("mean", 0.0), ("std", 1.0)):
                values = torch.tensor(known.get(f"{prefix}{figure}", [default]))
                if figure == "std":
                    values = torch.where(values > 0, values, 1.0)
                self.register_buffer(f"{name}_{figure}", values)
        self.memory = Stack(self.layer, self.features, config)
        self.readout = nn.Linear(self.config.units, self.outputs)

    def layer(self, inputs: int, units: int) -> nn.Module:
        """A `rockfall_sequences.stack.Layer`, from (N, T, inputs) to (N, T, units)."""
        raise NotImplementedError

    def as_steps(self, inputs: Tensor) -> Tensor:
        """Inputs as the source has them → (N, T, features) float."""
        if inputs.dtype == torch.int64:
            # Unlike `F.one_hot`, this does not wait for the device to tell the greatest.
            symbols = torch.arange(self.features, device=inputs.device)
            return (inputs[..., None] == symbols).float()
        if inputs.dtype == torch.uint8:
            return inputs.float() / 255
        return (inputs - self.input_mean) / self.input_std

    def forward(self, inputs: Tensor) -> Tensor:
        return self.answer(self.as_steps(inputs))

    def answer(self, steps: Tensor) -> Tensor:
        """(N, T, features) float → outputs (N, T, K) float32."""
        return self.read(steps)[0]

    def read(
        self, steps: Tensor, before: Sequence[Tensor] = ()
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(N, T, features) and the states before them, if any, → outputs (N, T, K) float32, and the
        states after them.
        """
        states = layered(before, self.config.layers) if before else None
        remembered, after = self.memory(steps, states)
        return self.readout(remembered).float(), flat(after)

    @torch.no_grad()
    def read_all(self, inputs: Tensor) -> Tensor:
        """Inputs (N, T, …) as the source has them → outputs (N, T, K), by parts that fit in memory:
        by sequences, or of a stateful memory, whose sequences may be long, by steps.
        """
        if not self.stateful:
            return torch.cat([self(part) for part in in_parts(inputs)])
        states: tuple[Tensor, ...] = ()
        found = []
        for part in inputs.split(max(1, EVAL_STEPS // len(inputs)), 1):
            outputs, states = self.read(self.as_steps(part), states)
            found.append(outputs)
        return torch.cat(found, 1)

    def fit(self, data: Dataset, run: rockfall.Run) -> None:
        config = self.config
        learned = self.learned(data, run)
        states = States(self.first_states(learned.rows, run) if self.stateful else ())
        optimizer = self.make_optimizer()
        total = config.epochs * math.ceil(len(learned) / learned.rows)
        schedule = LambdaLR(
            optimizer, lambda step: lr_factor(step / total, config.schedule, config.warmup)
        )
        run.keep(optimizer=optimizer, schedule=schedule)
        if self.stateful:
            run.keep(states=states)

        def step(inputs: Tensor, labels: Tensor, *before: Tensor) -> Any:
            with run.autocast():
                outputs, after = self.read(self.as_steps(inputs), before)
            loss = self.loss(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(self.parameters(), config.clip, foreach=True)
            optimizer.step()
            return self.metrics("train", loss, outputs, labels), after

        captured_step = run.capture(step, optimizer)
        for epoch in run.epochs(config.epochs):
            self.train()
            split = learned.of_epoch(epoch.index)
            for batch in epoch.batches(split, learned.rows, shuffle=learned.shuffled):
                found, after = captured_step(*batch, *states.now)
                run.log(**found)
                schedule.step()
                states.go_on(after)
            states.reset()
            run.log(**self.validation_metrics(self.as_read(data, "validation")))

    def learned(self, data: Dataset, run: rockfall.Run) -> Windows | Stream:
        """What it learns from."""
        if self.stateful:
            return Stream(data, self.config.batch_size, run)
        return Windows(data, self.config.batch_size)

    @torch.no_grad()
    def first_states(self, rows: int, run: rockfall.Run) -> tuple[Tensor, ...]:
        """Before the first step of so many sequences: zeros."""
        steps = torch.zeros(rows, 1, self.features, device=run.device)
        with eval_mode(self), run.autocast():
            return tuple(map(torch.zeros_like, self.read(steps)[1]))

    def as_read(self, data: Dataset, name: str) -> Split:
        """A split as it is measured: its windows, or of a stateful memory the whole of its stream,
        in pieces that are long.
        """
        if not (self.stateful and isinstance(data, Sequences) and data.streams):
            return data.split(name)
        stream = data.stream(name)
        return side_by_side(stream, max(1, stream.inputs.shape[1] // LONG))

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Weight decay is for matrices; biases and what else is a vector have none."""
        matrices = [p for p in self.parameters() if p.ndim > 1]
        vectors = [p for p in self.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return AdamW(groups, lr=self.config.lr, fused=True)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Mean over all targets: cross-entropy, or the squared error of standardised numbers."""
        if labels.ndim == 1:
            return F.cross_entropy(outputs[:, -1], labels)
        if not labels.is_floating_point():
            flat = outputs.flatten(0, 1), labels.flatten()
            return F.cross_entropy(*flat, ignore_index=NO_TARGET)
        given = ~labels.isnan()
        wanted = (labels - self.target_mean) / self.target_std
        # Before the square, whose gradient would be NaN where the target is.
        errors = outputs - torch.where(given, wanted, outputs.detach())
        return errors.square().sum() / given.sum().clamp(min=1)

    def metrics(
        self, split: str, loss: Tensor, outputs: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        found = {f"{split} loss": loss}
        if self.predicts_classes:
            found[f"{split} accuracy"] = accuracy(outputs, labels)
        return found

    def validation_metrics(self, split: Split) -> dict[str, Tensor]:
        """Loss and accuracy on a split, from one forward pass without gradients."""
        with eval_mode(self):
            outputs = self.read_all(split.inputs)
        return self.metrics("validation", self.loss(outputs, split.labels), outputs, split.labels)

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> Tensor:
        """inputs (N, T, …) → (N, T, K): of each step, the probabilities of the classes, or the
        numbers in their own units, from that step and those before.
        """
        return self.in_units(self(inputs))

    def in_units(self, outputs: Tensor) -> Tensor:
        """Outputs as `predict` gives them."""
        if self.predicts_classes:
            return self.probabilities(outputs)
        return outputs * self.target_std + self.target_mean

    def predict_test(self, data: Dataset, limit: int | None = None) -> tuple[Batch, Tensor]:
        """What `test` asks for, as this memory reads it, and what it predicts: of its windows, each
        by itself, or of a stateful memory its stream from beginning to end.
        """
        test = self.as_read(data, "test")
        if test is data.test:
            batch = test.evenly_spaced(limit)
            return batch, torch.cat([self.predict(part) for part in in_parts(batch.inputs)])
        steps = None if limit is None else limit * data.info.shape[0]
        batch = Batch(test.inputs[:, :steps], test.labels[:, :steps])
        return batch, self.in_units(self.read_all(batch.inputs))

    @torch.no_grad()
    def write(self, prompt: Sequence[str], length: int, temperature: float) -> list[str]:
        """Symbols that go on from the prompt's, drawn by torch's global generator.

        temperature: of the softmax; 0 takes the likeliest. Raises UsageError for a model of no
        text, and for a symbol that it has not learned from.
        """
        device = self.readout.weight.device
        states, given, written = None, self.numbers_of(prompt).to(device), []
        for _ in range(length):
            given = given[:, -MOST_CONTEXT:]
            remembered, states = self.memory(self.as_steps(given), states)
            logits = self.readout(remembered[:, -1]).float()
            if temperature == 0:
                drawn = logits.argmax(1, keepdim=True)
            else:
                drawn = (logits / temperature).softmax(1).multinomial(1)
            written.append(self.alphabet[int(drawn)])
            given = torch.cat((given, drawn), 1) if states[0] is None else drawn
        return written

    def numbers_of(self, prompt: Sequence[str]) -> Tensor:
        """(1, T) int64; of an empty prompt the first symbol. Raises UsageError, as `write` does."""
        if not self.alphabet:
            raise UsageError("it has not learned from text, so that it can write none")
        known = {symbol: number for number, symbol in enumerate(self.alphabet)}
        if strange := sorted(set(prompt) - known.keys()):
            shown = " ".join(strange[:10])
            raise UsageError(
                f"it has learned from text without {shown}: leave that out of the prompt"
            )
        return torch.tensor([[known[symbol] for symbol in prompt] or [0]])

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Of the classes, (N, T, K), by the outputs."""
        return outputs.softmax(-1)

    @torch.no_grad()
    def holds(self, inputs: Tensor) -> dict[str, Tensor]:
        """inputs (N, T, …) → name → (N, T, units): what the last layer holds, and how far its gates
        are open, at each step.
        """
        return self.memory.holds(self.as_steps(inputs))

    def influence(self, inputs: Tensor) -> Tensor:
        """inputs (N, T, …) → (N, T): the norm of the gradient of the last step's outputs by each
        step's input, that is, of their Jacobian.
        """
        with torch.enable_grad():
            steps = self.as_steps(inputs).detach().requires_grad_()
            last = self.answer(steps)[:, -1]
            squares = torch.zeros(steps.shape[:2], device=steps.device)
            for output in range(last.shape[1]):
                (gradient,) = torch.autograd.grad(last[:, output].sum(), steps, retain_graph=True)
                squares += gradient.square().sum(-1)
        return squares.sqrt()


def in_parts(inputs: Tensor) -> tuple[Tensor, ...]:
    """Of as many sequences (N, T, …) as have EVAL_STEPS steps together."""
    return torch.split(inputs, max(1, EVAL_STEPS // inputs.shape[1]))


def accuracy(outputs: Tensor, labels: Tensor) -> Tensor:
    """The share of targets that are the likeliest class."""
    if labels.ndim == 1:
        return (outputs[:, -1].argmax(-1) == labels).float().mean()
    asked = has_target(labels)
    return ((outputs.argmax(-1) == labels) & asked).sum() / asked.sum()
