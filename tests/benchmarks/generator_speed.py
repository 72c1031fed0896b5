"""CPU seconds to fit a VAE: Rockfall, a bare PyTorch loop, and pythae's `train()`.

784-512-16-512-784, Gaussian latents, cross-entropy of grey pixels and KL, Adam, batches of 100, on
the same made-up pictures of MNIST's shape, one thread, taking turns:

- Rockfall: `rockfall.train` from its first step to its last checkpoint, with all that it logs,
  draws and saves; the validation split is one batch, since the others validate nothing;
- bare: the same arithmetic, at the same precision, and no more, on slices of a shuffled index over
  uint8 in memory; Rockfall takes bf16 for the products where the processor multiplies in it;
- pythae: `BaseTrainer.train` with its own MLP encoder and decoder, the loss `bce` and otherwise
  its defaults, in float32, the only precision of its CPU training; no validation data. It is left
  out unless it is installed, `pip install --no-deps pythae==0.1.2 tqdm`: one of the dependencies
  that it names, `dataclasses`, replaces a module of Python's own by an older one.

CPU seconds are those of `time.process_time`; times are medians, and so are the ratios, which are
taken within a round.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import rockfall
from rockfall.building import build_model
from rockfall.kit.devices import autocast
from rockfall.registry import registry
from rockfall.sources.dataset import Dataset, Split
from rockfall.specs import DatasetSpec
from tests.benchmarks.cpu_clock import trained
from tests.benchmarks.machine import Median
from tests.benchmarks.report import Table, script

BATCH, HIDDEN, LATENT, LR = 100, 512, 16, 1e-3
SOURCE = "mnist-shaped-unlabelled"


def mnist_shaped() -> Dataset:
    """Noise, as many as MNIST has to train on: what a picture shows does not change its cost."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        pictures = torch.randint(0, 256, (count, 1, 28, 28), generator=generator)
        return Split(pictures.to(torch.uint8), torch.full((count,), -1))

    splits = {"train": split(540 * BATCH), "validation": split(BATCH), "test": split(BATCH)}
    return Dataset(SOURCE, splits, kinds=("pictures",))


def register_mnist_shaped() -> None:
    spec = DatasetSpec(
        name=SOURCE,
        summary="noise of MNIST's shape",
        target="tests.benchmarks.generator_speed:mnist_shaped",
        kinds=("pictures",),
        licence="CC0",
    )
    registry().datasets.add("tests", spec)


def fit_rockfall(epochs: int) -> tuple[rockfall.Run, float]:
    """The run, and the CPU seconds between its start and its evaluation."""
    settings = {
        "hidden": (HIDDEN,),
        "latent": LATENT,
        "batch_size": BATCH,
        "lr": LR,
        "epochs": epochs,
        "binarise": False,  # pythae does not
        "schedule": "constant",
    }
    run, _, seconds = trained("vae", SOURCE, config=settings)
    return run, seconds


def fit_bare(record: Any, data: Dataset, epochs: int) -> float:
    model: Any = build_model(record)
    encoder, decoder, inputs = model.encoder, model.decoder, data.train.inputs
    device = torch.device("cpu")
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    begun = time.process_time()
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for rows in torch.split(order, BATCH):
            pictures = inputs[rows].float() / 255
            with autocast(device, record.precision):
                mean, log_variance = encoder(pictures.flatten(1)).float().chunk(2, 1)
                latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
                made = decoder(latents).float()
            missed = F.binary_cross_entropy_with_logits(made, pictures, reduction="sum")
            divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
            loss = (missed + divergence) / len(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.process_time() - begun


def fit_pythae(data: Dataset, epochs: int) -> float:
    """CPU seconds of `BaseTrainer.train`, its reports going nowhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pythae.data.datasets import BaseDataset
        from pythae.models import VAE, VAEConfig
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

    logging.disable(logging.INFO)
    pictures: Tensor = data.train.inputs.float() / 255
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config)
    check_shape(model)
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=model,
            train_dataset=BaseDataset(pictures, torch.zeros(len(pictures))),
            training_config=BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                learning_rate=LR,
                per_device_train_batch_size=BATCH,
                no_cuda=True,
            ),
        )
        begun = time.process_time()
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            trainer.train()
        return time.process_time() - begun


def check_shape(model: Any) -> None:
    """That it is the same network: weights in, out, and of as many units."""
    found = sorted(tuple(p.shape) for p in model.parameters() if p.ndim == 2)
    wanted = [(LATENT, HIDDEN)] * 2 + [(HIDDEN, LATENT), (HIDDEN, 784), (784, HIDDEN)]
    assert found == sorted(wanted), f"pythae's network is {found}"


def measure(options: argparse.Namespace) -> list[Table]:
    register_mnist_shaped()
    data = mnist_shaped()
    rivals: dict[str, Callable[[Any], float]] = {
        "bare": lambda record: fit_bare(record, data, options.epochs)
    }
    if importlib.util.find_spec("pythae"):
        rivals["pythae"] = lambda _: fit_pythae(data, options.epochs)
    rounds = []
    for _ in range(options.repeats + 1):
        run, ours = fit_rockfall(options.epochs)
        rounds.append([ours, *(fit(run.record) for fit in rivals.values())])
    rounds = rounds[1:]  # the first warms up
    updates = options.epochs * len(data.train) // BATCH
    ours, *others = zip(*rounds, strict=True)

    def per_update(seconds: Sequence[float]) -> Median:
        return Median([each / updates * 1e3 for each in seconds])

    rows: list[list[Any]] = [["Rockfall", per_update(ours), ""]]
    for name, theirs in zip(rivals, others, strict=True):
        ratio = Median([b / a for a, b in zip(ours, theirs, strict=True)])
        rows.append([name, per_update(theirs), ratio.shown(".2f", " ×")])
    size = f"784-{HIDDEN}-{LATENT}-{HIDDEN}-784, batch {BATCH}"
    headers = [size, "CPU ms an update", "of Rockfall's time"]
    note = "Goals: Rockfall at most 105 % of the bare loop's time, and 2 × as fast as pythae."
    return [Table("A VAE: CPU time beside a bare loop and pythae", headers, rows, note)]


if __name__ == "__main__":
    script(__doc__, measure, repeats=5, epochs=2)
